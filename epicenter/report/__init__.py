"""The analysis for people: terminal and HTML."""

from . import html, terminal

__all__ = ["html", "terminal"]
