"""Export requests of spans in protobuf -> SPANS by `ptars`, where it is installed: many times as fast as by message.

It takes what is ordinary and leaves the rest (an id of odd length, an attribute twice, …) to the way that all of OTLP
takes, which is the oracle in the tests. What upb says is no message is left to that way too.

A sender is answered once it is known that all of its spans will be taken (`certain`), which is told by their ids and
times alone. They are decoded behind that, many requests at once: a request by itself costs twice as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2

from ..columns import EARLIEST_NS, LATEST_NS
from ..model import SPANS
from ..told import OF_RESOURCE, TOLD_SPANS, of_events, told
from .protobuf import json_value
from .pruned import NESTED, PLAIN, checker, plain_reader, reader
from .spans import KINDS, NO_PARENT, SPAN_ID_BYTES, STATUS, TRACE_ID_BYTES
from .values import text

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
_compute: Any = import_module("pyarrow.compute")  # made when it is imported, so that no type checker can see it
_MOST_PLACES = 2**22
_OF_RESOURCE = {"ServiceName": "service.name", **OF_RESOURCE}
_ID_BYTES = {
    "trace_id": (TRACE_ID_BYTES,),
    "span_id": (SPAN_ID_BYTES,),
    "parent_span_id": (SPAN_ID_BYTES, 0),
}


class _Odd(Exception):
    """Something that is not taken here."""


def certain(body: bytes) -> int | None:
    """How many spans an ExportTraceServiceRequest has where all of them will be taken; None where that is not told."""
    handler = checker()
    if handler is None:
        return None
    try:
        trace_service_pb2.ExportTraceServiceRequest.FromString(body)  # ptars takes some of what is no message
        found = _spans_of(handler.list_to_record_batch([body])["resource_spans"].values)
        for name, sizes in _ID_BYTES.items():
            _sized(_offsets(found.field(name)), sizes)
        for name in ("start_time_unix_nano", "end_time_unix_nano"):
            _times(found.field(name))
        events = found.field("events").values.field("time_unix_nano").to_numpy()
        _times(pa.array(events[events > 0], pa.uint64()))
    except (_Odd, DecodeError, ValueError):
        return None
    return len(found)


def spans(bodies: Sequence[bytes]) -> pa.Table | None:
    """The spans of some ExportTraceServiceRequests; of what upb says is no message, any.

    None where one of them is to be read message by message.
    """
    return _read(reader(), bodies, SPANS)


def plain_spans(bodies: Sequence[bytes]) -> pa.Table | None:
    """The same, sooner, of requests whose attributes are all texts or whole numbers; else None."""
    return _read(plain_reader(), bodies, SPANS)


def told_spans(bodies: Sequence[bytes]) -> pa.Table | None:
    """The same as TOLD_SPANS, which takes half of the time."""
    return _read(plain_reader(), bodies, TOLD_SPANS)


def _read(handler: Any, bodies: Sequence[bytes], schema: pa.Schema) -> pa.Table | None:
    if handler is None:
        return None
    try:
        return _table(handler.list_to_record_batch(bodies)["resource_spans"].values, schema)
    except (_Odd, ValueError):
        return None


def _spans_of(resources: Any) -> Any:
    return resources.field("scope_spans").values.field("spans").values


def _table(resources: Any, schema: pa.Schema) -> pa.Table:
    scopes = resources.field("scope_spans")
    per_scope = scopes.values.field("spans")
    found = _spans_of(resources)
    of_resource = np.diff(per_scope.offsets.to_numpy()[scopes.offsets.to_numpy()])
    attributes = resources.field("resource").field("attributes")
    whose = pa.array(np.repeat(np.arange(len(of_resource)), of_resource), pa.int32())
    start, end = (_times(found.field(name)) for name in ("start_time_unix_nano", "end_time_unix_nano"))
    status = found.field("status")
    valid = status.is_valid()
    columns: dict[str, Callable[[], Any]] = {
        "Timestamp": lambda: pa.array(start.view("datetime64[ns]")),
        "TraceId": lambda: _hex(found, "trace_id"),
        "SpanId": lambda: _hex(found, "span_id"),
        "ParentSpanId": lambda: _parents(_hex(found, "parent_span_id")),
        "SpanName": lambda: found.field("name"),
        "SpanKind": lambda: _named(found.field("kind"), KINDS),
        **{name: partial(_of_resource, attributes, key, whose) for name, key in _OF_RESOURCE.items()},
        "Duration": lambda: pa.array(np.maximum(end - start, 0)),
        "StatusCode": lambda: _compute.if_else(valid, _named(status.field("code"), STATUS), STATUS[0]),
        "StatusMessage": lambda: _compute.if_else(valid, status.field("message"), ""),
        "ResourceAttributes": lambda: _maps(attributes).take(whose),
        "SpanAttributes": lambda: (_maps if schema is SPANS else _told)(found.field("attributes")),
        "Events": lambda: _events(found.field("events"), start, schema),
    }
    return pa.table([columns[field.name]().cast(field.type) for field in schema], schema=schema)


def _times(array: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Nanoseconds that `checked_time` would take."""
    times = array.to_numpy()
    if len(times) and not (times.min() >= EARLIEST_NS and times.max() < LATEST_NS):
        raise _Odd
    return times.astype(np.int64)


