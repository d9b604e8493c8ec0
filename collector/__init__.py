"""Telemetry in, from anywhere, into one columnar model; recordings; windows."""
