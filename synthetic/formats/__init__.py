"""The formats that a simulated world can be written in, and their registry."""

from __future__ import annotations

from collections.abc import Callable

from ...collector.writer import RecordingWriter
from .base import Format
from .openmetrics import OpenMetrics
from .otlp import OtlpJson
from .parquet import Parquet

FORMATS: dict[str, Callable[[RecordingWriter], Format]] = {
    "parquet": Parquet,
    "otlp-json": OtlpJson,
    "openmetrics": OpenMetrics,
}
"""Name, as `epicenter simulate --format` takes it -> what writes the files."""

__all__ = ["FORMATS", "Format"]
