"""Spans that are decoded by `ptars` are those that are decoded message by message; what is odd is left to that way."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from epicenter.collector.errors import UnreadableRequest
from epicenter.collector.model import SPANS
from epicenter.collector.otlp import fast
from epicenter.collector.otlp.decode import Decoded, Encoded, Export, Signal, checked, decode, told_spans_of
from epicenter.collector.sides import EVENT_ATTRIBUTES_READ
from epicenter.collector.told import TOLD_SPANS, told_spans
from tests.collector.handed_over import T0
from tests.collector.otlp_requests import EDITS, VALUES, flipped, requests
from tests.fuzzing import fuzzed

pytest.importorskip("ptars", reason="ptars, of the extra `fast`, is not installed")

KEYS = st.sampled_from(["service.name", "url.full", "n", "exception.message"])
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=3).map(
    lambda told: [KeyValue(key=key, value=value) for key, value in told.items()]
)
EVENTS = st.builds(
    Span.Event, time_unix_nano=st.sampled_from([0, T0 + 1]), name=st.text(max_size=3), attributes=ATTRIBUTES
)
ORDINARY = st.builds(
    Span,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent_span_id=st.sampled_from([b"", bytes(8), b"abcdefgh"]),
    name=st.text(max_size=5),
    kind=st.integers(-1, 7),  # pyright: ignore[reportArgumentType] - a later version may have more
    start_time_unix_nano=st.integers(T0, T0 + 9),
    end_time_unix_nano=st.integers(T0, T0 + 9),
    attributes=ATTRIBUTES,
    events=st.lists(EVENTS, max_size=2),
    status=st.none() | st.builds(Status, code=st.integers(0, 3), message=st.text(max_size=3)),  # pyright: ignore
)


def by_message(body: bytes) -> Decoded:
    """As it is decoded where `ptars` is not."""
    return decode(Export("traces", body))


def rows_of(told: Decoded) -> int:
    return sum(rows.num_rows for rows in told.tables.values())


def assert_same(body: bytes, found: Any) -> None:
    told = by_message(body)
    assert told.rejected == 0
    assert found.schema == SPANS
    found.validate(full=True)
    expected = told.tables.get("spans", SPANS.empty_table())
    assert repr(found.to_pylist()) == repr(expected.to_pylist())  # a NaN equals nothing, not even itself
    counted = fast.told_spans([body])
    if counted is not None:
        counted.validate(full=True)
        assert read_of(counted) == read_of(told_spans(expected))


def read_of(told: pa.Table) -> list[dict[str, Any]]:
    """The rows, of whose events only what is read is there."""
    rows = told.to_pylist()
    for event in (event for row in rows for event in row["Events"]):
        event["Attributes"] = [pair for pair in event["Attributes"] if pair[0] in EVENT_ATTRIBUTES_READ]
    return rows


@given(st.lists(st.lists(ORDINARY, max_size=3), max_size=3), ATTRIBUTES)
@settings(max_examples=60, deadline=None)
def test_what_is_ordinary_is_taken_and_the_same(scopes: list[list[Span]], resource: list[KeyValue]) -> None:
    groups = [ResourceSpans(scope_spans=[ScopeSpans(spans=spans)]) for spans in scopes]
    groups += [ResourceSpans(scope_spans=[ScopeSpans(spans=spans) for spans in scopes])]
    groups[-1].resource.attributes.extend(resource)
    body = ExportTraceServiceRequest(resource_spans=groups).SerializeToString()
    found = fast.spans([body])
    assert found is not None
    assert_same(body, found)
    assert fast.certain(body) == found.num_rows


@given(requests().filter(lambda request: request[0] == "traces"), EDITS, st.booleans())
@fuzzed(150)
def test_what_is_odd_or_garbled_is_left_or_the_same(
    request: tuple[Signal, Message], edits: list[tuple[float, int, bytes]], garbled: bool
) -> None:
    body = request[1].SerializeToString()
    if garbled:
        body = flipped(body, edits)
    certain = fast.certain(body)
    if certain is not None:
        told = by_message(body)
        assert (told.rejected, rows_of(told)) == (0, certain)
        found = fast.spans([body])
        if found is not None:
            assert_same(body, found)
        if certain:
            counted = told_spans_of([Encoded(body, certain)])
            assert read_of(counted) == read_of(told_spans(told.tables["spans"]))


def test_what_is_no_message_is_left() -> None:
    body = b"\x0a\xff" * 9_000
    assert fast.certain(body) is None
    with pytest.raises(UnreadableRequest):
        checked(Export("traces", body))


def request(first: int, count: int, **told: str) -> bytes:
    spans = [
        Span(trace_id=b"t" * 16, span_id=b"%08d" % n, start_time_unix_nano=T0, end_time_unix_nano=T0 + n)
        for n in range(first, first + count)
    ]
    for span in spans:
        span.attributes.extend(
            KeyValue(key=key.replace("_", "."), value=AnyValue(string_value=value)) for key, value in told.items()
        )
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])]
    ).SerializeToString()


def test_what_is_left_for_later_comes_in_its_order_also_where_one_request_is_odd() -> None:
    twice = ExportTraceServiceRequest.FromString(request(7, 1, url_full="first"))
    twice.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="url.full").value.string_value = "last"
    bodies = [request(0, 3), request(3, 4, url_full="one"), twice.SerializeToString(), request(8, 2)]
    later = [checked(Export("traces", body)).later for body in bodies]
    found = told_spans_of([one for one in later if one is not None])
    assert found.schema == TOLD_SPANS
    assert found["Duration"].to_pylist() == list(range(10))
    addressed = [row["url.full"] for row in found["SpanAttributes"].to_pylist()]
    assert addressed == [None] * 3 + ["one"] * 4 + ["last"] + [None] * 2


def test_an_event_whose_attributes_are_no_texts_holds_nothing_up() -> None:
    """As conventions have it, `exception.escaped` is a bool."""
    told = ExportTraceServiceRequest.FromString(request(0, 2))
    event = told.resource_spans[0].scope_spans[0].spans[1].events.add(name="exception")
    event.attributes.add(key="exception.escaped").value.bool_value = True
    event.attributes.add(key="exception.message").value.string_value = "no such host"
    event.attributes.add(key="sampling.rate").value.double_value = 0.5
    event.attributes.add(key="exception.type").value.string_value = "gaierror"
    found = fast.told_spans([told.SerializeToString()])
    assert found is not None
    assert [[event["Attributes"] for event in events] for events in found["Events"].to_pylist()] == [
        [],
        [[("exception.message", "no such host"), ("exception.type", "gaierror")]],
    ]
    expected = by_message(told.SerializeToString()).tables["spans"]
    assert read_of(found) == read_of(told_spans(expected))


@pytest.mark.parametrize(
    "broken",
    [
        *({"span_id": b""}, {"span_id": b"s"}, {"trace_id": b""}, {"trace_id": b"t" * 15}, {"parent_span_id": b"p"}),
        *({"start_time_unix_nano": 1}, {"end_time_unix_nano": 0}),
    ],
)
def test_what_may_be_refused_is_read_before_it_is_answered(broken: dict[str, Any]) -> None:
    whole = ExportTraceServiceRequest.FromString(request(0, 2))
    for name, value in broken.items():
        setattr(whole.resource_spans[0].scope_spans[0].spans[1], name, value)
    body = whole.SerializeToString()
    assert fast.certain(body) is None
    assert checked(Export("traces", body)) == by_message(body)
