"""A queue that nobody calls is the way to what is lost only if something ties it to that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, call, change, gauge, put, windows

BAD, WELL, END = 30, 45, 60


def estate(callees: Iterable[str], failure: str, waited_s: float = 5.0) -> Iterator[Row]:
    """Users reach the shop, the shop its callees; most calls to them fail for a while."""
    callees = tuple(callees)
    for window in range(END):
        down = BAD <= window < WELL
        yield call(window, "", "shop", attempts=120, errors_server=30 * len(callees) * down)
        for name in callees:
            if down and failure == "server":
                yield call(window, "shop", name, attempts=40, errors_server=30)
            else:
                yield call(window, "shop", name, f"{name}.example", attempts=40 - 30 * down)
            if down and failure != "server":
                vain = {f"errors_{failure}": 30, "unanswered_ns": int(30 * waited_s * 10**9)}
                yield call(window, "shop", "", f"{name}.example", attempts=30, **vain)


def queue(start: int = BAD, age_s: float = 30.0) -> list[Row]:
    return gauge("outbox", "queue_age_s", put([0.0] * END, start, [age_s] * (WELL - start)))


def explained(calls: Iterable[Row], signals: Iterable[Row], changes: Iterable[Row] = ()) -> Incident:
    (incident,) = analyze(windows(END, calls, signals, changes), SUMMARY).incidents
    return incident


@pytest.mark.parametrize(
    ("calls", "start"),
    [
        (estate(["cart"], "deadline"), BAD - 6),
        (estate(["cart", "stock"], "connect", waited_s=0.01), BAD),
        (estate(["cart", "stock"], "server"), BAD),
    ],
    ids=["it was old minutes before", "who was refused waited in no queue", "who was answered waited in no queue"],
)
def test_a_queue_on_nobodys_way_takes_over_no_outage(calls: Iterable[Row], start: int) -> None:
    incident = explained(calls, queue(start))
    assert "outbox" not in {incident.trigger.component, *(c.component for c in incident.candidates)}
    assert incident.trigger.component in ("cart", "stock")


@pytest.mark.parametrize(
    ("callees", "signals", "changes", "sure"),
    [
        (["cart", "stock"], queue(), [], True),
        (["cart"], queue(), [], False),
        (["cart"], queue(), [change(BAD - 0.5, "manual", "outbox", "operators", None)], True),
        (["cart", "stock"], queue(BAD - 6), [], False),
        (["cart", "stock"], queue(age_s=3.0), [], False),
    ],
    ids=["several wait in it", "one alone", "it was changed", "it was old minutes before", "they waited longer"],
)
def test_a_queue_is_surely_the_way_where_several_wait_in_it_or_it_was_changed(
    callees: list[str], signals: list[Row], changes: list[Row], sure: bool
) -> None:
    incident = explained(estate(callees, "deadline"), signals, changes)
    assert (incident.trigger.component, incident.trigger.kind) == ("outbox", "network_congestion")
    assert (incident.trigger.confidence >= 0.8) == sure


@pytest.mark.parametrize("again", [True, False])
def test_one_callee_and_the_servers_of_its_name_that_are_lost_at_a_change_are_lost_on_the_way(again: bool) -> None:
    """Its callers remember the name for a while, so that the look-ups fail after the calls."""
    rows = list(estate(["cart"], "connect"))
    if again:
        rows = [row for row in rows if row["server"] or not row["client"] or row["window"] < at(BAD + 9)]
        late = range(BAD + 9, WELL)
        rows += [call(w, "shop", "", "cart.example", 30, errors_dns_servfail=30, unanswered_ns=1) for w in late]
    incident = explained(rows, [], [change(BAD - 0.1, "manual", "core-routers", "automation", None)])
    assert (incident.trigger.component == "core-routers") == again
    assert incident.trigger.confidence < 0.8


@pytest.mark.parametrize("stray", [0, 10])
def test_what_was_changed_as_calls_were_lost_is_the_way_though_a_stray_failure_dated_the_onset_before(
    stray: int,
) -> None:
    calls = [*estate(["cart", "stock"], "connect"), call(BAD - 2, "", "shop", attempts=20, errors_server=stray)]
    incident = explained(calls, [], [change(BAD + 0.2, "manual", "core-routers", "automation", None)])
    assert (incident.trigger.component, incident.trigger.kind) == ("core-routers", "network_congestion")


@pytest.mark.parametrize(("apart", "sure"), [(True, False), (False, True)])
def test_of_callees_that_are_lost_alike_the_busiest_is_no_likelier(apart: bool, sure: bool) -> None:
    """Nine of ten calls go to the cart; the others are lost as often, or hardly ever."""
    busy = {"attempts": 9, "originals": 9, "errors": 9, "errors_deadline": 9, "unanswered_ns": 9}
    rows = [dict(row) for row in estate(["cart", "stock"], "deadline") if row["client"] or row["server"]]
    lost = [
        row | {count: row[count] * times for count, times in busy.items()} if row["peer"] == "cart.example" else row
        for row in rows
        if apart or row["peer"] != "stock.example" or row["server"]
    ]
    incident = explained(lost, [])
    assert (incident.trigger.component, incident.trigger.confidence >= 0.8) == ("cart", sure)
