"""The OpenTelemetry protocol's files: OTLP JSON Lines as the Collector's file exporter writes them."""

from .jsonl import convert_lines, looks_like_otlp

__all__ = ["convert_lines", "looks_like_otlp"]
