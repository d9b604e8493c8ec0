"""OTLP messages -> columns of the model. One builder a table; `take()` hands over what has gathered."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..changes import change_of
from ..model import CHANGES, LOGS, SPANS
from .messages import LogRecord, ResourceLogs, ResourceSpans, Span, pairs, text

_KINDS = ("", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUS = ("Unset", "Ok", "Error")

EARLIEST_NS = 946_684_800 * 10**9
LATEST_NS = 4_102_444_800 * 10**9
"""2000-01-01 and 2100-01-01: outside, a unit was mistaken (seconds for nanoseconds) or a clock was never set."""


class Columns:
    """Rows gathered column by column for one schema."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._columns: tuple[list[Any], ...] = tuple([] for _ in schema)

    def __len__(self) -> int:
        return len(self._columns[0])

    def append(self, *row: Any) -> None:
        """Add one row, in the schema's order."""
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)

    def truncate(self, length: int) -> None:
        """Forget the rows after the first `length`."""
        for column in self._columns:
            del column[length:]

    def take(self) -> pa.Table:
        """The rows as an Arrow table; the builder is empty afterwards."""
        arrays = [pa.array(column, field.type) for column, field in zip(self._columns, self.schema, strict=True)]
        self._columns = tuple([] for _ in self.schema)
        return pa.table(arrays, schema=self.schema)


def checked_time(value: int | str, what: str) -> int:
    """A time in ns; ValueError where it is no number or not between the years 2000 and 2100."""
    nanos = int(value)
    if not EARLIEST_NS <= nanos < LATEST_NS:
        raise ValueError(f"{what} {nanos} is not a time in nanoseconds between the years 2000 and 2100")
    return nanos


def add_spans(columns: Columns, message: ResourceSpans) -> None:
    """Append the spans of one resource."""
    resource = pairs(message.resource.attributes)
    service = dict(resource).get("service.name", "")
    for scope in message.scope_spans:
        for span in scope.spans:
            _add_span(columns, span, service, resource)


def _add_span(columns: Columns, span: Span, service: str, resource: list[tuple[str, str]]) -> None:
    start = checked_time(span.start_time_unix_nano, "startTimeUnixNano")
    end = int(span.end_time_unix_nano)
    attributes = pairs(span.attributes)
    if end == 0:
        # the span was exported without having ended: kept, marked, with no duration
        attributes.append(("epicenter.span.unfinished", "true"))
    events = [
        {"Timestamp": int(event.time_unix_nano), "Name": event.name, "Attributes": pairs(event.attributes)}
        for event in span.events
    ]
    columns.append(
        start,
        span.trace_id.lower(),
        span.span_id.lower(),
        span.parent_span_id.lower(),
        span.name,
        _enum(span.kind, _KINDS, "SPAN_KIND_"),
        service,
        max(0, end - start) if end else 0,
        _enum(span.status.code, _STATUS, "STATUS_CODE_"),
        span.status.message,
        resource,
        attributes,
        events,
    )


def _enum(value: int | str, names: tuple[str, ...], prefix: str) -> str:
    if isinstance(value, str) and value.startswith(prefix):
        return value.removeprefix(prefix).capitalize().replace("Unspecified", "")
    number = int(value)
    return names[number] if 0 <= number < len(names) else ""


def add_logs(logs: Columns, changes: Columns, message: ResourceLogs) -> None:
    """Append the log records of one resource; those that tell of a change are appended to `changes` too."""
    resource = pairs(message.resource.attributes)
    service = dict(resource).get("service.name", "")
    for scope in message.scope_logs:
        for record in scope.log_records:
            _add_log(logs, changes, record, service, resource)


def _add_log(logs: Columns, changes: Columns, record: LogRecord, service: str, resource: list[tuple[str, str]]) -> None:
    time = checked_time(record.time_unix_nano or record.observed_time_unix_nano, "timeUnixNano")
    attributes = pairs(record.attributes)
    by_key = dict(attributes)
    body = text(record.body)
    event = record.event_name or by_key.get("event.name", "")
    logs.append(
        time,
        record.trace_id.lower(),
        record.span_id.lower(),
        record.severity_text,
        service,
        body,
        event,
        resource,
        attributes,
    )
    change = change_of(event, by_key, body, service)
    if change is not None:
        changes.append(time, *change)


def span_columns() -> Columns:
    """An empty builder of SPANS."""
    return Columns(SPANS)


def log_columns() -> tuple[Columns, Columns]:
    """Empty builders of LOGS and CHANGES."""
    return Columns(LOGS), Columns(CHANGES)
