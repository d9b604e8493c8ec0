"""The scenarios, one file each, and their registry."""
