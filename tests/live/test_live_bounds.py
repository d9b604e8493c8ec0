"""What has too many names, or rows, is bounded, counted, and takes no room from others."""

from __future__ import annotations

import pyarrow as pa
import pytest

from epicenter.collector.model import SAMPLES, SPANS
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from epicenter.live.bounds import OVERFLOW
from epicenter.live.config import Limits, Windows
from epicenter.live.windows import LiveWindows
from tests.collector.told import T0, sample, server, span
from tests.live.taken_in import SHORT, all_told, calls_of, spans


def test_too_many_services_names_and_edges_are_one_and_counted() -> None:
    windows = LiveWindows(SHORT, Limits(services=3, names=2, edges=100))
    windows.add(1, spans(*[span(f"s{n}", service=f"shop{n}", trace=f"t{n}") for n in range(5)]))
    (first, *_, last) = rows = calls_of(windows, T0 + 11).to_pylist()
    assert [row["client"] for row in rows] == [OVERFLOW, "shop0", "shop1", "shop2"]
    assert (first["attempts"], last["attempts"]) == (2, 1)
    windows.add(
        2, spans(*[span(f"n{n}", trace=f"u{n}", service="shop0", server_address=f"h{n}.lan") for n in range(9)])
    )
    peers = [row["peer"] for row in calls_of(windows, T0 + 12).to_pylist() if row["client"] == "shop0"]
    assert peers == ["", OVERFLOW, "h0.lan", "h1.lan"]
    assert windows.counts.overflow == {"service": 2, "edge": 0, "name": 7, "metric": 0, "left_out": 0}
    narrow = LiveWindows(SHORT, Limits(edges=2))
    narrow.add(1, spans(*[span(f"s{n}", service=f"shop{n}", trace=f"t{n}") for n in range(5)]))
    rows = calls_of(narrow, T0 + 11).to_pylist()
    assert [(row["client"], row["attempts"]) for row in rows] == [(OVERFLOW, 3), ("shop0", 1), ("shop1", 1)]


def test_a_service_that_calls_too_many_hosts_takes_no_name_from_others() -> None:
    windows = LiveWindows(SHORT, Limits(names=20, edges=30, service_edges=10))
    many = [span(f"m{n}", service="crawler", trace=f"m{n}", server_address=f"h{n:03}.lan") for n in range(150)]
    windows.add(1, spans(*many))
    windows.look(T0 + 11)
    windows.add(2, spans(*[span(f"s{n}", trace=f"s{n}", server_address=f"s{n}.lan") for n in range(3)]))
    calls = calls_of(windows, T0 + 12).to_pylist()
    told = {(row["client"], row["peer"]): row["attempts"] for row in calls}
    assert {peer for client, peer in told if client == "crawler"} == {OVERFLOW, *(f"h{n:03}.lan" for n in range(10))}
    assert told["crawler", OVERFLOW] == 140
    assert [told["shop", f"s{n}.lan"] for n in range(3)] == [1, 1, 1]
    assert windows.counts.overflow == {"service": 0, "edge": 140, "name": 0, "metric": 0, "left_out": 0}
    windows.look(T0 + 10**6)  # all of it has gone
    windows.let_go(T0 + 10**6)
    windows.add(3, spans(span("n", service="crawler", trace="n", at=10**6 + 1.0, server_address="new.lan")))
    assert calls_of(windows, T0 + 10**6 + 20)["peer"].to_pylist() == ["new.lan"]


def test_the_oldest_windows_go_where_there_are_too_many_rows() -> None:
    windows = LiveWindows(Windows(window_s=1, lateness_s=60, keep_s=86_400, rows=1000), Limits())
    many = [span(f"s{n}", service=f"shop{n % 100}", trace=f"t{n}", at=float(n // 100)) for n in range(2000)]
    windows.add(1, spans(*many))
    windows.observe(T0 + 30)
    seen = all_told(windows, T0 + 30)
    assert len(seen.calls) <= 1000
    assert seen.calls["window"].max() == T0 + 19


def test_what_is_too_much_is_counted_once_in_however_many_records_its_trace_comes() -> None:
    windows = LiveWindows(SHORT, Limits(services=1))
    windows.add(1, spans(span("a", trace="t0")))
    windows.observe(T0 + 1)
    for number in range(4):
        windows.add(number + 2, spans(span(f"s{number}", service="stock")))
        windows.observe(T0 + 2 + number)
    assert windows.counts.overflow["service"] == 4


@pytest.mark.parametrize("broken", [None, 3], ids=["calm", "one fails"])
def test_series_beyond_the_bound_change_nothing_in_what_spans_tell(broken: int | None) -> None:
    """Each of six services counts itself what its spans show."""
    whole, bounded = (incidents(Limits(series=most), broken) for most in (100_000, 3))
    assert whole == bounded
    assert [one.trigger.component for one in whole] == ([] if broken is None else ["s03"])


def incidents(limits: Limits, broken: int | None) -> list[Incident]:
    windows, minutes = LiveWindows(Windows(window_s=60, lateness_s=60), limits), 14
    for minute in range(minutes):
        failing = broken if minute >= minutes // 2 else None
        served = [
            server(
                f"{minute}-{n}-{nth}", trace=f"t{minute}-{n}-{nth}", at=minute * 60 + nth * 3.0, service=f"s{n:02}",
                status="Error" if n == failing and nth % 2 else "Unset",
            ) for n in range(6) for nth in range(20)
        ]  # fmt: skip
        counted = [
            sample("http_requests_total", at=minute * 60 + at, value=minute * 20.0 + at / 3, job=f"s{n:02}", code=code)
            for n in range(6) for code in (("200", "503") if n == failing else ("200",)) for at in (0, 30)
        ]  # fmt: skip
        told = {"spans": pa.Table.from_pylist(served, SPANS), "samples": pa.Table.from_pylist(counted, SAMPLES)}
        windows.add(minute + 1, told)
        windows.observe(T0 + minute * 60 + 60)
    windows.tell_again()
    seen, summary = windows.look(T0 + minutes * 60 + 5)
    return list(analyze(seen, summary).incidents)
