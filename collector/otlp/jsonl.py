"""OTLP JSON Lines -> tables of the model, streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from ..errors import UnreadableInput
from ..lines import MAX_LINE_BYTES, read_lines
from .messages import DECODER, Line
from .metrics import MetricRows
from .rows import add_logs, add_spans, log_columns, span_columns

BATCH_ROWS = 50_000
"""Rows gathered before they are handed on: enough for a good row group, a few tens of MB in memory."""


class _Builders:
    """The rows of one file that have not been handed on yet."""

    def __init__(self) -> None:
        self.spans = span_columns()
        self.logs, self.changes = log_columns()
        self.metrics = MetricRows()

    def add(self, line: Line) -> None:
        """Add the line's rows, or, at a ValueError, none of them."""
        columns = (self.spans, self.logs, self.changes, self.metrics.samples)
        lengths = [len(column) for column in columns]
        try:
            self._add(line)
        except ValueError:
            for column, length in zip(columns, lengths, strict=True):
                column.truncate(length)
            raise

    def _add(self, line: Line) -> None:
        for spans in line.resource_spans or ():
            add_spans(self.spans, spans)
        for logs in line.resource_logs or ():
            add_logs(self.logs, self.changes, logs)
        for metrics in line.resource_metrics or ():
            self.metrics.add(metrics)

    def take(self, at_least: int) -> Iterator[tuple[str, pa.Table]]:
        """Every table that has gathered `at_least` rows."""
        builders = {"spans": self.spans, "logs": self.logs, "changes": self.changes, "samples": self.metrics.samples}
        for table, columns in builders.items():
            if len(columns) >= at_least:
                yield table, columns.take()


def convert_lines(
    path: Path, skip: Callable[[UnreadableInput], None] | None = None, *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[str, pa.Table]]:
    """Yield (table name, rows) for what an OTLP JSON Lines file holds, whichever signals they are.

    A line that is no OTLP raises UnreadableInput with its number, or, where `skip` is given, is handed to it and
    passed over; a file that breaks off is read up to there in that case.
    """
    builders = _Builders()
    lines = read_lines(path, max_line_bytes=max_line_bytes)
    while True:
        try:
            number, line = next(lines)
            _add_line(builders, path, number, line)
        except StopIteration:
            break
        except UnreadableInput as error:
            if skip is None:
                raise
            skip(error)
        yield from builders.take(BATCH_ROWS)
    yield from builders.take(1)


def _add_line(builders: _Builders, path: Path, number: int, line: bytes) -> None:
    try:
        message = DECODER.decode(line)
        builders.add(message)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnreadableInput(path, f"is not OTLP JSON ({error})", line=number) from error
    if message.resource_spans is None and message.resource_logs is None and message.resource_metrics is None:
        rule = "has none of resourceSpans, resourceLogs and resourceMetrics"
        raise UnreadableInput(path, rule, line=number)
