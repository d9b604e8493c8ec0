"""A moment that somebody points at is explained, whether or not users saw failures there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from epicenter.collector.errors import UsageError
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import START, SUMMARY, Row, at, call, change, windows
from tests.detectors.stories import NAME, callee_fails, calm, name_gone
from tests.detectors.test_apart import crashed

BAD, END = 20, 60
MS = 1_000_000


def timed(window: int, client: str, server: str, own_ms: int, network_ms: int = 2, attempts: int = 40) -> Row:
    """Calls that take so long in the server span, and so long around it."""
    return call(
        window,
        client,
        server,
        f"{server}.example" if client else "",
        attempts,
        server_ns=attempts * own_ms * MS,
        client_ns=attempts * (own_ms + network_ms) * MS if client else 0,
        uncovered_ns=attempts * network_ms * MS if client else 0,
    )


def chain(start: int, end: int, prices_ms: int = 10, network_ms: int = 2, calls: int = 40) -> list[Row]:
    """Users reach the shop, the shop the cart, the cart the prices: each takes 10 ms itself, and waits for the next."""
    rows: list[Row] = []
    for window in range(start, end):
        below = (prices_ms + network_ms) * calls // 40
        rows += [timed(window, "", "shop", 22 + below), timed(window, "shop", "cart", 10 + below)]
        rows += [timed(window, "cart", "prices", prices_ms, network_ms, calls)] if calls else []
    return rows


def around(rows: list[Row], moment: float = BAD, changes: list[Row] | None = None) -> Incident:
    (incident,) = analyze(windows(END, rows, changes=changes or []), SUMMARY, at=at(moment)).incidents
    return incident


def test_a_service_that_became_slow_is_found_with_the_time_in_which_it_was() -> None:
    rows = [*chain(0, BAD), *chain(BAD, 30, prices_ms=90), *chain(30, END)]
    assert analyze(windows(END, rows), SUMMARY).incidents == ()
    incident = around(rows)
    assert (incident.trigger.component, incident.trigger.kind) == ("prices", "slow")
    assert (incident.started_at, incident.ended_at) == (at(20), at(30))
    assert incident.impact == 0
    assert [c.component for c in incident.candidates] == ["prices"]
    assert "prices accounts for" in incident.evidence[0].statement
    assert "mostly in its own work" in incident.evidence[0].statement


@pytest.mark.parametrize("moment", [20, 22, 25])
def test_the_start_of_a_slow_spell_does_not_depend_on_the_moment_within_it(moment: int) -> None:
    incident = around([*chain(0, BAD), *chain(BAD, 40, prices_ms=90), *chain(40, END)], moment)
    assert (incident.trigger.component, incident.started_at, incident.ended_at) == ("prices", at(20), at(40))


def test_waiting_before_one_callee_is_booked_on_the_callee() -> None:
    incident = around([*chain(0, BAD), *chain(BAD, END, network_ms=80)])
    assert (incident.trigger.component, incident.trigger.kind) == ("prices", "slow")
    assert "mostly between its callers and it" in incident.evidence[0].statement


def test_waiting_before_most_callees_is_booked_on_their_caller() -> None:
    rows = [
        timed(window, "shop", callee, 10, 80 if window >= BAD else 2)
        for window in range(END)
        for callee in ("cart", "mail", "prices")
    ]
    assert around(rows).trigger.component == "shop"


def test_a_callee_that_is_no_longer_called_is_suspected() -> None:
    incident = around([*chain(0, BAD), *chain(BAD, END, calls=0)])
    assert (incident.trigger.component, incident.trigger.kind) == ("cart", "unknown")
    both = [timed(window, "cart", "stock", 10) for window in range(END)]
    incident = around([*chain(0, BAD), *chain(BAD, END, calls=0), *both])
    assert incident.trigger.component == "prices"
    assert "in calls that are no longer made" in incident.evidence[0].statement


def test_failures_that_no_user_saw_are_explained() -> None:
    job = [call(w, "worker", "mail", "mail.example", 40, errors_server=30 * (w >= BAD)) for w in range(END)]
    rows = [*calm(0, END), *job]
    assert analyze(windows(END, rows), SUMMARY).incidents == ()
    assert around(rows).trigger.component == "mail"


def test_failures_outweigh_a_little_more_time_elsewhere() -> None:
    job = [call(w, "worker", "mail", "mail.example", 40, errors_server=30 * (w >= BAD)) for w in range(END)]
    incident = around([*chain(0, BAD, prices_ms=100), *chain(BAD, END, prices_ms=102), *job])
    assert [c.component for c in incident.candidates] == ["mail", "prices"]
    assert incident.candidates[0].score > 0.7


def test_failures_of_two_alike_give_way_to_time_that_one_alone_takes() -> None:
    """Much fails, and it tells two of each other's places apart in nothing; a little time is lost, and all in one."""
    jobs = [
        call(w, "worker", callee, f"{callee}.example", 40, errors_server=30 * (w >= BAD))
        for w in range(END)
        for callee in ("mail", "post")
    ]
    incident = around([*chain(0, BAD, prices_ms=100), *chain(BAD, END, prices_ms=104), *jobs])
    assert [c.component for c in incident.candidates] == ["prices", "mail", "post"]
    assert [round(c.score, 6) for c in incident.candidates] == [1, 0, 0]


