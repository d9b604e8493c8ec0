"""Rows of spans as the requests that tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from epicenter.collector.otlp.decode import Encoded
from epicenter.collector.otlp.spans import KINDS, STATUS


def encoded(row: Mapping[str, Any], *, odd: bool = False) -> Encoded:
    """A span whose ids are hexadecimal; odd: each attribute comes twice, which is not what ought to be sent."""
    span = Span(
        trace_id=bytes.fromhex(row["TraceId"]),
        span_id=bytes.fromhex(row["SpanId"]),
        parent_span_id=bytes.fromhex(row["ParentSpanId"]),
        name=row["SpanName"],
        kind=KINDS.index(row["SpanKind"]),  # pyright: ignore[reportArgumentType] - an enum is a number
        start_time_unix_nano=row["Timestamp"],
        end_time_unix_nano=row["Timestamp"] + row["Duration"],
        status=Status(code=STATUS.index(row["StatusCode"]), message=row["StatusMessage"]),  # pyright: ignore
        attributes=[_pair(key, value) for key, value in row["SpanAttributes"]] * (1 + odd),
    )
    told = ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])
    told.resource.attributes.append(_pair("service.name", row["ServiceName"]))
    told.resource.attributes.extend(_pair(key, value) for key, value in row["ResourceAttributes"])
    return Encoded(ExportTraceServiceRequest(resource_spans=[told]).SerializeToString(), 1)


def _pair(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def with_hex_ids(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with ids that can be sent; their order stays."""
    sizes = {"TraceId": 16, "SpanId": 8, "ParentSpanId": 8}
    told = {name: row[name].encode() for name in sizes if name in row}
    return {**row, **{name: text.ljust(sizes[name], b"\0").hex() if text else "" for name, text in told.items()}}
