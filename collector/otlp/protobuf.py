"""OTLP in protobuf -> the messages that OTLP in JSON is read as, so that what follows is the same for both.

Attributes are most of the work, and few of them differ from request to request. So protobuf is told that they are
plain bytes (the same on the wire), and each is decoded once for as long as it is remembered.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from . import messages as m
from .values import text

_REMEMBERED = 32_768
_REMEMBERED_BYTES = 256
"""Attributes that are remembered, and the longest of them: some tens of MB at the most."""

_FILES = (
    common_pb2,
    resource_pb2,
    trace_pb2,
    metrics_pb2,
    logs_pb2,
    trace_service_pb2,
    metrics_service_pb2,
    logs_service_pb2,
)
_KEY_VALUE = ".opentelemetry.proto.common.v1.KeyValue"
_UNREAD = {("Span", "links"), ("NumberDataPoint", "exemplars"), ("HistogramDataPoint", "exemplars")}
"""Fields of many bytes that nobody reads: protobuf skips what it does not know."""


def _pool() -> DescriptorPool:
    """The protocol's own descriptors, but for attributes, which are bytes."""
    pool = DescriptorPool()
    for module in _FILES:
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        if module is not common_pb2:
            for message in file.message_type:
                _prune(message)
        pool.Add(file)
    return pool


def _prune(message: DescriptorProto) -> None:
    for nested in message.nested_type:
        _prune(nested)
    kept = [field for field in message.field if (message.name, field.name) not in _UNREAD]
    for field in kept:
        if field.type_name == _KEY_VALUE:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    del message.field[:]
    message.field.extend(kept)


def _request(signal: str, service: str) -> Any:
    name = f"opentelemetry.proto.collector.{signal}.v1.Export{service}ServiceRequest"
    return GetMessageClass(_POOL.FindMessageTypeByName(name))


_POOL = _pool()
_TRACES, _METRICS, _LOGS = _request("trace", "Trace"), _request("metrics", "Metrics"), _request("logs", "Logs")


def traces(body: bytes) -> list[m.ResourceSpans]:
    """The spans of an ExportTraceServiceRequest; DecodeError where it is none."""
    return [
        m.ResourceSpans(
            _resource(it.resource), [m.ScopeSpans(list(map(_span, scope.spans))) for scope in it.scope_spans]
        )
        for it in _TRACES.FromString(body).resource_spans
    ]


def logs(body: bytes) -> list[m.ResourceLogs]:
    """The records of an ExportLogsServiceRequest; DecodeError where it is none."""
    return [
        m.ResourceLogs(
            _resource(it.resource), [m.ScopeLogs(list(map(_record, scope.log_records))) for scope in it.scope_logs]
        )
        for it in _LOGS.FromString(body).resource_logs
    ]


def metrics(body: bytes) -> list[m.ResourceMetrics]:
    """The metrics of an ExportMetricsServiceRequest; DecodeError where it is none."""
    return [
        m.ResourceMetrics(
            _resource(it.resource), [m.ScopeMetrics(list(map(_metric, scope.metrics))) for scope in it.scope_metrics]
        )
        for it in _METRICS.FromString(body).resource_metrics
    ]


def _resource(resource: Any) -> m.Resource:
    return m.Resource(_attributes(resource.attributes))


def _span(span: Any) -> m.Span:
    return m.Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        start_time_unix_nano=span.start_time_unix_nano,
        parent_span_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        end_time_unix_nano=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[m.Event(event.time_unix_nano, event.name, _attributes(event.attributes)) for event in span.events],
        status=m.Status(span.status.code, span.status.message) if span.HasField("status") else None,
    )


def _record(record: Any) -> m.LogRecord:
    return m.LogRecord(
        time_unix_nano=record.time_unix_nano,
        observed_time_unix_nano=record.observed_time_unix_nano,
        severity_text=record.severity_text,
        body=json_value(record.body) if record.HasField("body") else None,
        event_name=record.event_name,
        attributes=_attributes(record.attributes),
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
    )


def _metric(metric: Any) -> m.Metric:
    kind = metric.WhichOneof("data")
    return m.Metric(metric.name, metric.unit, **({kind: _points(kind, getattr(metric, kind))} if kind else {}))


def _points(kind: str, points: Any) -> m.Points:
    return m.Points(
        list(map(_READ_POINT[kind], points.data_points)),
        0 if kind in ("gauge", "summary") else points.aggregation_temporality,
        kind == "sum" and points.is_monotonic,
    )


def _point(point: Any, **values: Any) -> m.DataPoint:
    return m.DataPoint(
        time_unix_nano=point.time_unix_nano,
        start_time_unix_nano=point.start_time_unix_nano,
        attributes=_attributes(point.attributes),
        flags=point.flags,
        **values,
    )


def _number(point: Any) -> m.DataPoint:
    value = point.WhichOneof("value")
    return _point(point, **({value: getattr(point, value)} if value else {}))


def _exponential(point: Any) -> m.DataPoint:
    return _point(point, count=point.count, sum=point.sum if point.HasField("sum") else None)


def _histogram(point: Any) -> m.DataPoint:
    return _point(
        point,
        count=point.count,
        sum=point.sum if point.HasField("sum") else None,
        bucket_counts=list(point.bucket_counts),
        explicit_bounds=list(point.explicit_bounds),
    )


def _summary(point: Any) -> m.DataPoint:
    quantiles = [m.Quantile(quantile.quantile, quantile.value) for quantile in point.quantile_values]
    return _point(point, count=point.count, sum=point.sum, quantile_values=quantiles)


_READ_POINT = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}


def _attributes(encoded: Iterable[bytes]) -> list[m.KeyValue]:
    return [_remembered(each) if len(each) <= _REMEMBERED_BYTES else _attribute(each) for each in encoded]


def _attribute(encoded: bytes) -> m.KeyValue:
    pair: Any = common_pb2.KeyValue.FromString(encoded)
    # nearly all are text; the others as the text that they become anyway, so that this too is done once
    return m.KeyValue(pair.key, m.AnyValue(pair.value.string_value or text(json_value(pair.value))))


_remembered = lru_cache(_REMEMBERED)(_attribute)


def json_value(value: Any) -> m.AnyValue:
    """A value in the form that JSON gives it."""
    kind = value.WhichOneof("value")
    if kind is None:
        return m.AnyValue()
    content: Any = getattr(value, kind)
    if kind == "bytes_value":
        return m.AnyValue(bytes_value=base64.b64encode(content).decode())
    if kind in ("array_value", "kvlist_value"):
        content = MessageToDict(content)
    return m.AnyValue(**{kind: content})
