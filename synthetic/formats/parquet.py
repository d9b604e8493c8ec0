"""Parquet in the model's columns: what Epicenter itself reads fastest."""

from __future__ import annotations

import pyarrow as pa

from ...collector.writer import RecordingWriter
from ..telemetry.samples import sample_tables
from ..world.history import History


class Parquet:
    """`spans-*.parquet`, `samples-*.parquet`, `changes-*.parquet`, `logs-*.parquet` where there are any."""

    encoded = True

    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer

    def changes(self, table: pa.Table) -> None:
        """Write rows of CHANGES."""
        self._writer.write("changes", table)

    def samples(self, history: History, every_s: float) -> None:
        """Write all samples."""
        for table in sample_tables(history, every_s=every_s):
            self._writer.write("samples", table)

    def spans(self, table: pa.Table) -> None:
        """Write rows of SPANS."""
        self._writer.write("spans", table)

    def logs(self, table: pa.Table) -> None:
        """Write rows of LOGS."""
        if table.num_rows:
            self._writer.write("logs", table)
