"""OTLP log records -> LOGS, and those that tell of a change -> CHANGES too."""

from __future__ import annotations

from ..changes import change_of
from ..columns import Columns, Pairs, checked_time, maps, shared_maps
from ..model import CHANGES, LOGS
from .messages import LogRecord
from .values import pairs, text


def log_columns() -> tuple[Columns, Columns]:
    """Empty builders of LOGS and CHANGES."""
    return Columns(LOGS, ResourceAttributes=shared_maps, LogAttributes=maps), Columns(CHANGES)


def add_log(logs: Columns, changes: Columns, record: LogRecord, service: str, resource: Pairs) -> None:
    """Append one record; ValueError where its time is none, or it tells of a change in numbers that are none."""
    time = checked_time(record.time_unix_nano or record.observed_time_unix_nano, "timeUnixNano")
    attributes = pairs(record.attributes)
    by_key = dict(attributes)
    body = text(record.body)
    event = record.event_name or by_key.get("event.name", "")
    change = change_of(event, by_key, body, service)
    trace, span = record.trace_id.lower(), record.span_id.lower()
    logs.append((time, trace, span, record.severity_text, service, body, event, resource, attributes))
    if change is not None:
        changes.append((time, *change))
