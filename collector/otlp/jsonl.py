"""OTLP JSON Lines -> tables of the model, streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from ..errors import UnreadableInput
from ..lines import MAX_LINE_BYTES, Report, read_documents, refuse
from .logs import add_log, log_columns
from .messages import DECODER, Line, ResourceLogs, ResourceMetrics, ResourceSpans
from .metrics import MetricRows
from .spans import add_span, span_columns
from .values import resource_of

BATCH_ROWS = 50_000
"""Rows gathered before they are handed on: enough for a good row group, a few tens of MB in memory."""

Refuse = Callable[[ValueError], None]


class _Rows:
    """The rows of one file that have not been handed on yet."""

    def __init__(self) -> None:
        self.spans = span_columns()
        self.logs, self.changes = log_columns()
        self.metrics = MetricRows()

    def add(self, line: Line, refused: Refuse) -> None:
        """Add what the line holds; `refused` is told of each span, record or metric that cannot be used."""
        for spans in line.resource_spans or ():
            self._add_spans(spans, refused)
        for logs in line.resource_logs or ():
            self._add_logs(logs, refused)
        for metrics in line.resource_metrics or ():
            self._add_metrics(metrics, refused)

    def _add_spans(self, message: ResourceSpans, refused: Refuse) -> None:
        resource, service = resource_of(message.resource)
        for scope in message.scope_spans:
            for span in scope.spans:
                try:
                    add_span(self.spans, span, service, resource)
                except ValueError as error:
                    refused(error)

    def _add_logs(self, message: ResourceLogs, refused: Refuse) -> None:
        resource, service = resource_of(message.resource)
        for scope in message.scope_logs:
            for record in scope.log_records:
                try:
                    add_log(self.logs, self.changes, record, service, resource)
                except ValueError as error:
                    refused(error)

    def _add_metrics(self, message: ResourceMetrics, refused: Refuse) -> None:
        resource, _ = resource_of(message.resource)
        for scope in message.scope_metrics:
            for metric in scope.metrics:
                try:
                    self.metrics.add(metric, resource)
                except ValueError as error:
                    refused(error)

    def take(self, at_least: int) -> Iterator[tuple[str, pa.Table]]:
        """Every table that has gathered `at_least` rows."""
        columns = {"spans": self.spans, "logs": self.logs, "changes": self.changes, "samples": self.metrics.samples}
        for table, rows in columns.items():
            if len(rows) >= at_least:
                yield table, rows.take()


def convert_lines(
    path: Path, report: Report = refuse, *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[str, pa.Table]]:
    """Yield (table name, rows) for what an OTLP JSON Lines file holds, whichever signals they are.

    Reported, with their line, and passed over are lines that are no OTLP, and single spans, log records and
    metrics that cannot be used. A file that is one document spread over many lines is read too.
    """
    rows = _Rows()
    for number, line in read_documents(path, report, max_bytes=max_line_bytes):
        message = _decoded(path, number, line, report)
        if message is not None:
            rows.add(message, lambda error, at=number: report(_not_otlp(path, at, error)))
            yield from rows.take(BATCH_ROWS)
    yield from rows.take(1)


def looks_like_otlp(head: bytes) -> bool:
    """Whether a file that begins with these bytes is OTLP: one of its signals is named at the very start."""
    return any(name in head[:4096] for name in (b'"resourceSpans"', b'"resourceLogs"', b'"resourceMetrics"'))


def _decoded(path: Path, number: int, line: bytes, report: Report) -> Line | None:
    try:
        message = DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        report(_not_otlp(path, number, error))
        return None
    if message.resource_spans is None and message.resource_logs is None and message.resource_metrics is None:
        rule = "has none of resourceSpans, resourceLogs and resourceMetrics"
        report(UnreadableInput(path, rule, line=number))
        return None
    return message


def _not_otlp(path: Path, line: int, error: Exception) -> UnreadableInput:
    return UnreadableInput(path, f"is not OTLP JSON ({error})", line=line)
