"""OTLP JSON Lines -> tables of the model, streaming."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from ..errors import UnreadableInput
from ..lines import MAX_LINE_BYTES, Report, read_documents, refuse
from .messages import Line, decoded
from .rows import BATCH_ROWS, Rows
from .totals import Totals


def convert_lines(
    path: Path, report: Report = refuse, *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[str, pa.Table]]:
    """Yield (table name, rows) for what an OTLP JSON Lines file holds, whichever signals they are.

    Reported, with their line, and passed over are lines that are no OTLP, and single spans, log records and
    metrics that cannot be used. A file that is one document spread over many lines is read too.
    """
    rows, totals = Rows(), Totals()
    for number, line in read_documents(path, report, max_bytes=max_line_bytes):
        message = _decoded(path, number, line, report)
        if message is not None:
            rows.add(message, lambda error, _, at=number: report(_not_otlp(path, at, error)))
            yield from totals.added_up(rows.take(BATCH_ROWS))
    yield from totals.added_up(rows.take(1))


def looks_like_otlp(head: bytes) -> bool:
    """Whether a file that begins with these bytes is OTLP: one of its signals is named at the very start."""
    return any(name in head[:4096] for name in (b'"resourceSpans"', b'"resourceLogs"', b'"resourceMetrics"'))


def _decoded(path: Path, number: int, line: bytes, report: Report) -> Line | None:
    try:
        message = decoded(line)
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
