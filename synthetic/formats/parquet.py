"""Parquet in the model's columns: what Epicenter itself reads fastest."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ...collector.writer import RecordingWriter
from ..telemetry.samples import sample_tables
from ..world.history import History


class Parquet:
    """`spans-*.parquet`, `samples-*.parquet`, `changes-*.parquet`."""

    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer

    def changes(self, table: pa.Table) -> None:
        """Write rows of CHANGES."""
        self._writer.write("changes", table)

    def samples(self, history: History, every_s: float, metrics: Sequence[str]) -> None:
        """Write the samples of these dialects."""
        for table in sample_tables(history, every_s=every_s, metrics=metrics):
            self._writer.write("samples", table)

    def spans(self, table: pa.Table) -> None:
        """Write rows of SPANS."""
        self._writer.write("spans", table)

    def logs(self, table: pa.Table) -> None:
        """Write rows of LOGS."""
        self._writer.write("logs", table)
