"""What tests of the journal share: requests of one span, and what a journal and its recording hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA

from epicenter.collector.otlp.decode import Export, decode
from epicenter.collector.wal import Record, read_segment, segments
from epicenter.collector.wal.fold import parts_of, sequences
from epicenter.collector.wal.segments import first_sequence
from tests.collector.handed_over import T0

TRACES = Export("traces", b"").kind


def one_span(number: int, name: str = "GET /x", **more: Any) -> bytes:
    """A request of one span that is known by its id; more: fields of the span."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    fields = {"trace_id": b"t" * 16, "name": name, "start_time_unix_nano": T0 + number, **more}
    resource.scope_spans.add().spans.add(span_id=number.to_bytes(8, "big"), **fields)
    return request.SerializeToString()


def orders(at: int, more: int) -> Export:
    """A request that tells of so many more orders since the last."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="orders")
    metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, AGGREGATION_TEMPORALITY_DELTA
    metric.sum.data_points.add(time_unix_nano=T0 + at, as_int=more)
    return Export("metrics", request.SerializeToString())


def records(folder: Path) -> list[Record]:
    return [part for path in segments(folder) for part in read_segment(path) if isinstance(part, Record)]


def folded(recording: Path, *, without: frozenset[int] = frozenset()) -> list[int]:
    """The spans in a recording's parts, but those of segments that begin with a sequence number in `without`."""
    parts = [path for path in parts_of(recording) if path.name.startswith("spans-")]
    kept = [path for path in parts if sequences(path)[0] not in without]
    return [int(number, 16) for path in kept for number in pq.read_table(path)["SpanId"].to_pylist()]


def stored(folder: Path, recording: Path) -> list[int]:
    """Every span that is kept, wherever; the parts of a segment that is still there count for nothing."""
    there = frozenset(map(first_sequence, segments(folder)))
    waiting = [decode(Export.of_kind(record.kind, record.payload)).tables["spans"] for record in records(folder)]
    numbers = [int(number, 16) for table in waiting for number in table["SpanId"].to_pylist()]
    return sorted(folded(recording, without=there) + numbers)
