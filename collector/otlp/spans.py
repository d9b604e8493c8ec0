"""OTLP spans -> SPANS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..columns import Columns, Pairs, checked_time, maps, offsets, shared_maps
from ..model import SPANS
from .messages import Event, Span
from .values import pairs

UNFINISHED = "epicenter.span.unfinished"
"""The span attribute ("true") of a span that was exported without an end; such a span has Duration 0."""

KINDS = ("", "Internal", "Server", "Client", "Producer", "Consumer")
STATUS = ("Unset", "Ok", "Error")
NO_PARENT = "0" * 16
TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8
_HEX = re.compile("[0-9a-f]*")


def span_columns() -> Columns:
    """An empty builder of SPANS."""
    return Columns(SPANS, ResourceAttributes=shared_maps, SpanAttributes=maps, Events=_events)


def _events(rows: Sequence[Sequence[tuple[int, str, Pairs]]]) -> pa.Array:
    """Build the Events column, flat."""
    kind: Any = SPANS.field("Events").type
    fields = [kind.value_type.field(i) for i in range(kind.value_type.num_fields)]
    flat = [event for events in rows for event in events]
    times = pa.array([event[0] for event in flat], pa.int64()).cast(fields[0].type)
    names = pa.array([event[1] for event in flat], pa.string())
    attributes = maps([event[2] for event in flat]).cast(fields[2].type)
    return pa.ListArray.from_arrays(
        offsets(rows), pa.StructArray.from_arrays([times, names, attributes], fields=fields)
    )


def add_span(columns: Columns, span: Span, service: str, resource: Pairs) -> None:
    """Append one span; ValueError where it has no id, or an id or a time is none.

    A span that ends before it began (a clock was set back) has duration 0.
    """
    if not span.trace_id or not span.span_id:
        raise ValueError("a span has no traceId or no spanId")
    trace = _id(span.trace_id, TRACE_ID_BYTES, "traceId")
    own = _id(span.span_id, SPAN_ID_BYTES, "spanId")
    parent = _id(span.parent_span_id, SPAN_ID_BYTES, "parentSpanId") if span.parent_span_id else ""
    start = checked_time(span.start_time_unix_nano, "startTimeUnixNano")
    attributes = pairs(span.attributes)
    duration = 0
    if span.end_time_unix_nano:
        duration = max(0, checked_time(span.end_time_unix_nano, "endTimeUnixNano") - start)
    else:
        attributes = (*attributes, (UNFINISHED, "true"))
    status = span.status
    columns.append(
        (
            start,
            trace,
            own,
            "" if parent == NO_PARENT else parent,
            span.name,
            _enum(span.kind, KINDS, "SPAN_KIND_"),
            service,
            duration,
            "Unset" if status is None else _enum(status.code, STATUS, "STATUS_CODE_"),
            "" if status is None else status.message,
            resource,
            attributes,
            [_event(event, start) for event in span.events] if span.events else (),
        )
    )


def _event(event: Event, start: int) -> tuple[int, str, Pairs]:
    """An event without a time is set at its span's start."""
    time = checked_time(event.time_unix_nano, "timeUnixNano of an event") if event.time_unix_nano else start
    return time, event.name, pairs(event.attributes)


def _id(text: str, size: int, field: str) -> str:
    found = text.lower()
    if len(found) != 2 * size or not _HEX.fullmatch(found):
        raise ValueError(f"{field} {text[:40]!r} is not {size} bytes in hex")
    return found


def _enum(value: int | str, names: tuple[str, ...], prefix: str) -> str:
    """An enum in the model's word; "" for one that the protocol did not know when this was written."""
    if isinstance(value, str):
        word = value.removeprefix(prefix).capitalize()
        return word if word in names else ""
    return names[value] if 0 <= value < len(names) else ""
