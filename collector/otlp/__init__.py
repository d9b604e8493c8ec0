"""The OpenTelemetry protocol: its files, as the Collector's file exporter writes them, and requests over the network.

What receives requests (http.py, grpc.py) is imported by its own name: files are read without it.
"""

from .jsonl import convert_lines, looks_like_otlp

__all__ = ["convert_lines", "looks_like_otlp"]
