"""Drawn spans and changes handed to OpenTelemetry's SDK, and sent by it over OTLP, by HTTP or gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from ..world.history import Change

Protocol = Literal["http/protobuf", "grpc"]

SCOPE = "epicenter.synthetic"
QUEUE_SPANS = 8192
"""Spans that wait for export at the most; what is more is dropped by the SDK, as in any service."""
BATCH_SPANS = 512
TIMEOUT_S = 5.0
"""How long the exporter tries to deliver one batch."""

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class GivenIds(IdGenerator):
    """Hands the SDK the ids of the span that is about to start, which were drawn before."""

    def __init__(self) -> None:
        self.trace_id = self.span_id = 0

    def generate_trace_id(self) -> int:
        """The trace id set last."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """The span id set last."""
        return self.span_id


@dataclass
class Tally:
    """Spans that ended in the world, of these too late to be sent, seen by the exporter, and delivered; changes.

    lag_s: how late the latest was.
    """

    spans: int = 0
    late: int = 0
    lag_s: float = 0.0
    changes: int = 0
    delivered: int = 0
    seen: int = 0
    closed: bool = False

    @property
    def dropped(self) -> int:
        """What was too late, what the full queue threw away, and what the exporter could not deliver."""
        waiting = 0 if self.closed else min(QUEUE_SPANS, self.spans - self.late - self.seen)
        return self.spans - waiting - self.delivered


class _Counting(SpanExporter):
    """Counts what an exporter delivers; when all is over, a target that is down is not tried again."""

    def __init__(self, exporter: SpanExporter, tally: Tally) -> None:
        self._exporter, self._tally = exporter, tally
        self.down = False
        self.closing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._tally.seen += len(spans)
        result = SpanExportResult.FAILURE if self.closing and self.down else self._exporter.export(spans)
        self.down = result is not SpanExportResult.SUCCESS
        self._tally.delivered += 0 if self.down else len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _exporters(base: str, protocol: Protocol) -> tuple[SpanExporter, LogRecordExporter]:
    if protocol == "grpc":
        # gRPC takes a second to import, and most shows do without
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans

        insecure = not base.startswith("https://")
        return (
            GrpcSpans(endpoint=base, insecure=insecure, timeout=TIMEOUT_S),
            GrpcLogs(endpoint=base, insecure=insecure, timeout=TIMEOUT_S),
        )
    return (
        OTLPSpanExporter(f"{base}/v1/traces", timeout=TIMEOUT_S),
        OTLPLogExporter(f"{base}/v1/logs", timeout=TIMEOUT_S),
    )


class Sender:
    """One SDK pipeline for a whole world: a tracer for each service instance, one queue, one exporter a signal.

    otlp: base URL of the receiver, such as http://127.0.0.1:4318; http:// is plain text for gRPC, too.
    protocol: "http/protobuf" or "grpc", in the words of OTEL_EXPORTER_OTLP_PROTOCOL.
    """

    def __init__(self, otlp: str, tally: Tally, protocol: Protocol = "http/protobuf") -> None:
        self._tally = tally
        self._ids = GivenIds()
        span_exporter, log_exporter = _exporters(otlp.rstrip("/"), protocol)
        self._exporter = _Counting(span_exporter, tally)
        self._processor = BatchSpanProcessor(
            self._exporter, max_queue_size=QUEUE_SPANS, max_export_batch_size=BATCH_SPANS, schedule_delay_millis=500
        )
        self._tracers: dict[str, Tracer] = {}
        self._logs = LoggerProvider(Resource({"service.name": "change-log"}), shutdown_on_exit=False)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(log_exporter, schedule_delay_millis=500))
        self._logger = self._logs.get_logger(SCOPE)

    def span(self, row: Mapping[str, Any], start_ns: int) -> None:
        """Emit a row of SPANS as a span that starts at `start_ns` and lasts as long as the row says."""
        shift_ns = start_ns - row["Timestamp"]
        self._ids.trace_id, self._ids.span_id = int(row["TraceId"], 16), int(row["SpanId"], 16)
        parent = None
        if row["ParentSpanId"]:
            above = SpanContext(self._ids.trace_id, int(row["ParentSpanId"], 16), is_remote=True, trace_flags=_SAMPLED)
            parent = set_span_in_context(NonRecordingSpan(above))
        span = self._tracer(row).start_span(
            row["SpanName"],
            context=parent,
            kind=SpanKind[row["SpanKind"].upper()],
            attributes=dict(row["SpanAttributes"]),
            start_time=start_ns,
        )
        for event in row["Events"]:
            span.add_event(event["Name"], dict(event["Attributes"]), event["Timestamp"] + shift_ns)
        if row["StatusCode"] == "Error":
            span.set_status(Status(StatusCode.ERROR, row["StatusMessage"] or None))
        span.end(start_ns + row["Duration"])

    def change(self, change: Change, at_ns: int) -> None:
        """Emit a change as a log record: the event's name is its kind."""
        attributes = {"change.target": change.target, "change.actor": change.actor, "change.outcome": change.outcome}
        if change.generation is not None:
            attributes["change.generation"] = str(change.generation)
        if change.answers is not None:
            attributes["change.answers"] = str(change.answers)
        self._logger.emit(
            timestamp=at_ns,
            observed_timestamp=at_ns,
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=change.detail,
            attributes=attributes,
            event_name=change.kind,
        )

    @property
    def down(self) -> bool:
        """Whether the last batch could not be delivered."""
        return self._exporter.down

    def close(self) -> None:
        """Send what waits, once, and stop; afterwards the tally is final."""
        self._exporter.closing = True
        self._processor.shutdown()
        self._logs.shutdown()
        self._tally.closed = True

    def _tracer(self, row: Mapping[str, Any]) -> Tracer:
        attributes = dict(row["ResourceAttributes"])
        instance = attributes["service.instance.id"]
        if instance not in self._tracers:
            resource = Resource(attributes)
            provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
            provider.add_span_processor(self._processor)
            self._tracers[instance] = provider.get_tracer(SCOPE)
        return self._tracers[instance]
