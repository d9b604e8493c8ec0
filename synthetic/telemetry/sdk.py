"""Drawn spans, log records and changes handed to OpenTelemetry's SDK, and sent by it over OTLP, by HTTP or gRPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
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
from .ready import Attributes, ReadyLog, ReadySpan
from .target import Target

SCOPE = "epicenter.synthetic"
QUEUE_SPANS = 16_384
"""Spans that wait for export at the most, those under way among them; what is more is dropped, as in any service."""
BATCH_SPANS = 2048
"""Large, since a request costs much the same whatever it carries; some 600 kB, of the 4 MB that gRPC takes."""

_CHANGE_LOG = {"service.name": "change-log"}
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


class _Watched(SpanExporter):
    """Counts what an exporter delivers; tells when the target goes and when it is back; can give up at once.

    delivered: is shown what arrived. turned: is told whether the target is down, when that changes. By the thread
    that sends.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        tally: Tally,
        delivered: Callable[[Sequence[ReadableSpan]], None],
        turned: Callable[[bool], None],
    ) -> None:
        self._exporter, self._tally, self._delivered, self._turned = exporter, tally, delivered, turned
        self.down = self._over = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            if not self._over:
                result = self._exporter.export(spans)
        finally:  # the SDK goes on after whatever an exporter raises, and so must the count
            arrived = result is SpanExportResult.SUCCESS
            if arrived:
                self._tally.delivered += len(spans)
            else:
                self._tally.failed += len(spans)
            self.turn(down=not arrived)
        if arrived:
            self._delivered(spans)
        return result

    def turn(self, *, down: bool) -> None:
        """Note whether the target takes what is sent."""
        if down is not self.down and not self._over:
            self.down = down
            self._turned(down)

    def shutdown(self) -> None:
        """Try no more, also where a batch waits to be tried again."""
        if not self._over:
            self._over = True
            self._exporter.shutdown()


class Sender:
    """One SDK pipeline for a whole world: a tracer for each service instance, one queue, one exporter a signal.

    delivered: is told what the receiver took; notice: that it does not take spans, and that it does again. Both by
    the thread that sends.
    """

    def __init__(
        self,
        target: Target,
        tally: Tally,
        delivered: Callable[[Sequence[ReadableSpan]], None] = lambda spans: None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._target, self._tally, self._notice = target, tally, notice
        self._ids = GivenIds()
        span_exporter, self._log_exporter = target.exporters()
        self._exporter = _Watched(span_exporter, tally, delivered, self._turned)
        self._processor = BatchSpanProcessor(
            self._exporter, max_queue_size=QUEUE_SPANS, max_export_batch_size=BATCH_SPANS, schedule_delay_millis=500
        )
        self._tracers: dict[str, Tracer] = {}
        self._log_processor = BatchLogRecordProcessor(self._log_exporter, schedule_delay_millis=500)
        self._loggers: dict[str, Logger] = {}

    def look(self) -> None:
        """See whether somebody listens: the exporter would find out only seconds after the first spans."""
        if self._target.unreachable() is not None:
            self._exporter.turn(down=True)

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
            parent = _inside(due.trace_id, due.parent_id)
        span = self._tracer(due.resource).start_span(due.name, parent, due.kind, due.attributes, start_time=start_ns)
        for event in due.events:
            span.add_event(event.name, event.attributes, event.time_ns + start_ns - due.start_ns)
        if due.status.status_code is StatusCode.ERROR:
            span.set_status(due.status)
        span.end(start_ns + due.duration_ns)

    def log(self, due: ReadyLog, at_ns: int) -> None:
        """Emit a log record inside its span."""
        self._logger(due.resource).emit(
            timestamp=at_ns,
            observed_timestamp=at_ns,
            context=_inside(due.trace_id, due.span_id),
            severity_number=SeverityNumber[due.severity],
            severity_text=due.severity,
            body=due.body or None,
            attributes=due.attributes,
            event_name=due.event,
        )

    def change(self, change: Change, at_ns: int) -> None:
        """Emit a change as a log record: the event's name is its kind."""
        attributes = {"change.target": change.target, "change.actor": change.actor, "change.outcome": change.outcome}
        if change.generation is not None:
            attributes["change.generation"] = str(change.generation)
        if change.answers is not None:
            attributes["change.answers"] = str(change.answers)
        self._logger(_CHANGE_LOG).emit(
            timestamp=at_ns,
            observed_timestamp=at_ns,
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=change.detail,
            attributes=attributes,
            event_name=change.kind,
        )

    def close(self) -> None:
        """Send what waits and stop, at once where the target is still down; afterwards the tally is final."""
        if self._exporter.down and self._target.unreachable() is not None:
            self._exporter.shutdown()
            self._log_exporter.shutdown()
        self._processor.shutdown()
        self._log_processor.shutdown()
        self._tally.closed = True

    def _turned(self, down: bool) -> None:
        url = self._target.url
        self._notice(f"{url} does not take spans: what is due is dropped" if down else f"{url} takes spans again")

    def _tracer(self, resource: Attributes) -> Tracer:
        instance = resource["service.instance.id"]
        if instance not in self._tracers:
            provider = TracerProvider(ALWAYS_ON, _Instance(resource), shutdown_on_exit=False, id_generator=self._ids)
            provider.add_span_processor(self._processor)
            self._tracers[instance] = provider.get_tracer(SCOPE)
        return self._tracers[instance]

    def _logger(self, resource: Attributes) -> Logger:
        instance = resource.get("service.instance.id", "")
        if instance not in self._loggers:
            provider = LoggerProvider(_Instance(resource), shutdown_on_exit=False)
            provider.add_log_record_processor(self._log_processor)
            self._loggers[instance] = provider.get_logger(SCOPE)
        return self._loggers[instance]


def _inside(trace_id: int, span_id: int) -> Context:
    """The context of a span that was emitted elsewhere."""
    above = SpanContext(trace_id, span_id, is_remote=True, trace_flags=_SAMPLED)
    return set_span_in_context(NonRecordingSpan(above), Context())
