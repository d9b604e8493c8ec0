"""The live web page: the current incident as it unfolds, past ones, and the same as JSON."""

from .routes import page_routes

__all__ = ["page_routes"]
