"""Real servers on loopback, for the tests that talk to them."""

READY_S = 30.0
"""Patience with a server that starts on a busy machine; it takes 0.2 s on an idle one."""
