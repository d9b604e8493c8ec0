"""The analysis for people: terminal and HTML."""
