"""Decoders fed with garbage take none of it: what they accept, the format's own parser accepts too."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from epicenter.collector.errors import UnreadableRequest
from epicenter.collector.model import SAMPLES
from epicenter.collector.otlp.decode import Export, Signal, decode
from epicenter.collector.polled import POLLED, Polled, held_by
from epicenter.collector.wal import Record, read_segment
from epicenter.collector.wal.frames import MAGIC, framed
from tests.collector.otlp_requests import EDITS, flipped, requests
from tests.collector.told import sample
from tests.fuzzing import fuzzed

MESSAGES: dict[Signal, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}


@given(requests(), EDITS)
@fuzzed(80)
def test_what_is_accepted_is_a_message_and_each_of_its_spans_is_kept_or_rejected(
    request: tuple[Signal, Message], edits: list[tuple[float, int, bytes]]
) -> None:
    signal, body = request[0], flipped(request[1].SerializeToString(), edits)
    with suppress(UnreadableRequest):
        found = decode(Export(signal, body))
        message = MESSAGES[signal].FromString(body)
        if signal == "traces":
            scopes = [scope for group in message.resource_spans for scope in group.scope_spans]
            kept = found.tables["spans"].num_rows if "spans" in found.tables else 0
            assert kept + found.rejected == sum(len(scope.spans) for scope in scopes)


@given(st.lists(st.binary(max_size=40), max_size=5), EDITS)
@fuzzed(100)
def test_a_garbled_journal_gives_no_record_that_was_not_written(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], edits: list[tuple[float, int, bytes]]
) -> None:
    written = dict(enumerate(payloads, 1))
    path = tmp_path_factory.getbasetemp() / f"{1:020d}.wal"
    path.write_bytes(
        flipped(MAGIC + b"".join(b"".join(framed(n, 0, payload)) for n, payload in written.items()), edits)
    )
    found = {part.sequence: part.payload for part in read_segment(path) if isinstance(part, Record)}
    assert found.items() <= written.items()


@given(EDITS)
@fuzzed(60)
def test_garbled_samples_of_the_journal_are_refused_or_whole(edits: list[tuple[float, int, bytes]]) -> None:
    rows = pa.Table.from_pylist([sample("up", at=n, value=n, job="shop") for n in range(5)], SAMPLES)
    body = Polled(rows).body
    assert held_by(POLLED, body).tables["samples"].equals(rows)
    with suppress(UnreadableRequest):
        found = held_by(POLLED, flipped(body, edits)).tables["samples"]
        assert found.schema.equals(SAMPLES)
