"""The OTLP messages that are read, as typed structs; fields that are not named here are ignored, as the protocol asks.

Source: opentelemetry-proto v1 and its JSON mapping: ids in hex, enums as integers (names are accepted too),
64-bit integers as decimal strings (numbers are accepted too: the decoder is not strict). A name that an enum does not
have is no message; a number may be of a later version of the protocol. What is left out is the zero
of its type, as in protobuf; whether a record can be used without it is for those to say who use it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

_Number = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Kind = (
    _Number
    | Literal[
        "SPAN_KIND_UNSPECIFIED",
        "SPAN_KIND_INTERNAL",
        "SPAN_KIND_SERVER",
        "SPAN_KIND_CLIENT",
        "SPAN_KIND_PRODUCER",
        "SPAN_KIND_CONSUMER",
    ]
)
Code = _Number | Literal["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]
Temporality = (
    _Number
    | Literal[
        "AGGREGATION_TEMPORALITY_UNSPECIFIED",
        "AGGREGATION_TEMPORALITY_DELTA",
        "AGGREGATION_TEMPORALITY_CUMULATIVE",
    ]
)


class _Message(msgspec.Struct, rename="camel", gc=False, frozen=True):
    pass


class AnyValue(_Message, frozen=True):
    """One attribute value; exactly one field is set."""

    string_value: str | None = None
    int_value: int | None = None
    bool_value: bool | None = None
    double_value: float | None = None
    array_value: dict[str, Any] | None = None
    kvlist_value: dict[str, Any] | None = None
    bytes_value: str | None = None


class KeyValue(_Message, frozen=True):
    """One attribute."""

    key: str = ""
    value: AnyValue | None = None


class Resource(_Message, frozen=True):
    """Who sent it."""

    attributes: list[KeyValue] = []


class Event(_Message, frozen=True):
    """A span event."""

    time_unix_nano: int = 0
    name: str = ""
    attributes: list[KeyValue] = []


class Status(_Message, frozen=True):
    """A span's status."""

    code: Code = 0
    message: str = ""


class Span(_Message, frozen=True):
    """One span."""

    trace_id: str = ""
    span_id: str = ""
    start_time_unix_nano: int = 0
    parent_span_id: str = ""
    name: str = ""
    kind: Kind = 0
    end_time_unix_nano: int = 0
    attributes: list[KeyValue] = []
    events: list[Event] = []
    status: Status | None = None


class LogRecord(_Message, frozen=True):
    """One log record."""

    time_unix_nano: int = 0
    observed_time_unix_nano: int = 0
    severity_text: str = ""
    body: AnyValue | None = None
    event_name: str = ""
    attributes: list[KeyValue] = []
    trace_id: str = ""
    span_id: str = ""


class Quantile(_Message, frozen=True):
    """One quantile of a summary."""

    quantile: float = 0.0
    value: float = 0.0


class DataPoint(_Message, frozen=True):
    """A point of any metric type."""

    time_unix_nano: int = 0
    start_time_unix_nano: int = 0
    attributes: list[KeyValue] = []
    flags: int = 0
    as_int: int | None = None
    as_double: float | None = None
    count: int = 0
    sum: float | None = None
    bucket_counts: list[int] = []
    explicit_bounds: list[float] = []
    quantile_values: list[Quantile] = []


class Points(_Message, frozen=True):
    """The points of one metric."""

    data_points: list[DataPoint] = []
    aggregation_temporality: Temporality = 0
    is_monotonic: bool = False


class Metric(_Message, frozen=True):
    """One metric; exactly one kind of points is set."""

    name: str = ""
    unit: str = ""
    gauge: Points | None = None
    sum: Points | None = None
    histogram: Points | None = None
    exponential_histogram: Points | None = None
    summary: Points | None = None

    def points(self) -> int:
        """How many there are."""
        kinds = (self.gauge, self.sum, self.histogram, self.exponential_histogram, self.summary)
        return sum(len(points.data_points) for points in kinds if points is not None)


class ScopeSpans(_Message, frozen=True):
    """Spans of one instrumentation scope."""

    spans: list[Span] = []


class ScopeLogs(_Message, frozen=True):
    """Log records of one instrumentation scope."""

    log_records: list[LogRecord] = []


class ScopeMetrics(_Message, frozen=True):
    """Metrics of one instrumentation scope."""

    metrics: list[Metric] = []


class ResourceSpans(_Message, frozen=True):
    """Spans of one resource."""

    resource: Resource | None = None
    scope_spans: list[ScopeSpans] = []


class ResourceLogs(_Message, frozen=True):
    """Log records of one resource."""

    resource: Resource | None = None
    scope_logs: list[ScopeLogs] = []


class ResourceMetrics(_Message, frozen=True):
    """Metrics of one resource."""

    resource: Resource | None = None
    scope_metrics: list[ScopeMetrics] = []


class Line(_Message, frozen=True):
    """One line of a file, or one export request: one signal, as a rule."""

    resource_spans: list[ResourceSpans] | None = None
    resource_logs: list[ResourceLogs] | None = None
    resource_metrics: list[ResourceMetrics] | None = None


_DECODER = msgspec.json.Decoder(Line, strict=False)


def decoded(text: bytes) -> Line:
    """One line of JSON; UnicodeDecodeError, MsgspecError or RecursionError where it is none."""
    text.decode()  # msgspec passes over names that it does not know, whatever their bytes
    return _DECODER.decode(text)
