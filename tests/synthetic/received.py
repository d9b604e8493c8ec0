"""The other end of `epicenter emit` in tests: an OTLP/HTTP receiver, a scraper, and a clock that leaps."""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
from collections.abc import Generator, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import (
    LogsServiceServicer,
    add_LogsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START_WALL = 1_900_000_000.0
SCRAPE_S = 120.0


@dataclass
class Calendar:
    """World time and the wall's, as `play` compresses one into the other."""

    world_start: float
    speed: float

    def world(self, wall: float) -> float:
        return self.world_start + (wall - START_WALL) * self.speed

    def world_ns(self, wall_ns: int) -> int:
        return round(self.world_start * 1e9) + round((wall_ns - round(START_WALL * 1e9)) * self.speed)


@dataclass
class Sink:
    """An OTLP/HTTP receiver that keeps the requests as they came."""

    url: str = ""
    traces: list[ExportTraceServiceRequest] = field(default_factory=list[ExportTraceServiceRequest])
    logs: list[ExportLogsServiceRequest] = field(default_factory=list[ExportLogsServiceRequest])
    spans: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def take(self, path: str, body: bytes) -> None:
        with self.arrived:
            if path == "/v1/traces":
                request = ExportTraceServiceRequest.FromString(body)
                self.traces.append(request)
                self.spans += sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
            else:
                self.logs.append(ExportLogsServiceRequest.FromString(body))
            self.arrived.notify_all()

    def each_span(self) -> Iterator[Span]:
        return (
            span for request in self.traces for r in request.resource_spans for s in r.scope_spans for span in s.spans
        )


@contextmanager
def grpc_sink(port: int = 0) -> Generator[Sink]:
    """A receiver of OTLP/gRPC, as the Collector's."""
    received = Sink()

    class Traces(TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            received.take("/v1/traces", request.SerializeToString())
            return ExportTraceServiceResponse()

    class Logs(LogsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            received.take("/v1/logs", request.SerializeToString())
            return ExportLogsServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(Traces(), server)
    add_LogsServiceServicer_to_server(Logs(), server)
    received.url = f"http://127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    server.start()
    try:
        yield received
    finally:
        server.stop(None).wait()


@contextmanager
def sink(port: int = 0, *, late: threading.Event | None = None) -> Generator[Sink]:
    """An OTLP/HTTP receiver. Until `late` is set its port is taken and nobody listens: connections are refused."""
    received = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
    server.server_bind()
    if late is None:
        server.server_activate()

    def serve() -> None:
        if late is not None:
            late.wait()
            server.server_activate()
        server.serve_forever()

    thread = threading.Thread(target=serve)
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield received
    finally:
        if late is not None:
            late.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class LeapingClock:
    """Sleeping takes no time, except that it waits for the receiver to keep up; scrapes every two world minutes."""

    calendar: Calendar
    metrics_url: str
    receiver: Sink
    wall: float = START_WALL
    scraped: list[str] = field(default_factory=list[str])
    most_waiting: int = 4000
    last_scrape: int = -1

    def now(self) -> float:
        return self.wall

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        scrape = int((self.calendar.world(self.wall) - self.calendar.world_start) // SCRAPE_S)
        if scrape == self.last_scrape:
            return
        self.last_scrape = scrape
        emitted = self.scrape()
        with self.receiver.arrived:
            caught_up = self.receiver.arrived.wait_for(
                lambda: emitted - self.receiver.spans < self.most_waiting, timeout=60
            )
        assert caught_up, "the spans never arrived"

    def scrape(self) -> float:
        """Keep the samples but the buckets, dated in world time; return the spans emitted so far."""
        with urllib.request.urlopen(self.metrics_url, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        at_ms = round(1000 * self.calendar.world(self.wall))
        samples = [line for line in lines if not line.startswith("#") and "_bucket{" not in line]
        self.scraped += [f"{line} {at_ms}" for line in samples]
        return next(float(line.split()[1]) for line in samples if line.startswith("epicenter_emit_spans_total"))


def write_otlp(received: Sink, calendar: Calendar, folder: Path) -> list[Path]:
    """The spans and log records as OTLP JSON Lines, back in world time."""
    for request in received.traces:
        for span in (span for r in request.resource_spans for s in r.scope_spans for span in s.spans):
            lasts = span.end_time_unix_nano - span.start_time_unix_nano
            span.start_time_unix_nano = calendar.world_ns(span.start_time_unix_nano)
            span.end_time_unix_nano = span.start_time_unix_nano + lasts
            for event in span.events:
                event.time_unix_nano = span.end_time_unix_nano
    for request in received.logs:
        for record in (record for r in request.resource_logs for s in r.scope_logs for record in s.log_records):
            record.time_unix_nano = calendar.world_ns(record.time_unix_nano)
    paths = [folder / "traces.jsonl", folder / "logs.jsonl"]
    for path, requests in zip(paths, (received.traces, received.logs), strict=True):
        path.write_text("".join(json.dumps(_with_hex_ids(request)) + "\n" for request in requests))
    return paths


def _with_hex_ids(request: ExportTraceServiceRequest | ExportLogsServiceRequest) -> dict[str, Any]:
    """OTLP's JSON departs from protobuf's own: ids are hex, enums are numbers."""
    message = MessageToDict(request, use_integers_for_enums=True)
    for resource in message.get("resourceSpans", ()):
        for span in (span for scope in resource["scopeSpans"] for span in scope["spans"]):
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in span:
                    span[name] = base64.b64decode(span[name]).hex()
    return message
