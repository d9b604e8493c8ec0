"""How fast spans are drawn and written in bulk, beside OpenTelemetry's SDK emitting the same spans, in one run.

The SDK's side is as a service has it, a tracer for each instance and a BatchSpanProcessor, but its exporter keeps
nothing: no network, no encoding, and the rows lie ready as Python's own objects before the clock starts. Rounds of
both sides alternate, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
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

from epicenter.collector.recording import RecordingWriter
from epicenter.synthetic import History, simulate
from epicenter.synthetic.telemetry.sdk import GivenIds
from epicenter.synthetic.telemetry.spans import drawn_ahead, span_source

SCENARIO = "aws-dynamodb-2025"
SPANS_PER_SECOND = 100.0
SDK_SPANS = 50_000
ROUNDS = 3
AIM_SPANS_PER_S, AIM_RATIO = 1e6, 50

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_TIMES = ("Timestamp", "Duration")


class Discarding(SpanExporter):
    """Counts spans and drops them."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += len(spans)
        return SpanExportResult.SUCCESS


def bulk(history: History, folder: Path) -> dict[str, float]:
    """Draw and write a history's spans: seconds on the clock, and of the processor."""
    source = span_source(history, spans_per_second=SPANS_PER_SECOND, seed=0)
    wall, cpu, spans = time.perf_counter(), time.process_time(), 0
    with RecordingWriter(folder) as writer:
        for drawn in drawn_ahead(source, source.chunks()):
            writer.write("spans", drawn.spans)
            spans += drawn.spans.num_rows
    return {"spans": spans, "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def through_sdk(history: History) -> dict[str, float]:
    """Emit the first of the same spans through the SDK."""
    source = span_source(history, spans_per_second=SPANS_PER_SECOND, seed=0)
    rows = _rows(source.draw(source.chunks()[0]).slice(0, SDK_SPANS))
    ids, exporter = GivenIds(), Discarding()
    processor = BatchSpanProcessor(exporter, max_queue_size=len(rows) + 1, max_export_batch_size=512)
    tracers: dict[str, Tracer] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    for row in rows:
        _emit(row, ids, processor, tracers)
    processor.shutdown()
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if exporter.spans != len(rows):
        raise AssertionError(f"{exporter.spans} of {len(rows)} spans came out of the SDK")
    return {"spans": len(rows), **took}


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    ints = {name: table[name].cast(pa.int64()) for name in _TIMES}
    for name, column in ints.items():
        table = table.set_column(table.column_names.index(name), name, column)
    events = [len(of) for of in table["Events"].to_pylist()]
    plain = table.drop_columns(["Events"]).to_pylist()
    return [row | {"raises": raises > 0} for row, raises in zip(plain, events, strict=True)]


def _emit(row: Mapping[str, Any], ids: GivenIds, processor: BatchSpanProcessor, tracers: dict[str, Tracer]) -> None:
    ids.trace_id, ids.span_id = int(row["TraceId"], 16), int(row["SpanId"], 16)
    parent = None
    if row["ParentSpanId"]:
        above = SpanContext(ids.trace_id, int(row["ParentSpanId"], 16), is_remote=True, trace_flags=_SAMPLED)
        parent = set_span_in_context(NonRecordingSpan(above))
    resource = dict(row["ResourceAttributes"])
    instance = resource["service.instance.id"]
    if instance not in tracers:
        provider = TracerProvider(resource=Resource(resource), shutdown_on_exit=False, id_generator=ids)
        provider.add_span_processor(processor)
        tracers[instance] = provider.get_tracer("benchmark")
    kind, start_ns = SpanKind[row["SpanKind"].upper()], row["Timestamp"]
    attributes = dict(row["SpanAttributes"])
    span = tracers[instance].start_span(row["SpanName"], parent, kind, attributes, start_time=start_ns)
    if row["raises"]:
        span.add_event("exception", {"exception.message": row["StatusMessage"]}, start_ns + row["Duration"])
    if row["StatusCode"] == "Error":
        span.set_status(Status(StatusCode.ERROR, row["StatusMessage"] or None))
    span.end(start_ns + row["Duration"])


def run(options: argparse.Namespace) -> None:
    folder: Path = options.scratch / "bulk"
    sides: dict[str, list[dict[str, float]]] = {"bulk": [], "sdk": []}
    for _ in range(ROUNDS):
        for side, rounds in sides.items():
            command = [sys.executable, "-m", "benchmarks.bulk", side, str(folder)]
            rounds.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    rates = {side: median(one["spans"] / one["wall"] for one in rounds) for side, rounds in sides.items()}
    effort = {side: median(one["spans"] / one["cpu"] for one in rounds) for side, rounds in sides.items()}
    size = sum(path.stat().st_size for path in folder.glob("spans*"))
    print(
        f"{SCENARIO}: {sides['bulk'][0]['spans']:,.0f} spans drawn and written to Parquet at {rates['bulk']:,.0f}"
        f" spans/s, {size / sides['bulk'][0]['spans']:.0f} bytes each (the aim is {AIM_SPANS_PER_S:,.0f});"
        f" OpenTelemetry's SDK emits the same at {rates['sdk']:,.0f} spans/s: {rates['bulk'] / rates['sdk']:.0f} times"
        f" as fast (the aim is {AIM_RATIO}); per second of processor {effort['bulk']:,.0f} and {effort['sdk']:,.0f}"
        f" (medians of {ROUNDS})"
    )


if __name__ == "__main__":
    world = simulate(SCENARIO)
    print(json.dumps(bulk(world, Path(sys.argv[2])) if sys.argv[1] == "bulk" else through_sdk(world)))
