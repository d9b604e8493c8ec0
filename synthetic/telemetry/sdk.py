"""Drawn spans and changes handed to OpenTelemetry's SDK, and sent by it over OTLP, by HTTP or gRPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

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
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from ..world.history import Change
from .ready import Attributes, ReadySpan

Protocol = Literal["http/protobuf", "grpc"]

SCOPE = "epicenter.synthetic"
QUEUE_SPANS = 16_384
"""Spans that wait for export at the most, those under way among them; what is more is dropped, as in any service."""
BATCH_SPANS = 2048
"""Large, since a request costs much the same whatever it carries; some 600 kB, of the 4 MB that gRPC takes."""
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


class _Instance(Resource):
    """Who sends. The exporter groups spans by it, and a Resource spells itself out as JSON each time it is hashed."""

    def __init__(self, attributes: Attributes) -> None:
        super().__init__(attributes)
        self._hashed = super().__hash__()

    def __hash__(self) -> int:
        return self._hashed


@dataclass
class Tally:
    """What became of the spans that were due, each count only ever rising; changes.

    late: too late to be sent. refused: found the queue full. failed: were sent and not taken. lag_s: how late the
    latest was.
    """

    spans: int = 0
    late: int = 0
    refused: int = 0
    failed: int = 0
    delivered: int = 0
    changes: int = 0
    lag_s: float = 0.0
    closed: bool = False

    @property
    def waiting(self) -> int:
        """Spans whose fate is open."""
        return self.spans - self.late - self.refused - self.failed - self.delivered

    @property
    def dropped(self) -> int:
        """What was not delivered and never will be: a counter."""
        return self.late + self.refused + self.failed + (self.waiting if self.closed else 0)


class _Counting(SpanExporter):
    """Counts what an exporter delivers; when all is over, a target that is down is not tried again."""

    def __init__(
        self, exporter: SpanExporter, tally: Tally, delivered: Callable[[Sequence[ReadableSpan]], None]
    ) -> None:
        self._exporter, self._tally, self._delivered = exporter, tally, delivered
        self.down = False
        self.closing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE if self.closing and self.down else self._exporter.export(spans)
        self.down = result is not SpanExportResult.SUCCESS
        if self.down:
            self._tally.failed += len(spans)
        else:
            self._tally.delivered += len(spans)
            self._delivered(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _exporters(base: str, protocol: Protocol) -> tuple[SpanExporter, LogRecordExporter]:
    if protocol == "grpc":
        # gRPC takes a second to import, and most shows do without
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans

        insecure, base = not base.startswith("https://"), base.replace("grpc://", "http://", 1)
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

    otlp: base URL of the receiver, such as http://127.0.0.1:4318; http:// and grpc:// are plain text for gRPC.
    protocol: "http/protobuf" or "grpc", in the words of OTEL_EXPORTER_OTLP_PROTOCOL.
    delivered: is told what the receiver took, by the thread that sends.
    """

    def __init__(
        self,
        otlp: str,
        tally: Tally,
        protocol: Protocol = "http/protobuf",
        delivered: Callable[[Sequence[ReadableSpan]], None] = lambda spans: None,
    ) -> None:
        self._tally = tally
        self._ids = GivenIds()
        span_exporter, log_exporter = _exporters(otlp.rstrip("/"), protocol)
        self._exporter = _Counting(span_exporter, tally, delivered)
        self._processor = BatchSpanProcessor(
            self._exporter, max_queue_size=QUEUE_SPANS, max_export_batch_size=BATCH_SPANS, schedule_delay_millis=500
        )
        self._tracers: dict[str, Tracer] = {}
        self._logs = LoggerProvider(Resource({"service.name": "change-log"}), shutdown_on_exit=False)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(log_exporter, schedule_delay_millis=500))
        self._logger = self._logs.get_logger(SCOPE)

    def span(self, due: ReadySpan, start_ns: int) -> None:
        """Emit a span that starts at `start_ns` and lasts as it says; where the queue is full, it is dropped."""
        self._tally.spans += 1
        if self._tally.waiting > QUEUE_SPANS:
            # dropped here and not by the SDK, which would throw the oldest away and say so to nobody
            self._tally.refused += 1
            return
        self._ids.trace_id, self._ids.span_id = due.trace_id, due.span_id
        parent = None
        if due.parent_id:
            above = SpanContext(due.trace_id, due.parent_id, is_remote=True, trace_flags=_SAMPLED)
            parent = set_span_in_context(NonRecordingSpan(above))
        span = self._tracer(due.resource).start_span(due.name, parent, due.kind, due.attributes, start_time=start_ns)
        for event in due.events:
            span.add_event(event.name, event.attributes, event.time_ns + start_ns - due.start_ns)
        if due.status.status_code is StatusCode.ERROR:
            span.set_status(due.status)
        span.end(start_ns + due.duration_ns)

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

    def _tracer(self, resource: Attributes) -> Tracer:
        instance = resource["service.instance.id"]
        if instance not in self._tracers:
            provider = TracerProvider(ALWAYS_ON, _Instance(resource), shutdown_on_exit=False, id_generator=self._ids)
            provider.add_span_processor(self._processor)
            self._tracers[instance] = provider.get_tracer(SCOPE)
        return self._tracers[instance]
