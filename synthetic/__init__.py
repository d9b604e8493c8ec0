"""Simulated worlds of real cascades, with known truth, emitted as telemetry."""
