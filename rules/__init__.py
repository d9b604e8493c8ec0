"""The shipped Prometheus rules."""
