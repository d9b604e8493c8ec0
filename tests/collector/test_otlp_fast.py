"""Spans that are decoded by `ptars` are those that are decoded message by message; what is odd is left to that way."""

from __future__ import annotations

from typing import Any

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
from epicenter.collector.otlp.decode import Decoded, Export, Signal, decode, quickly
from tests.collector.handed_over import T0
from tests.collector.otlp_requests import EDITS, VALUES, flipped, requests
from tests.fuzzing import fuzzed

pytest.importorskip("ptars", reason="ptars, of the extra `fast`, is not installed")

KEYS = st.sampled_from(["service.name", "http.route", "n"])
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=3).map(
    lambda told: [KeyValue(key=key, value=value) for key, value in told.items()]
)
EVENTS = st.builds(
    Span.Event, time_unix_nano=st.sampled_from([0, T0 + 1]), name=st.text(max_size=3), attributes=ATTRIBUTES
)
ORDINARY = st.builds(
    Span,
    trace_id=st.binary(min_size=1, max_size=16),
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
    """As it is decoded where `ptars` is not: so short a request is never its."""
    assert len(body) < fast.WORTH_BYTES
    return decode(Export("traces", body))


def assert_same(body: bytes, found: Any) -> None:
    told = by_message(body)
    assert told.rejected == 0
    assert found.schema == SPANS
    found.validate(full=True)
    expected = told.tables.get("spans", SPANS.empty_table())
    assert repr(found.to_pylist()) == repr(expected.to_pylist())  # a NaN equals nothing, not even itself


@given(st.lists(st.lists(ORDINARY, max_size=3), max_size=3), ATTRIBUTES)
@settings(max_examples=60, deadline=None)
def test_what_is_ordinary_is_taken_and_the_same(scopes: list[list[Span]], resource: list[KeyValue]) -> None:
    groups = [ResourceSpans(scope_spans=[ScopeSpans(spans=spans)]) for spans in scopes]
    groups += [ResourceSpans(scope_spans=[ScopeSpans(spans=spans) for spans in scopes])]
    groups[-1].resource.attributes.extend(resource)
    body = ExportTraceServiceRequest(resource_spans=groups).SerializeToString()
    found = fast.spans(body, worth_bytes=0)
    assert found is not None
    assert_same(body, found)


@given(requests().filter(lambda request: request[0] == "traces"), EDITS, st.booleans())
@fuzzed(150)
def test_what_is_odd_or_garbled_is_left_or_the_same(
    request: tuple[Signal, Message], edits: list[tuple[float, int, bytes]], garbled: bool
) -> None:
    body = request[1].SerializeToString()
    if garbled:
        body = flipped(body, edits)
    found = fast.spans(body, worth_bytes=0)
    if found is not None:
        assert_same(body, found)


def test_what_is_no_message_is_left() -> None:
    body = b"\x0a\xff" * fast.WORTH_BYTES
    assert quickly(Export("traces", body)) is None
    with pytest.raises(UnreadableRequest):
        decode(Export("traces", body))


def test_a_large_request_is_taken_here() -> None:
    attribute = KeyValue(key="n", value=AnyValue(int_value=1))
    spans = [
        Span(trace_id=b"t" * 16, span_id=b"%08d" % n, start_time_unix_nano=T0, end_time_unix_nano=T0 + n)
        for n in range(1000)
    ]
    for span in spans:
        span.attributes.append(attribute)
    message = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
    found = quickly(Export("traces", message.SerializeToString()))
    assert found is not None
    assert found["spans"]["Duration"].to_pylist() == list(range(1000))
