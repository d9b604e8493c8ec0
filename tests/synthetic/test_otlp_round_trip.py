"""Whatever words a span carries, OTLP JSON gives them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epicenter.collector.model import SPANS
from epicenter.collector.otlp import convert_lines
from epicenter.collector.writer import RecordingWriter
from epicenter.synthetic.formats.otlp import OtlpJson

T0 = 1_760_940_000 * 10**9
WORDS = st.text(max_size=6) | st.sampled_from(['"quoted"', "two\nlines", "\\", "\x1f", "é\0", "{}"])
NUMBERS = st.sampled_from(["200", "-1", "0", "-0", "007", "1e3", "", "9" * 18, "9" * 30])
ATTRIBUTES = st.dictionaries(WORDS, WORDS, max_size=3) | st.dictionaries(
    st.sampled_from(["http.status_code", "server.port", "server.address"]), NUMBERS, max_size=3
)
EVENTS = st.lists(st.tuples(st.integers(T0, T0 + 10**12), WORDS, ATTRIBUTES), max_size=2)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    resource = draw(st.sampled_from([{"service.name": "a"}, {"service.name": "b", "x": '"'}]))
    return {
        "Timestamp": draw(st.integers(T0, T0 + 10**12)),
        "TraceId": draw(st.binary(min_size=16, max_size=16)).hex(),
        "SpanId": draw(st.binary(min_size=8, max_size=8)).hex(),
        "ParentSpanId": draw(st.sampled_from(["", "00f067aa0ba902b7"])),
        "SpanName": draw(WORDS),
        "SpanKind": draw(st.sampled_from(["", "Internal", "Server", "Client", "Producer", "Consumer"])),
        "ServiceName": resource["service.name"],
        "Duration": draw(st.integers(1, 10**12)),
        "StatusCode": draw(st.sampled_from(["Unset", "Ok", "Error"])),
        "StatusMessage": draw(WORDS),
        "ResourceAttributes": list(resource.items()),
        "SpanAttributes": list(draw(ATTRIBUTES).items()),
        "Events": [
            {"Timestamp": time, "Name": name, "Attributes": list(attributes.items())}
            for time, name, attributes in draw(EVENTS)
        ],
    }


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round-trip")


@given(st.lists(spans(), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_spans_come_back_as_they_were(folder: Path, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=SPANS)
    with RecordingWriter(folder / "r") as writer:
        OtlpJson(writer).spans(table)
    found = [row for _, read in convert_lines(folder / "r" / "traces.jsonl") for row in read.to_pylist()]
    assert in_order(found) == in_order(table.to_pylist())


def test_a_part_of_a_table_is_written_as_that_part(folder: Path) -> None:
    rows = [
        {**dict.fromkeys(SPANS.names, ""), "Timestamp": T0, "Duration": 1, "SpanId": f"{i:016x}", "TraceId": "1" * 32}
        | {"ResourceAttributes": [("n", str(i))], "SpanAttributes": [("i", str(i))] * (i % 2), "StatusCode": "Unset"}
        | {"Events": [{"Timestamp": T0, "Name": str(i), "Attributes": []}] * (i % 3)}
        for i in range(9)
    ]
    table = pa.Table.from_pylist(rows, schema=SPANS).slice(4, 3)
    with RecordingWriter(folder / "part") as writer:
        OtlpJson(writer).spans(table)
    found = [row for _, read in convert_lines(folder / "part" / "traces.jsonl") for row in read.to_pylist()]
    assert in_order(found) == in_order(table.to_pylist())
