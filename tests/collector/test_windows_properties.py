"""What must hold of windows over any traces whatever: they add up, and their counts agree with each other."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epicenter.collector.model import ERROR_CLASSES, LATENCY_COLUMNS
from epicenter.collector.windows import edge_calls, merge_calls
from tests.collector.told import record, server, span, telemetry

IDS = [f"s{number}" for number in range(6)]
WORDS = ["", "getaddrinfo ENOTFOUND pricing.lan", "read timeout", "ECONNREFUSED 10.0.0.1:80"]
OPERATIONS = ["GET", "GET", "GET", "dns.lookup", "tcp.connect"]

few_spans = st.builds(
    span,
    st.sampled_from(IDS),
    st.sampled_from(["", "lost", *IDS]),
    kind=st.sampled_from(["", "Internal", "Server", "Client", "Client", "Producer", "Consumer"]),
    service=st.sampled_from(["shop", "stock", "mail"]),
    at=st.integers(0, 40).map(lambda tenths: tenths / 10),
    ms=st.sampled_from([0, 1, 50, 400, 90_000]),
    status=st.sampled_from(["Unset", "Unset", "Error"]),
    message=st.sampled_from(WORDS),
    operation=st.sampled_from(OPERATIONS),
    server_address=st.sampled_from(["", "", "stock.lan"]),
    retry__attempts=st.sampled_from(["", "0", "2"]),
)
records = st.builds(record, st.sampled_from(IDS), st.sampled_from([*WORDS, "Retrying (Retry(total=1)) after it broke"]))


@st.composite
def a_trace(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    spans = draw(st.lists(few_spans, min_size=1, max_size=8))
    copies = draw(st.lists(st.sampled_from(spans), max_size=2))
    return spans + copies, draw(st.lists(records, max_size=2))


Trace = tuple[list[dict[str, Any]], list[dict[str, Any]]]
traces = st.lists(a_trace(), min_size=1, max_size=20)
# planning its statements costs `edge_calls` a fifth of a second, so few examples of many traces each
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
PROFILE = settings(max_examples=12, deadline=None, suppress_health_check=SLOW)


def counted(some: list[tuple[int, Trace]]) -> pa.Table:
    """`edge_calls` of the traces, each named by its number."""
    spans = [row | {"TraceId": f"trace-{number}"} for number, (rows, _) in some for row in rows]
    logs = [row | {"TraceId": f"trace-{number}"} for number, (_, rows) in some for row in rows]
    with telemetry(spans, logs) as connection:
        return edge_calls(connection, 1)


@PROFILE
@given(traces, st.data())
def test_any_split_of_the_traces_merged_in_any_order_is_the_whole(found: list[Trace], data: st.DataObject) -> None:
    numbered = list(enumerate(found))
    whole = counted(numbered)
    owners = data.draw(st.lists(st.integers(0, 2), min_size=len(found), max_size=len(found)))
    parts = [counted([one for one, owner in zip(numbered, owners, strict=True) if owner == part]) for part in range(3)]
    assert merge_calls(data.draw(st.permutations(parts))) == whole
    assert merge_calls([merge_calls(parts[:2]), parts[2]]) == whole


SHARED = [span("a"), server("a"), server("b", "a")]
"""A client and a server of one id, as Zipkin's shared spans have it, and a server below that client."""
CROWDED = [
    [span("a"), server("b", "a"), server("c", "a")],
    [span("a"), span("a")],
    [server("a"), server("a")],
    [span("a"), server("b", "a"), server("b", "a")],
]


@pytest.mark.parametrize("beside", CROWDED)
def test_a_shared_id_counts_the_same_beside_spans_recorded_twice(beside: list[dict[str, Any]]) -> None:
    # found by hypothesis with seed 263475080274934861500752250445315484011
    both: list[tuple[int, Trace]] = [(0, (SHARED, [])), (1, (beside, []))]
    assert merge_calls([counted(both[:1]), counted(both[1:])]) == counted(both)


@PROFILE
@given(traces, st.randoms())
def test_the_order_of_the_rows_does_not_matter(found: list[Trace], random: Any) -> None:
    shuffled = [(number, (random.sample(spans, len(spans)), logs)) for number, (spans, logs) in enumerate(found)]
    assert counted(random.sample(shuffled, len(shuffled))) == counted(list(enumerate(found)))


@PROFILE
@given(traces)
def test_the_counts_of_a_row_agree_with_each_other(found: list[Trace]) -> None:
    for row in counted(list(enumerate(found))).to_pylist():
        assert sum(row[f"errors_{name}"] for name in ERROR_CLASSES) == row["errors"] <= row["attempts"]
        assert row["answered"] + row["unanswered"] == row["attempts"] >= row["originals"] >= 0
        assert row["entries"] <= row["attempts"]
        assert row["wasted"] <= min(row["answered"], row["errors"])
        assert sum(row[name] for name in LATENCY_COLUMNS) <= row["attempts"]
        assert 0 <= row["unanswered_ns"] <= row["client_ns"]
        assert 0 <= row["uncovered_ns"] <= row["client_ns"]
        assert (row["server"] == "") == (row["answered"] == 0)
        assert row["client"] or row["answered"]
        assert row["example_trace"]
        assert bool(row["error_trace"]) == (row["errors"] > 0)
