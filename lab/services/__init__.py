"""The shop's services: plain code that knows nothing of telemetry."""
