"""Epicenter finds where an outage began, how it spread, and what keeps it going."""
