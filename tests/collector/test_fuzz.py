"""Decoders fed with garbage take none of it: what they accept, the format's own parser accepts too."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from epicenter.collector.columns import EARLIEST_NS, LATEST_NS
from epicenter.collector.errors import Refused, UnreadableRequest
from epicenter.collector.model import SAMPLES
from epicenter.collector.otlp.decode import Export, Signal, decode
from epicenter.collector.polled import POLLED, Polled, held_by
from epicenter.collector.promapi import Server
from epicenter.collector.prometheus import Prometheus
from epicenter.collector.wal import Record, read_segment
from epicenter.collector.wal.frames import MAGIC, framed
from tests.collector.handed_over import otlp_span
from tests.collector.otlp_requests import EDITS, as_json, flipped, requests
from tests.collector.told import T0, sample
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


ODD_IDS = st.sampled_from(["", "zz", "5b8e", "g" * 16, "0" * 15, "٣" * 16]) | st.text("0Af", min_size=8, max_size=32)
ODD_ENUMS = st.sampled_from(["SPAN_KIND_SERVER", "STATUS_CODE_OK", "SERVER", "NOPE", "x", "", "3"]) | st.one_of(
    st.integers(-2, 2**33), st.floats(), st.booleans(), st.none(), st.just([]), st.text("AZaz _", max_size=3)
)
ODD_SPANS = st.fixed_dictionaries(
    {},
    optional={
        "traceId": ODD_IDS,
        "spanId": ODD_IDS,
        "parentSpanId": ODD_IDS,
        "kind": ODD_ENUMS,
        "status": st.fixed_dictionaries({"code": ODD_ENUMS}),
    },
).map(dict[str, Any])


def is_id(text: str, size: int) -> bool:
    try:
        return len(bytes.fromhex(text)) == size and len(text) == 2 * size
    except ValueError:
        return False


@given(st.lists(ODD_SPANS, max_size=3))
@fuzzed(150)
def test_json_that_is_accepted_is_a_message_and_each_of_its_spans_has_ids_or_is_rejected(odd: list[Any]) -> None:
    told: list[dict[str, Any]] = [otlp_span(**one) for one in odd]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": told}]}]}).encode()
    with suppress(UnreadableRequest):
        found = decode(Export("traces", body, json=True))
        good = [
            one
            for one in told
            if is_id(one["traceId"], 16) and is_id(one["spanId"], 8)
            if is_id(one.get("parentSpanId") or "0" * 16, 8)
        ]
        kept = found.tables["spans"].num_rows if "spans" in found.tables else 0
        assert (kept, found.rejected) == (len(good), len(told) - len(good))
        for one in told:  # ids are hex in OTLP alone, so the oracle is told nothing of them
            enums = {key: value for key, value in one.items() if key in ("kind", "status")}
            json_format.ParseDict(enums, Span())


def no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@given(requests(), EDITS)
@fuzzed(150)
def test_garbled_json_that_is_accepted_is_json_all_the_same(
    request: tuple[Signal, Message], edits: list[tuple[float, int, bytes]]
) -> None:
    signal, body = request[0], flipped(as_json(request[1]), edits)
    with suppress(UnreadableRequest):
        decode(Export(signal, body, json=True))
        json.loads(body.decode(), parse_constant=no_json)


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


def answer(data: object) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


NAMES = answer(["up", "http_requests_total"])
POINTS = st.tuples(
    st.one_of(st.integers(T0, T0 + 3600), st.floats(), st.integers(-(2**70), 2**70)),
    st.one_of(st.sampled_from(["1", "NaN", "+Inf"]), st.text(max_size=4)),
)
LABELS = st.dictionaries(st.sampled_from(["__name__", "job", "\ud800"]), st.text(max_size=4), max_size=3)
SERIES = st.lists(
    st.fixed_dictionaries({"metric": LABELS, "values": st.lists(POINTS, max_size=4)}).map(dict[str, Any]), max_size=3
)


class Odd(HTTPServer):
    """What says that it is a Prometheus, and answers as a test likes."""

    names = ranges = b""


class OddAnswers(BaseHTTPRequestHandler):
    server: Odd  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        body = self.server.ranges if "query_range" in self.path else self.server.names
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture(scope="module")
def odd() -> Iterator[Odd]:
    with Odd(("127.0.0.1", 0), OddAnswers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def polled_from(odd: Odd, names: bytes, ranges: bytes) -> tuple[list[pa.Table], str]:
    """What one poll gives, and what it says that it could not have."""
    odd.names, odd.ranges = names, ranges
    prometheus = Prometheus(Server(f"http://127.0.0.1:{odd.server_address[1]}"))
    try:
        return list(prometheus.poll(T0 + 3600, 15)), "; ".join(prometheus.troubles)
    except Refused as error:
        return [], str(error)


@given(SERIES, EDITS, EDITS)
@fuzzed(60)
def test_whatever_a_prometheus_answers_is_samples_or_a_trouble_that_is_told(
    odd: Odd, series: list[dict[str, Any]], of_names: list[tuple[float, int, bytes]], edits: list[Any]
) -> None:
    matrix = answer({"resultType": "matrix", "result": series})
    for names, ranges in ((NAMES, matrix), (NAMES, flipped(matrix, edits)), (flipped(NAMES, of_names), matrix)):
        found, told = polled_from(odd, names, ranges)
        for table in found:
            times = table["Timestamp"].cast(pa.int64()).to_pylist()
            assert table.schema.equals(SAMPLES)
            assert all(EARLIEST_NS <= at < LATEST_NS for at in times)
        assert found or told or not any(one["values"] for one in series) or names != NAMES


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ('[1e20, "1"]', "1e+20 is not a time in seconds between the years 2000 and 2100"),
        (f'[{T0}000, "1"]', "is not a time in seconds"),
        ('[-1e300, "1"]', "is not a time in seconds"),
        ('[1e400, "1"]', "is no Prometheus"),
        (f'[{T0}, "one"]', "the value 'one' is no number"),
    ],
)
def test_a_time_or_value_that_is_none_is_told_of(odd: Odd, points: str, why: str) -> None:
    series = f'{{"metric": {{"job": "x"}}, "values": [{points}]}}'
    ranges = f'{{"data": {{"resultType": "matrix", "result": [{series}]}}}}'
    found, told = polled_from(odd, NAMES, ranges.encode())
    assert (found, why in told) == ([], True)


@given(EDITS)
@example([(0.078125, 1, b"\x80")])  # the name of a column is no text
@fuzzed(60)
def test_garbled_samples_of_the_journal_are_refused_or_whole(edits: list[tuple[float, int, bytes]]) -> None:
    rows = pa.Table.from_pylist([sample("up", at=n, value=n, job="shop") for n in range(5)], SAMPLES)
    body = Polled(rows).body
    assert held_by(POLLED, body).tables["samples"].equals(rows)
    with suppress(UnreadableRequest):
        found = held_by(POLLED, flipped(body, edits)).tables["samples"]
        assert found.schema.equals(SAMPLES)