def test_a_release_before_the_failures_is_their_kind() -> None:
    job = [call(w, "worker", "mail", "mail.example", 40, errors_server=30 * (w >= BAD)) for w in range(END)]
    released = around(job, changes=[change(19.5, "deploy", "mail", "ci", 7)])
    assert (released.trigger.component, released.trigger.kind) == ("mail", "bad_release")
    assert around(job, changes=[change(5, "deploy", "mail", "ci", 7)]).trigger.kind == "unknown"


NOTICED = [*calm(0, BAD), *callee_fails(BAD, 40), *calm(40, END)]


@pytest.mark.parametrize("moment", [14, 20, 30, 40])
def test_at_a_moment_near_an_incident_of_users_that_incident_is_explained(moment: int) -> None:
    assert around(NOTICED, moment) == analyze(windows(END, NOTICED), SUMMARY).incidents[0]


@pytest.mark.parametrize("moment", [8, 50])
def test_far_from_an_incident_of_users_it_is_not_taken_for_the_answer(moment: int) -> None:
    assert around(NOTICED, moment).impact == 0


def test_of_two_incidents_of_users_the_nearer_is_explained() -> None:
    gone = [call(w, "cart", "", NAME, 40, errors_dns_nodata=40) for w in range(45, 55)]
    gone += [call(w, "", "shop", attempts=40, errors_server=40) for w in range(45, 55)]
    gone += [call(w, "shop", "cart", "cart.example", attempts=40, errors_server=40) for w in range(45, 55)]
    rows = [*calm(0, BAD), *callee_fails(BAD, 30), *calm(30, 45), *gone, *calm(55, END)]
    assert len(analyze(windows(END, rows), SUMMARY).incidents) == 2
    assert [around(rows, moment).trigger.component for moment in (22, 44)] == ["prices", NAME]


def test_at_a_calm_moment_nothing_is_said_to_have_broken() -> None:
    incident = around([*chain(0, END)])
    assert (incident.verdict, incident.trigger.kind, incident.trigger.confidence) == ("unknown", "unknown", 0)
    assert (incident.candidates, incident.cascade) == ((), ())


@pytest.mark.parametrize("moment", [0, END])
@pytest.mark.parametrize("rows", [[], [call(w, "shop", "cart") for w in range(END)]], ids=["no calls", "no hosts"])
def test_where_there_is_nothing_to_compare_that_is_said(rows: list[Row], moment: int) -> None:
    assert around(rows, moment).verdict == "unknown"


@pytest.mark.parametrize("late", [0, 1, 3, 5])
def test_a_moment_told_late_finds_what_was_recorded_last_before_it(late: int) -> None:
    """The recording stops soon after the fault began, as recordings made of faults do."""
    rows = [*calm(0, BAD), *callee_fails(BAD, BAD + 3)]
    assert around(rows, BAD + late).trigger.component == "prices"


def test_a_moment_told_before_anything_was_recorded_finds_what_came_after() -> None:
    rows = [*calm(BAD, BAD + 3), *callee_fails(BAD + 3, BAD + 8)]
    assert around(rows, BAD).trigger.component == "prices"


@pytest.mark.parametrize(("moment", "cause"), [(31, NAME), (34, "other-cart"), (47, "other-cart")])
def test_of_two_outages_at_one_time_the_one_that_went_on_at_the_moment_is_explained(moment: int, cause: str) -> None:
    """A name is gone from window 30 to 45, a process of another estate from 33 to 50."""
    rows = [*calm(0, 30), *name_gone(30, 45), *calm(45, END), *crashed()]
    incident = around(rows, moment)
    assert (incident.verdict, incident.trigger.component) == ("cascade", cause)


@pytest.mark.parametrize("moment", [START - 1, at(END) + 1])
def test_a_moment_outside_of_the_data_is_refused(moment: float) -> None:
    with pytest.raises(UsageError, match="lies outside of the data"):
        analyze(windows(END, chain(0, END)), SUMMARY, at=moment)


def test_the_order_of_rows_does_not_matter() -> None:
    frames = windows(END, [*chain(0, BAD), *chain(BAD, END, prices_ms=90, network_ms=7)])
    shuffled = replace(frames, calls=frames.calls.sample(frac=1, random_state=5))
    assert analyze(shuffled, SUMMARY, at=at(BAD)) == analyze(frames, SUMMARY, at=at(BAD))
