"""The end of the trigger is told apart from the end of what it set going."""

from __future__ import annotations

from collections.abc import Iterator

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import START, SUMMARY, WINDOW_S, Row, call, signal, windows
from tests.detectors.stories import NAME, calm, name_gone

END = 80


def at(window: int) -> float:
    return float(START + window * WINDOW_S)


def stormed(start: int, end: int) -> Iterator[Row]:
    """The prices are back, and asked four times for each request, and answer too late."""
    for window in range(start, end):
        yield call(window, "", "shop", attempts=40, errors_server=40)
        late = {"errors_deadline": 160, "wasted": 150}
        yield call(window, "shop", "cart", "cart.example", attempts=40)
        yield call(window, "cart", "prices", NAME, attempts=160, originals=40, **late)


def explained(*rows: Iterator[Row], signals: list[Row] | None = None) -> Incident:
    calls = [row for part in rows for row in part]
    (incident,) = analyze(windows(END, calls, signals or []), SUMMARY).incidents
    return incident


def test_a_storm_outlives_the_name_that_lit_it() -> None:
    incident = explained(calm(0, 30), name_gone(30, 40), stormed(40, 60), calm(60, END))
    assert incident.trigger.kind == "dns.empty_record"
    assert incident.trigger.ended_at == at(40)
    (loop,) = incident.sustaining
    assert (loop.kind, loop.component, loop.metastable) == ("retry_storm", "prices", True)
    assert loop.ended_at is not None
    assert abs(loop.ended_at - at(60)) <= WINDOW_S


def test_a_name_without_a_storm_ends_its_own_incident() -> None:
    incident = explained(calm(0, 30), name_gone(30, 40), calm(40, END))
    assert (incident.trigger.ended_at, incident.sustaining) == (at(40), ())


def test_a_cache_is_lost_at_once_and_stays_cold() -> None:
    hits = [signal(w, "memo", "cache_hits", 10 if 30 <= w < 60 else 90) for w in range(END)]
    misses = [signal(w, "memo", "cache_misses", 90 if 30 <= w < 60 else 10) for w in range(END)]
    busy = (
        call(w, *edge, attempts=asked, errors_deadline=30, wasted=30)
        for w in range(30, 60)
        for *edge, asked in (("", "shop", "", 40), ("shop", "cart", "cart.example", 40), ("cart", "prices", NAME, 80))
    )
    incident = explained(calm(0, 30), iter(list(busy)), calm(60, END), signals=[*hits, *misses])
    assert (incident.trigger.component, incident.trigger.kind) == ("memo", "cache_loss")
    assert incident.trigger.ended_at == at(31)
    assert [(loop.kind, loop.metastable) for loop in incident.sustaining] == [("cache_loss", True)]
