"""Of edges and failed look-ups the busiest are told: whoever knows of more is believed, what few ask for is let go."""

from __future__ import annotations

from epicenter.live.edges import MOST_EDGES, MOST_KEPT, MOST_NAMES, Edge, Failures, busiest
from tests.detectors.frames import START, at, call, signal, windows

NAME = "pricing.example"
NODATA = "[Errno -5] No address associated with hostname"


def failed(window: int, count: int, name: str = NAME) -> dict[str, object]:
    return dict(call(window, "shop", "", name, attempts=count, errors_dns_nodata=count))


def test_counters_tell_of_failures_that_no_span_tells_of() -> None:
    failures = Failures(since=START)
    looked_up = signal(1, NAME, "dns_lookup_failures", 300.0, NODATA)
    odd = signal(1, "other.example", "dns_lookup_failures", 4.0, "_OTHER")
    failures.update(windows(2, [failed(0, 2), failed(1, 3)], [looked_up, odd]), at(0))
    assert failures.shown() == [(("other.example", "unspecified"), 4.0), ((NAME, "nodata"), 302.0)]


def test_spans_that_tell_of_more_are_believed_and_nothing_is_counted_twice() -> None:
    failures = Failures(since=START)
    seen = windows(1, [failed(0, 20)], [signal(0, NAME, "dns_lookup_failures", 3.0, "EAI_AGAIN")])
    for _ in range(2):
        failures.update(seen, at(0))
    assert failures.shown() == [((NAME, "nodata"), 20.0)]
    failures.update(windows(2, [failed(0, 25), failed(1, 1)]), at(1))
    assert failures.shown() == [((NAME, "nodata"), 26.0)]


def test_names_that_nobody_asks_for_any_more_are_let_go() -> None:
    failures = Failures(since=START)
    failures.update(windows(1, [failed(0, 1000)]), at(1))
    for window in range(1, 4):
        some = [failed(window, 1, f"{number}.{window}.example") for number in range(MOST_KEPT // 2)]
        failures.update(windows(window + 1, some), at(window + 1))
    assert len(failures.counts) <= MOST_KEPT
    assert len(failures.shown()) == MOST_NAMES
    assert ((NAME, "nodata"), 1000.0) in failures.shown()


def test_an_edge_tells_how_often_calls_were_tried_and_how_many_ended_well_in_the_last_window() -> None:
    rows = [
        call(0, "shop", "stock", attempts=500, originals=1),
        call(1, "shop", "stock", "a.example", attempts=30, originals=10, errors_deadline=24),
        call(1, "shop", "stock", "b.example", attempts=10, originals=6, errors_deadline=4),
        call(1, "shop", "", NAME, attempts=9, originals=3, errors_dns_nodata=9),
        call(1, "pay", "stock", attempts=8, originals=4),  # repeats of what had gone well
        call(1, "", "shop", attempts=900),
    ]
    assert busiest(windows(2, rows)) == [
        Edge("shop", "stock", 2.5, 0.75),
        Edge("shop", NAME, 3.0, 0.0),
        Edge("pay", "stock", 2.0, 1.0),
    ]


def test_of_too_many_edges_the_busiest_are_told() -> None:
    rows = [call(0, f"s{n}", "stock", attempts=10 + n) for n in range(MOST_EDGES + 1)]
    assert {edge.client for edge in busiest(windows(1, rows))} == {f"s{n}" for n in range(1, MOST_EDGES + 1)}
