"""The OpenTelemetry protocol's files."""
