"""Export requests for the tests of what takes them: any that an SDK could send, and the same ones in JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from epicenter.collector.otlp.decode import Signal
from tests.collector.handed_over import T0

_IDS = ("traceId", "spanId", "parentSpanId")

WORDS = st.text(max_size=5) | st.sampled_from(["deploy", "change.target", "service.name", "x" * 300])
TIMES = st.integers(T0, T0 + 10**12) | st.sampled_from([0, 5, 2**64 - 1])
DOUBLES = st.floats(allow_nan=True, allow_infinity=True)
VALUES: st.SearchStrategy[AnyValue] = st.recursive(
    st.builds(AnyValue)
    | st.builds(AnyValue, string_value=WORDS)
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, double_value=st.floats(allow_nan=False, allow_infinity=False))
    | st.builds(AnyValue, bytes_value=st.binary(max_size=5)),
    lambda inner: (
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(inner, max_size=3)))
        | st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList, values=st.lists(st.builds(KeyValue, key=WORDS, value=inner), max_size=3)
            ),
        )
    ),
    max_leaves=4,
)
ATTRIBUTES = st.lists(st.builds(KeyValue, key=WORDS, value=VALUES), max_size=3)
RESOURCES = st.builds(Resource, attributes=ATTRIBUTES)
TRACE_IDS = st.binary(min_size=16, max_size=16) | st.sampled_from([b"", b"t", b"t" * 17])
SPAN_IDS = st.binary(min_size=8, max_size=8) | st.sampled_from([b"", b"s", b"s" * 9])

SPANS = st.builds(
    Span,
    trace_id=TRACE_IDS,
    span_id=SPAN_IDS,
    parent_span_id=SPAN_IDS,
    name=WORDS,
    kind=st.integers(0, 7),  # type: ignore[arg-type]  # enums are open
    start_time_unix_nano=TIMES,
    end_time_unix_nano=TIMES,
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(Span.Event, time_unix_nano=TIMES, name=WORDS, attributes=ATTRIBUTES), max_size=2),
    links=st.lists(st.builds(Span.Link, trace_id=TRACE_IDS, span_id=SPAN_IDS), max_size=1),
    status=st.none() | st.builds(Status, code=st.integers(0, 3), message=WORDS),  # type: ignore[arg-type]
)
RECORDS = st.builds(
    LogRecord,
    time_unix_nano=TIMES,
    observed_time_unix_nano=TIMES,
    severity_text=WORDS,
    body=st.none() | VALUES,
    event_name=WORDS,
    attributes=ATTRIBUTES,
    trace_id=TRACE_IDS,
    span_id=SPAN_IDS,
)
_POINT: dict[str, Any] = {"time_unix_nano": TIMES, "attributes": ATTRIBUTES, "flags": st.integers(0, 3)}
_COUNTED: dict[str, Any] = _POINT | {"count": st.integers(0, 2**64 - 1)}
_TEMPORALITY: dict[str, Any] = {"aggregation_temporality": st.integers(0, 2)}
NUMBERS = (
    st.builds(NumberDataPoint, **_POINT)
    | st.builds(NumberDataPoint, as_double=DOUBLES, **_POINT)
    | st.builds(NumberDataPoint, as_int=st.integers(-(2**63), 2**63 - 1), **_POINT)
)
HISTOGRAMS = st.builds(
    HistogramDataPoint,
    sum=st.none() | DOUBLES,
    bucket_counts=st.lists(st.integers(0, 2**64 - 1), max_size=3),
    explicit_bounds=st.lists(DOUBLES, max_size=3),
    **_COUNTED,
)
SUMMARIES = st.builds(
    SummaryDataPoint,
    sum=DOUBLES,
    quantile_values=st.lists(
        st.builds(SummaryDataPoint.ValueAtQuantile, quantile=st.floats(0, 1), value=DOUBLES), max_size=2
    ),
    **_COUNTED,
)
EXPONENTIALS = st.builds(ExponentialHistogramDataPoint, sum=st.none() | DOUBLES, **_COUNTED)
_NAMED: dict[str, Any] = {"name": WORDS, "unit": st.sampled_from(["", "s", "1", "By/s", "{it}"])}
METRICS = (
    st.builds(Metric, **_NAMED)
    | st.builds(Metric, gauge=st.builds(Gauge, data_points=st.lists(NUMBERS, max_size=2)), **_NAMED)
    | st.builds(
        Metric,
        sum=st.builds(Sum, data_points=st.lists(NUMBERS, max_size=2), is_monotonic=st.booleans(), **_TEMPORALITY),
        **_NAMED,
    )
    | st.builds(
        Metric,
        histogram=st.builds(Histogram, data_points=st.lists(HISTOGRAMS, max_size=2), **_TEMPORALITY),
        **_NAMED,
    )
    | st.builds(
        Metric,
        exponential_histogram=st.builds(
            ExponentialHistogram, data_points=st.lists(EXPONENTIALS, max_size=2), **_TEMPORALITY
        ),
        **_NAMED,
    )
    | st.builds(Metric, summary=st.builds(Summary, data_points=st.lists(SUMMARIES, max_size=2)), **_NAMED)
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Signal, Message]:
    """A request of any signal."""
    resource = draw(RESOURCES)
    signal: Signal = draw(st.sampled_from(["traces", "metrics", "logs"]))
    if signal == "traces":
        spans = [ScopeSpans(spans=draw(st.lists(SPANS, max_size=3)))]
        return signal, ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=spans)])
    if signal == "logs":
        records = [ScopeLogs(log_records=draw(st.lists(RECORDS, max_size=3)))]
        return signal, ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=resource, scope_logs=records)])
    metrics = [ScopeMetrics(metrics=draw(st.lists(METRICS, max_size=3)))]
    return signal, ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=metrics)]
    )


def as_json(message: Message) -> bytes:
    """OTLP's JSON, which departs from protobuf's own: ids are hex, enums are numbers."""
    return json.dumps(_with_hex_ids(MessageToDict(message, use_integers_for_enums=True))).encode()


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in _IDS and isinstance(item, str) else _with_hex_ids(item)
        for key, item in value.items()
    }


EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=6)
"""Changes for `flipped`: where (as a share of the length), how many bytes go, which come."""


def flipped(body: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """The body with its edits made."""
    content = bytearray(body)
    for place, cut, put in edits:
        at = int(place * len(content))
        content[at : at + cut] = put
    return bytes(content)
