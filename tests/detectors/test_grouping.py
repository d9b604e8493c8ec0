"""What goes wrong together is told as one incident, and a loop belongs to what it follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from epicenter.detectors.base import Finding
from epicenter.detectors.gate import KIND as USERS_FAILED
from epicenter.detectors.grouping import LOOPS, groups
from epicenter.detectors.telemetry_silence import KIND as SILENCE
from tests.detectors.frames import at, call, windows

SEEN = windows(120, [])


def lasted(kind: str, start: int, end: int | None) -> Finding:
    until = None if end is None else at(end)
    return Finding(at(start), until, detector="test", kind=kind, component=kind, score=1.0, evidence=())


def spans(*events: Finding) -> list[tuple[float, float | None]]:
    symptoms = [e for e in events if e.kind == USERS_FAILED]
    return [(g.started_at, g.ended_at) for g in groups(SEEN, symptoms, [e for e in events if e not in symptoms])]


def test_failures_with_a_quiet_time_between_them_are_two_incidents() -> None:
    assert spans(lasted(USERS_FAILED, 10, 20), lasted(USERS_FAILED, 24, 30)) == [(at(10), at(20)), (at(24), at(30))]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_after_a_short_quiet_and_what_it_causes_belong_to_what_came_before(loop: str) -> None:
    first, second = lasted(USERS_FAILED, 10, 20), lasted(USERS_FAILED, 40, 50)
    # what fails because of the loop may be seen in the same window, and first in order
    own = lasted("failure_spike", 24, 26)
    assert spans(first, own, lasted(loop, 24, 60), second) == [(at(10), at(60))]


def test_a_loop_long_after_is_a_story_of_its_own() -> None:
    later = lasted("retry_storm", 60, 70), lasted(USERS_FAILED, 61, 65)
    assert spans(lasted(USERS_FAILED, 10, 20), *later) == [(at(10), at(20)), (at(60), at(70))]


@pytest.mark.parametrize(
    ("silence", "told", "started"),
    [
        ((30, 45), range(30), 30),  # nobody could notice before
        ((30, 45), range(43), 43),  # counters told that users were well
        ((30, 35), [*range(30), *range(35, 60)], 43),  # they were well after it
    ],
)
def test_a_silence_hides_what_users_met_only_where_nothing_tells_of_them(
    silence: tuple[int, int], told: Iterable[int], started: int
) -> None:
    seen = windows(60, [call(window, "", "shop") for window in told])
    dark = replace(lasted(SILENCE, *silence), facts={"down": 0.0})
    early = lasted("failure_spike", 31, 50)
    (group,) = groups(seen, [lasted(USERS_FAILED, 43, 50)], [dark, early])
    assert group.started_at == at(started)


def test_what_began_long_before_users_noticed_does_not_hold_the_incident_open() -> None:
    assert spans(lasted("dns.nxdomain", 5, None), lasted(USERS_FAILED, 40, 50)) == [(at(40), at(50))]
    assert spans(lasted("dns.nxdomain", 35, None), lasted(USERS_FAILED, 40, 50)) == [(at(35), None)]
