"""The live server: telemetry in, one running analysis, out to whoever watches."""
