"""Two outages at one time are told as two, if neither can follow from the other and one cause for both is unlikely."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, at, call, windows
from tests.detectors.resolvers import NAMES, WAITED, codes, estate, queue, well
from tests.detectors.stories import NAME, calm, name_gone, process_gone

END = 70


def elsewhere(rows: Iterable[Row]) -> Iterator[Row]:
    """The same story in an estate of its own."""
    for row in rows:
        yield {**row, **{side: f"other-{row[side]}" for side in ("client", "server", "peer") if row[side]}}


def told(*rows: Iterator[Row]) -> list[tuple[str, str]]:
    first = [*calm(0, 30), *name_gone(30, 45), *calm(45, END)]
    incidents = analyze(windows(END, [*first, *(row for part in rows for row in part)]), SUMMARY).incidents
    return sorted((one.trigger.component, one.trigger.kind) for one in incidents)


def crashed() -> Iterator[Row]:
    yield from elsewhere(calm(0, 33))
    yield from elsewhere(process_gone(33, 50))
    yield from elsewhere(calm(50, END))


def test_two_parts_that_never_call_each_other_have_an_incident_each() -> None:
    assert told(crashed()) == [("other-cart", "crash"), (NAME, "dns.empty_record")]


def test_each_has_its_own_times_users_and_cascade() -> None:
    rows = [*calm(0, 30), *name_gone(30, 45), *calm(45, END), *crashed()]
    crash, gone = sorted(analyze(windows(END, rows), SUMMARY).incidents, key=lambda i: i.trigger.kind)
    assert (crash.started_at, crash.ended_at) == (at(33), at(50))
    assert (gone.started_at, gone.ended_at) == (at(30), at(45))
    assert {step.component for step in crash.cascade} == {"other-shop"}
    assert {step.component for step in gone.cascade} == {"shop", "cart"}


def test_parts_that_call_each_other_and_troubles_of_one_kind_are_one_incident() -> None:
    joined = (call(window, "other-shop", "cart", "cart.example") for window in range(END))
    assert len(told(crashed(), joined)) == 1
    alike = (elsewhere(story) for story in (calm(0, 30), name_gone(30, 45), calm(45, END)))
    assert len(told(*alike)) == 1


def test_what_nobody_calls_may_fail_both_parts_and_is_told_once() -> None:
    """One part names its resolver, the other has but one name that fails; or both name the same device."""
    servfail = [*estate(NAMES), *elsewhere(estate(NAMES[:1], NAMES, lost=30))]
    late = [
        *estate(NAMES, failure="dns_timeout", waited=WAITED),
        *elsewhere(estate(NAMES[:1], NAMES[:1], "dns_timeout", WAITED)),
    ]
    for rows, signals, cause in (
        (servfail, [], "the resolver"),
        (servfail, [*codes("resolver-1"), *well("resolver-2")], "resolver-1"),
        (late, queue("core-9"), "core-9"),
    ):
        (incident,) = analyze(windows(END, rows, signals), SUMMARY).incidents
        assert (incident.verdict, incident.trigger.component) == ("cascade", cause)
