"""SDKs that we did not write export to the receivers, and what they sent survives in a recording."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.context import get_current
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from epicenter.collector.errors import Overloaded
from epicenter.collector.otlp.decode import Decoded, Export
from epicenter.collector.wal import Wal, fold
from tests.collector.handed_over import opened, rows
from tests.collector.receivers import Ports, Taken, receiving

RESOURCE = Resource({"service.name": "shop", "service.instance.id": "shop-1"})
DELTA = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


def exporters(ports: Ports, way: str) -> tuple[Any, Any, Any]:
    """Of spans, metrics and log records."""
    if way == "grpc":
        at = f"http://127.0.0.1:{ports.grpc}"
        return GrpcSpans(at), GrpcMetrics(at, preferred_temporality=DELTA), GrpcLogs(at)
    compression = Compression.Gzip if way == "http, gzip" else Compression.NoCompression
    return (
        HttpSpans(f"{ports.url}/v1/traces", compression=compression),
        HttpMetrics(f"{ports.url}/v1/metrics", compression=compression, preferred_temporality=DELTA),
        HttpLogs(f"{ports.url}/v1/logs", compression=compression),
    )


@contextmanager
def journaled(folder: Path) -> Generator[tuple[Ports, Wal]]:
    """The receivers in front of a journal, as the live server has them."""

    async def take(export: Export, decoded: Decoded) -> None:
        await asyncio.wrap_future(wal.submit(export.kind, export.body))

    with Wal(folder, clock=lambda: 0.0, report=print) as wal, receiving(take) as ports:
        yield ports, wal


def recorded(tmp_path: Path, wal: Wal, query: str) -> list[tuple[object, ...]]:
    for segment in wal.roll(force=True):
        fold(segment, tmp_path / "recording", print)
    return rows(opened(tmp_path / "scratch", tmp_path / "recording"), query)


@pytest.mark.parametrize("way", ["http", "http, gzip", "grpc"])
def test_spans_metrics_and_logs_of_the_python_sdk(tmp_path: Path, way: str) -> None:
    with journaled(tmp_path / "journal") as (ports, wal):
        spans, metrics, logs = exporters(ports, way)
        tracing = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
        tracing.add_span_processor(SimpleSpanProcessor(spans))
        logging = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
        logging.add_log_record_processor(SimpleLogRecordProcessor(logs))
        reader = PeriodicExportingMetricReader(metrics, export_interval_millis=float("inf"))
        metering = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)

        with tracing.get_tracer("test").start_as_current_span("GET /x", kind=SpanKind.CLIENT) as span:
            span.set_attribute("http.status_code", 503)
            span.set_attribute("tags", ["a", "b"])
            span.record_exception(ValueError("no route"))
            span.set_status(StatusCode.ERROR, "boom")
            log = LogRecord(body="all is lost", severity_text="WARN", attributes={"attempt": 3}, context=get_current())
            logging.get_logger("test").emit(log)
        metering.get_meter("test").create_histogram("wait", "s").record(0.2)
        counter = metering.get_meter("test").create_counter("orders", "{order}")
        for more in (5, 7):
            counter.add(more, {"kind": "book"})
            metering.force_flush()
        for provider in (tracing, logging, metering):
            provider.shutdown()

        found = recorded(
            tmp_path,
            wal,
            """select s.SpanName, s.SpanKind, s.ServiceName, s.StatusCode, s.StatusMessage,
                s.SpanAttributes['http.status_code'], s.SpanAttributes['tags'], s.Events[1].Name,
                l.Body, l.SeverityText, l.LogAttributes['attempt'], l.TraceId = s.TraceId and l.SpanId = s.SpanId
            from spans s, logs l""",
        )
        tags = '["a","b"]'
        span_words = ("GET /x", "Client", "shop", "Error", "boom", "503", tags, "exception")
        assert found == [(*span_words, "all is lost", "WARN", "3", True)]
        named = "select Value from samples where Name = '{}' and Labels['job'] = 'shop' order by Timestamp"
        with opened(tmp_path / "scratch", tmp_path / "recording").connect() as connection:
            assert connection.execute(named.format("orders_total")).fetchall() == [(5.0,), (12.0,)]  # deltas, added up
            assert connection.execute(named.format("wait_seconds_count")).fetchall() == [(1.0,)]


@pytest.mark.parametrize("way", ["http", "grpc"])
def test_the_python_sdk_sends_again_what_was_not_taken(way: str) -> None:
    refusal = Overloaded("too much waits")
    refusal.retry_after_s = 0.01
    taken = Taken(refusals=[refusal])
    with receiving(taken) as ports:
        tracing = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
        tracing.add_span_processor(SimpleSpanProcessor(exporters(ports, way)[0]))
        tracing.get_tracer("test").start_span("again").end()
        tracing.shutdown()
    assert [row["SpanName"] for row in taken.rows("spans")] == ["again"]
