"""Which traces may still grow."""

from __future__ import annotations

import pyarrow as pa
import pytest

from epicenter.collector.model import LOGS, SPANS
from epicenter.live import kept
from epicenter.live.traces import Traces
from tests.collector.told import T0, record, span


def test_a_trace_is_let_go_whole_once_its_newest_span_is_old_or_it_has_grown_for_too_long() -> None:
    traces = Traces(window_s=10, lateness_s=30)
    parts = [
        [span("a", trace="old"), span("b", trace="grows"), span("c", trace="long", ms=600_000)],
        [span("d", trace="new", at=400.0), span("e", trace="new", at=401.0)],
        [span("f", trace="grows", at=390.0), span("g", trace="old", at=300.0)],
    ]
    parts[0][1]["Timestamp"] += 200 * 10**9
    for number, rows in enumerate(parts, 1):
        traces.add("spans", pa.Table.from_pylist(rows, schema=SPANS), number)
        traces.take(traces.count(T0 + 402))
    traces.add("logs", pa.Table.from_pylist([record("a", "x", trace=name) for name in ("old", "alone")], LOGS), 4)
    traces.take(traces.count(T0 + 402))
    traces.close(T0 + 402)
    assert len(traces) == 4  # of "grows" and "new"; "long" began more than ten times the lateness ago
    assert traces.first == 1
    traces.close(T0 + 425)
    assert (len(traces), traces.first) == (2, 2)


def test_of_what_is_kept_again_after_a_restart_the_old_part_is_packed_and_let_go_of_apart_from_the_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "_WORTH_ROWS", 1)
    traces, many = Traces(window_s=10, lateness_s=60), 2_000
    for number, at in enumerate((0.0, 50.0), 1):
        rows = [span(f"s{n}", trace=f"{number}-{n}", at=at) for n in range(many)]
        traces.add("spans", pa.Table.from_pylist(rows, schema=SPANS), number)
        traces.read()
    traces.keep_again(T0 + 51)
    assert len(traces) == 2 * many
    whole = pa.total_allocated_bytes()
    traces.close(T0 + 51)
    packed = pa.total_allocated_bytes()
    traces.close(T0 + 70)
    assert len(traces) == many
    assert packed < whole
    assert pa.total_allocated_bytes() <= packed