def _hex(spans: Any, name: str) -> Any:
    array = spans.field(name)
    offsets = _offsets(array)
    _sized(offsets, _ID_BYTES[name])
    data = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    text, ends = _HEX[data], (2 * (offsets - offsets[0])).astype(np.int32)
    return pa.StringArray.from_buffers(len(array), pa.py_buffer(ends), pa.py_buffer(text))


def _offsets(array: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]


def _sized(offsets: np.ndarray[Any, np.dtype[np.int32]], sizes: tuple[int, ...]) -> None:
    if not np.isin(np.diff(offsets), sizes).all():
        raise _Odd


def _parents(parents: Any) -> Any:
    return _compute.if_else(_compute.equal(parents, NO_PARENT), "", parents)


def _named(numbers: Any, names: tuple[str, ...]) -> Any:
    """Enums in the model's words; "" for one that the protocol did not know when this was written."""
    found = numbers.to_numpy(zero_copy_only=False)
    known = (found >= 0) & (found < len(names))
    return pa.array([*names, ""], pa.string()).take(pa.array(np.where(known, found, len(names)).astype(np.int32)))


def _maps(lists: Any) -> Any:
    """Attributes as a map column; a key that comes twice in one is odd."""
    pairs, offsets = lists.values, lists.offsets.to_numpy()
    keys = pairs.field("key")
    codes = keys.dictionary_encode()
    kinds, rows = max(1, len(codes.dictionary)), len(lists)
    if kinds * rows > _MOST_PLACES:
        raise _Odd
    places = np.repeat(np.arange(rows), np.diff(offsets)) * kinds + codes.indices.to_numpy()[offsets[0] : offsets[-1]]
    if len(places) and np.bincount(places).max() > 1:
        raise _Odd
    return pa.MapArray.from_arrays(lists.offsets, keys, _texts(pairs.field("value")))


def _told(lists: Any) -> Any:
    pairs = lists.values
    return told(lists.offsets, pairs.field("key"), lambda places: _plain(pairs.field("value").take(places)))


def _plain(values: Any) -> Any:
    """Texts and whole numbers as text; null what is neither."""
    texts, numbers = values.field("string_value"), values.field("int_value")
    return texts if numbers.null_count == len(numbers) else _compute.coalesce(texts, numbers.cast(pa.string()))


def _texts(values: Any) -> Any:
    """Each value as text, as `values.text` gives it."""
    texts = _plain(values)
    odd = np.flatnonzero(texts.is_null().to_numpy(zero_copy_only=False))
    if len(odd) == 0:
        return texts
    if values.type.num_fields == len(PLAIN):
        raise _Odd
    others = np.full(len(texts), None, object)
    others[odd] = [_text(value) for value in values.take(pa.array(odd)).to_pylist()]
    return _compute.coalesce(texts, pa.array(others, pa.string()))


def _text(value: dict[str, Any] | None) -> str:
    message = common_pb2.AnyValue()
    for name, content in (value or {}).items():
        if content is not None and name in NESTED:
            getattr(message, name).ParseFromString(content)
            getattr(message, name).SetInParent()
        elif content is not None:
            setattr(message, name, content)
    return text(json_value(message))


def _of_resource(attributes: Any, key: str, whose: Any) -> Any:
    """One attribute of each span's resource, "" where it has none."""
    pairs, offsets = attributes.values, attributes.offsets.to_numpy()
    mine = np.flatnonzero(_compute.equal(pairs.field("key"), key).to_numpy(zero_copy_only=False))
    having = np.searchsorted(offsets, mine, "right") - 1
    if (np.diff(having) == 0).any():
        raise _Odd
    at = np.full(len(attributes), -1, np.int64)
    at[having] = np.arange(len(mine))
    return _texts(pairs.field("value").take(pa.array(mine))).take(pa.array(at, mask=at < 0)).fill_null("").take(whose)


def _events(lists: Any, start: np.ndarray[Any, np.dtype[np.int64]], schema: pa.Schema) -> Any:
    """An event without a time is set at its span's start."""
    events, kind = lists.values, SPANS.field("Events").type
    fields = [kind.value_type.field(i) for i in range(kind.value_type.num_fields)]
    given = events.field("time_unix_nano").to_numpy()
    times = np.where(given == 0, np.repeat(start, np.diff(lists.offsets.to_numpy())).astype(np.uint64), given)
    columns = [
        pa.array(_times(pa.array(times, pa.uint64())).view("datetime64[ns]")),
        events.field("name"),
        _maps(events.field("attributes") if schema is SPANS else of_events(events.field("attributes"))),
    ]
    cast = [column.cast(field.type) for column, field in zip(columns, fields, strict=True)]
    return pa.ListArray.from_arrays(lists.offsets, pa.StructArray.from_arrays(cast, fields=fields))
