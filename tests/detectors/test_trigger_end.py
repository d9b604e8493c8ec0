"""The end of the trigger is told apart from the end of what it set going."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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


def asked(start: int, end: int, each: int, *, seen: bool = True, users: int = 40) -> Iterator[Row]:
    """The prices answer nobody in time, each request is tried so many times."""
    for window in range(start, end):
        tried = users * each
        late = {"errors_deadline": tried, "wasted": tried * seen, "client_ns": tried * 10**9}
        took = {"unanswered_ns": tried * 10**9} if not seen else {"server_ns": tried * 3 * 10**9}
        yield call(window, "", "shop", attempts=users, errors_server=users)
        yield call(window, "shop", "cart", "cart.example", attempts=users, errors_server=users)
        yield call(window, "cart", "prices" * seen, NAME, attempts=tried, originals=users, **late, **took)


def blind(rows: Iterator[Row]) -> Iterator[Row]:
    """The prices send no spans."""
    for row in rows:
        silent = {"server": "", "answered": 0, "unanswered": row["attempts"], "server_ns": 0, "uncovered_ns": 0}
        yield {**row, **silent} if row["peer"] == NAME else row


@pytest.mark.parametrize("seen", [True, False], ids=["that sends spans", "that nobody hears of"])
def test_a_callee_that_gets_well_while_it_is_asked_again_had_a_fault_of_its_own_until_then(seen: bool) -> None:
    """A lock, a pause or dropped packets, which no lesser load would have mended: to shed load would not help."""
    stories = calm(0, 30), asked(30, 60, 3, seen=seen), calm(60, END)
    incident = explained(*(stories if seen else map(blind, stories)))
    assert (incident.trigger.started_at, incident.trigger.ended_at) == (at(30), at(60))
    assert not any(loop.metastable for loop in incident.sustaining)


@pytest.mark.parametrize(("eased", "held"), [(57, True), (45, False)], ids=["and is well soon", "and still fails"])
def test_a_callee_that_is_asked_less_first_was_held_down_if_it_is_well_soon_after(eased: int, held: bool) -> None:
    incident = explained(calm(0, 30), asked(30, eased, 3), asked(eased, 60, 1), calm(60, END))
    assert incident.trigger.component == "prices"
    assert [(loop.kind, loop.metastable) for loop in incident.sustaining] == [("retry_storm", True)] * held
    assert (incident.trigger.ended_at == at(60)) is not held


def test_a_callee_that_nobody_asks_for_a_while_and_that_is_well_then_was_held_down() -> None:
    incident = explained(calm(0, 30), asked(30, 55, 3), asked(55, 56, 1, users=5), calm(58, END))
    assert [(loop.kind, loop.metastable) for loop in incident.sustaining] == [("retry_storm", True)]


def test_a_storm_that_goes_on_after_a_surge_of_users_holds_by_itself() -> None:
    incident = explained(calm(0, 30), asked(30, 36, 3, users=100), asked(36, 60, 3), calm(60, END))
    assert (incident.trigger.component, incident.trigger.ended_at) == ("prices", at(36))
    assert [(loop.kind, loop.metastable) for loop in incident.sustaining] == [("retry_storm", True)]


def test_a_storm_that_lasts_is_not_said_to_hold_by_itself_before_anything_shows_it() -> None:
    incident = explained(calm(0, 30), asked(30, END, 3))
    assert incident.trigger.ended_at is None
    assert not any(loop.metastable for loop in incident.sustaining)


def test_who_fails_in_another_way_than_at_first_is_not_mended() -> None:
    def asked(window: int) -> Iterator[Row]:
        late, told = 20 * (window == 30), 40 * (30 < window < 45)
        yield call(window, "", "shop", attempts=40, errors_server=late + told)
        yield call(window, "shop", "", "store.example", attempts=40, errors_deadline=late, errors_server=told)

    incident = explained(*(asked(window) for window in range(END)))
    assert (incident.trigger.component, incident.trigger.ended_at) == ("store.example", at(45))
    assert [phase.name for phase in incident.phases] == ["trigger"]
