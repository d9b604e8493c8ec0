"""Rolling windows: whatever comes in whatever pieces, they say what one look at all of it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epicenter.collector.model import CALL_EXAMPLES, CHANGES, LOGS, SAMPLES, SPANS
from epicenter.collector.model import Windows as Seen
from epicenter.collector.otlp.decode import Decoded
from epicenter.collector.signals import signals
from epicenter.collector.windows import edge_calls
from epicenter.live.config import Limits, Windows
from epicenter.live.traces import Traces
from epicenter.live.windows import LiveWindows
from tests.collector.test_windows_properties import PROFILE, Trace, a_trace, counted
from tests.collector.told import T0, sample, server, span, telemetry
from tests.live.encoded import encoded, with_hex_ids
from tests.live.taken_in import LONG, SHORT, all_told, calls_of, short_of_memory, spans, table


def counts(calls: pa.Table) -> list[dict[str, Any]]:
    return calls.drop_columns(list(CALL_EXAMPLES)).to_pylist()


def pieces_of(found: list[Trace], data: st.DataObject) -> list[Decoded]:
    """Each span and record by itself, in any order; two spans of three as they came, one of these odd."""
    spans = [({**row, "TraceId": f"trace-{n}"}, "spans", SPANS) for n, (rows, _) in enumerate(found) for row in rows]
    logs = [({**row, "TraceId": f"trace-{n}"}, "logs", LOGS) for n, (_, rows) in enumerate(found) for row in rows]
    pieces: list[Decoded] = []
    for number, (row, name, schema) in enumerate(data.draw(st.permutations([*spans, *logs]))):
        sent = with_hex_ids(row)
        if name == "spans" and number % 3:
            pieces.append(Decoded({}, later=encoded(sent, odd=number % 3 == 1)))
        else:
            pieces.append(Decoded({name: table([sent], schema)}))
    return pieces


# each example plans its statements many times, so there are few
@settings(PROFILE, max_examples=3)
@given(st.lists(a_trace(), min_size=2, max_size=6), st.data())
def test_any_order_in_any_pieces_and_a_restart_between_is_the_whole(found: list[Trace], data: st.DataObject) -> None:
    pieces = pieces_of(found, data)
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(pieces))] * 2)))
    windows = LiveWindows(LONG, Limits())
    records = list(enumerate(pieces, 1))
    for number, piece in records[:first]:
        windows.add(number, piece.tables, piece.later)
    windows.observe(T0 + 200)
    state = windows.state()
    windows = LiveWindows(LONG, Limits())
    windows.restore(state, [(n, piece) for n, piece in records[:second] if n >= state.replay_from], T0 + 200)
    windows.observe(T0 + 200)
    for number, piece in records[second:]:
        windows.add(number, piece.tables, piece.later)
    assert counts(calls_of(windows, T0 + 300)) == counts(counted(list(enumerate(found))))


def test_a_trace_that_was_counted_before_a_restart_goes_on_growing() -> None:
    """Of what is read again for it some is as it came, and one request is odd."""
    rows = [
        with_hex_ids(row)
        for row in (
            span("a", server_address="stock.lan"),
            server("b", "a", http_route="/"),
            span("c", "b", service="stock", server_address="mail.lan"),
            server("d", "c", service="mail"),
        )
    ]
    pieces = [
        Decoded({}, later=encoded(rows[0])),
        Decoded(spans(rows[1])),
        Decoded({}, later=encoded(rows[2], odd=True)),
        Decoded({}, later=encoded(rows[3])),
    ]
    for counted_before in range(5):
        windows = LiveWindows(SHORT, Limits())
        for number, piece in list(enumerate(pieces, 1))[:counted_before]:
            windows.add(number, piece.tables, piece.later)
        windows.observe(T0 + 12)
        state = windows.state()
        windows = LiveWindows(SHORT, Limits())
        windows.restore(state, enumerate(pieces, 1), T0 + 13)
        with telemetry(rows) as connection:
            whole = edge_calls(connection, SHORT.window_s)
        assert calls_of(windows, T0 + 14).to_pylist() == whole.to_pylist()


def test_what_is_read_again_after_a_restart_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("epicenter.live.inbox.MANY_ROWS", 2)
    monkeypatch.setattr("epicenter.live.inbox.WORTH_COUNTING", 4)
    pieces = [Decoded({}, later=encoded(with_hex_ids(span(f"s{n}", trace=f"t{n}", at=1.0)))) for n in range(20)]
    windows = LiveWindows(SHORT, Limits())
    for number, piece in list(enumerate(pieces, 1))[:3]:
        windows.add(number, piece.tables, piece.later)
    windows.observe(T0 + 2)
    state = windows.state()
    for known in (state, None):
        windows = LiveWindows(SHORT, Limits())
        if known is None:
            windows.replay(enumerate(pieces, 1), T0 + 3)
        else:
            windows.restore(known, enumerate(pieces, 1), T0 + 3)
        assert windows.uncounted == 0
        assert sum(calls_of(windows, T0 + 20)["attempts"].to_pylist()) == 20


def test_what_comes_while_records_are_read_back_is_not_kept_as_counted_before_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("epicenter.live.inbox.MANY_ROWS", 2)
    monkeypatch.setattr("epicenter.live.inbox.WORTH_COUNTING", 4)
    pieces = [Decoded({}, later=encoded(with_hex_ids(span(f"s{n}", trace=f"t{n}", at=1.0)))) for n in range(20)]
    *journal, (last, new) = enumerate(pieces, 1)
    windows = LiveWindows(SHORT, Limits())

    def read_back() -> Iterator[tuple[int, Decoded]]:
        for number, piece in journal:
            if number == 2:
                windows.add(last, new.tables, new.later)
            yield number, piece

    windows.replay(read_back(), T0 + 3)
    state = windows.state()
    assert state.counted_to == last - 1
    windows = LiveWindows(SHORT, Limits())
    windows.restore(state, [(n, piece) for n, piece in enumerate(pieces, 1) if n >= state.replay_from], T0 + 3)
    assert sum(calls_of(windows, T0 + 20)["attempts"].to_pylist()) == 20


def test_what_is_late_within_the_lateness_changes_the_past_and_later_is_counted() -> None:
    windows = LiveWindows(SHORT, Limits())
    windows.add(1, spans(span("a", server_address="stock.lan")))
    (row,) = calls_of(windows, T0 + 25).to_pylist()
    assert (row["window"], row["server"], row["unanswered"]) == (T0, "", 1)
    windows.add(2, spans(server("b", "a")))
    (row,) = calls_of(windows, T0 + 29).to_pylist()
    assert (row["server"], row["answered"], row["attempts"]) == ("stock", 1, 1)
    windows.observe(T0 + 60)
    windows.add(3, spans(server("c", "a", trace="t2")))
    seen, _ = windows.observe(T0 + 61)
    assert (seen.start, seen.end) == (T0 + 60, T0 + 60)
    (again,) = calls_of(windows, T0 + 61).to_pylist()
    assert again == row
    assert windows.counts.late["spans"] == 1


def test_a_sender_whose_clock_is_years_behind_makes_no_windows_of_all_those_years() -> None:
    windows = LiveWindows(SHORT, Limits())
    windows.add(1, spans(server("wrong", at=-40_000_000.0, trace="t2"), server("right", at=5.0)))
    seen, _ = windows.observe(T0 + 20)
    assert seen.start >= T0 + 20 - 600
    assert seen.calls["attempts"].tolist() == [1]


def test_what_came_in_time_is_not_late_because_it_waited_for_a_long_look() -> None:
    windows = LiveWindows(SHORT, Limits())
    windows.look(T0 + 10)
    windows.add(1, spans(span("a", at=5.0)))  # while that look is analyzed
    windows.let_go(T0 + 50)
    calls = calls_of(windows, T0 + 51).to_pylist()
    assert [row["attempts"] for row in calls] == [1]
    assert windows.counts.late["spans"] == 0
    windows.add(2, spans(span("b", at=5.0, trace="t2")))
    windows.look(T0 + 52)
    assert windows.counts.late["spans"] == 1


def test_what_is_kept_of_traces_follows_from_the_lateness_and_of_windows_from_their_horizon() -> None:
    windows = LiveWindows(Windows(window_s=10, lateness_s=30, keep_s=100), Limits())
    for window in range(15):
        windows.add(window + 1, spans(span("a", at=10.0 * window, trace=f"t{window}")))
        windows.observe(T0 + 10.0 * window + 5)
    seen = all_told(windows, T0 + 145)
    assert windows.state().replay_from > 10
    assert seen.calls["window"].tolist() == [T0 + 10 * window for window in range(4, 14)]


def test_a_clock_that_goes_far_ahead_does_not_stay_for_ever() -> None:
    windows = LiveWindows(SHORT, Limits())
    windows.add(1, spans(span("a", at=10**8)))
    windows.observe(T0 + 1)
    assert windows.counts.late["spans"] == 1
    assert windows.state().replay_from == 2


def test_neither_what_is_polled_nor_a_sample_of_the_future_holds_the_journal() -> None:
    windows, name = LiveWindows(SHORT, Limits()), "http_server_request_duration_seconds_count"
    windows.add(0, {"samples": table([sample(name, 1.0, 1.0, job="shop")], SAMPLES)})
    windows.add(1, {"samples": table([sample(name, 10.0**8, 1.0, job="shop")], SAMPLES)})
    windows.observe(T0 + 1)
    assert windows.counts.late["samples"] == 1
    assert windows.state().replay_from == 2


@pytest.mark.parametrize("limits", [Limits(), Limits(series=2)], ids=["all by name", "two of four folded"])
def test_signals_are_those_of_one_look_at_all_samples_also_after_a_restart(limits: Limits) -> None:
    told = [
        sample("http_server_request_duration_seconds_count", float(at), at * 3.0, job=job, path=path)
        for at in range(0, 100, 5)
        for path in "ab"
        for job in ("shop", "stock")
    ]
    with telemetry(samples=told) as connection:
        whole = signals(connection, 10).to_pylist()
    windows = LiveWindows(SHORT, limits)
    records = [(n + 1, {"samples": table([row], SAMPLES)}) for n, row in enumerate(told)]
    for number, piece in records:
        windows.add(number, piece)
        if number % 7 == 0:
            windows.observe(T0 + number * 1.25)
        if number == 50:
            state = windows.state()
            windows = LiveWindows(SHORT, limits)
            windows.restore(state, [(n, Decoded(told)) for n, told in records[:50] if n >= state.replay_from], T0 + 60)
    seen = all_told(windows, T0 + 100)
    assert pa.Table.from_pandas(seen.signals, preserve_index=False).to_pylist() == whole


def test_changes_are_kept_once() -> None:
    row = {
        "Timestamp": T0 * 10**9, "Kind": "deploy", "Target": "shop", "Actor": "ci", "Generation": 1, "Answers": None,
        "Outcome": "ok", "Detail": "",
    }  # fmt: skip
    windows = LiveWindows(SHORT, Limits())
    for number in (1, 2):
        windows.add(number, {"changes": table([row], CHANGES), **spans(span("a"))})
    seen, _ = windows.observe(T0 + 11)
    assert seen.changes[["time", "Target"]].values.tolist() == [[T0, "shop"]]


def test_what_could_not_be_counted_is_counted_the_next_time() -> None:
    """Here for want of memory."""
    windows, whole = LiveWindows(SHORT, Limits()), LiveWindows(SHORT, Limits())
    for number in (1, 2, 3):
        pieces = {
            **spans(span(f"s{number}", at=1.0)),
            "samples": table([sample("http_server_request_duration_seconds_count", 1.0, 1.0, job="shop")], SAMPLES),
        }
        for some in (windows, whole):
            some.add(number, pieces)
        if number == 1:
            windows.take_in(T0 + 2)
        if number == 2:
            with short_of_memory(), pytest.raises(duckdb.OutOfMemoryException):
                windows.take_in(T0 + 2)
            assert windows.state().counted_to == 1
    assert calls_of(windows, T0 + 20).to_pylist() == calls_of(whole, T0 + 20).to_pylist()
    assert windows.counts == whole.counts
    assert windows.state().counted_to == 3


def test_a_restart_reads_what_could_not_be_counted_again_also_where_later_samples_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    windows, name = LiveWindows(SHORT, Limits()), "http_server_request_duration_seconds_count"
    windows.add(1, spans(span("a", at=1.0)))
    windows.add(2, {"samples": table([sample(name, 1.0, 1.0, job="shop")], SAMPLES)})

    def fails(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Traces, "count", fails)
    with pytest.raises(ValueError, match="a bug"):
        windows.take_in(T0 + 2)
    assert windows.state().replay_from == 1


def test_many_rows_are_counted_some_at_a_time_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when they are read again after a restart, where a trace's first span is older than what is closed."""
    pieces = [spans(span("a", server_address="stock.lan")), spans(server("b", "a", at=20.0)), spans(span("c", at=21.0))]
    found: list[Seen] = []
    for many in (150_000, 1):
        for module in ("inbox", "windows"):
            monkeypatch.setattr(f"epicenter.live.{module}.MANY_ROWS", many)
        windows = LiveWindows(SHORT, Limits())
        for number, piece in enumerate(pieces[:2], 1):
            windows.add(number, piece)
        windows.take_in(T0 + 25)
        assert (windows.inbox.unread_rows > 0) == (many == 1)
        windows.observe(T0 + 45)
        state = windows.state()
        windows = LiveWindows(SHORT, Limits())
        windows.restore(state, enumerate(map(Decoded, pieces), 1), T0 + 46)
        windows.add(4, spans(server("d", "a", at=22.0)))
        found.append(all_told(windows, T0 + 47))
    one, other = (seen.calls.to_dict("records") for seen in found)
    assert one == other
    assert len(one) > 0
