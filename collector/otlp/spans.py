"""OTLP spans -> SPANS."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..columns import Columns, Maps, Pairs, SharedMaps, checked_time
from ..model import SPANS
from .messages import Enum, Event, Span
from .values import pairs

UNFINISHED = "epicenter.span.unfinished"
"""The span attribute ("true") of a span that was exported without an end; such a span has Duration 0."""

_KINDS = ("", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUS = ("Unset", "Ok", "Error")
_NO_PARENT = "0" * 16


class _Events:
    """The Events column: a list of structs a row, built flat."""

    def __init__(self) -> None:
        self._offsets, self._times, self._names, self._attributes = [0], list[int](), list[str](), Maps()

    def append(self, events: list[tuple[int, str, Pairs]]) -> None:
        for time, name, attributes in events:
            self._times.append(time)
            self._names.append(name)
            self._attributes.append(attributes)
        self._offsets.append(len(self._times))

    def take(self) -> pa.ListArray:
        kind: Any = SPANS.field("Events").type
        fields = [kind.value_type.field(i) for i in range(kind.value_type.num_fields)]
        times = pa.array(self._times, pa.int64()).cast(fields[0].type)
        structs = pa.StructArray.from_arrays(
            [times, pa.array(self._names, pa.string()), self._attributes.take()], fields=fields
        )
        lists = pa.ListArray.from_arrays(pa.array(self._offsets, pa.int32()), structs)
        self.__init__()
        return lists


def span_columns() -> Columns:
    """An empty builder of SPANS."""
    return Columns(SPANS, ResourceAttributes=SharedMaps(), SpanAttributes=Maps(), Events=_Events())


def add_span(columns: Columns, span: Span, service: str, resource: Pairs) -> None:
    """Append one span; ValueError where a time or an enum is none.

    A span that ends before it began (a clock was set back) has duration 0.
    """
    start = checked_time(span.start_time_unix_nano, "startTimeUnixNano")
    attributes = pairs(span.attributes)
    duration = 0
    if span.end_time_unix_nano:
        duration = max(0, checked_time(span.end_time_unix_nano, "endTimeUnixNano") - start)
    else:
        attributes = (*attributes, (UNFINISHED, "true"))
    parent = span.parent_span_id.lower()
    status = span.status
    columns.append(
        start,
        span.trace_id.lower(),
        span.span_id.lower(),
        "" if parent == _NO_PARENT else parent,
        span.name,
        _enum(span.kind, _KINDS, "SPAN_KIND_"),
        service,
        duration,
        "Unset" if status is None else _enum(status.code, _STATUS, "STATUS_CODE_"),
        "" if status is None else status.message,
        resource,
        attributes,
        [_event(event, start) for event in span.events],
    )


def _event(event: Event, start: int) -> tuple[int, str, Pairs]:
    """An event without a time is set at its span's start."""
    time = checked_time(event.time_unix_nano, "timeUnixNano of an event") if event.time_unix_nano else start
    return time, event.name, pairs(event.attributes)


def _enum(value: Enum, names: tuple[str, ...], prefix: str) -> str:
    """An enum in the model's word; "" for one that the protocol did not know when this was written."""
    if isinstance(value, str) and not value.isdecimal():
        word = value.removeprefix(prefix).capitalize()
        return word if word in names else ""
    number = int(value)
    return names[number] if 0 <= number < len(names) else ""
