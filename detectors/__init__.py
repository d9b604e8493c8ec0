"""Windows -> findings -> one incident. Pure functions: no I/O, no clock, no network."""
