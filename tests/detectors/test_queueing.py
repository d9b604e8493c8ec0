"""A queue that grew old is told from one that is always so old, and from one that is only long."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from epicenter.detectors.queueing import queueing
from tests.detectors.frames import at, gauge, put, windows

CALM, END = 20, 60


def ages(bad: Sequence[float], calm: float = 0.01) -> list[float]:
    return put([calm] * END, CALM, bad)


def test_work_that_waits_is_found_with_its_window_and_its_age() -> None:
    (found,) = queueing(windows(END, signals=gauge("router-7", "queue_age_s", ages([4.0, 9.0] * 5))))
    assert (found.kind, found.component) == ("queueing", "router-7")
    assert (found.started_at, found.ended_at) == (at(CALM), at(CALM + 10))
    assert found.facts["age_s"] == 9.0
    assert found.evidence[0].statement == "the oldest work in router-7's queue waited for up to 9 s, 0.0 s before"


def test_work_that_is_said_to_wait_for_ever_is_as_old_as_can_be() -> None:
    (found,) = queueing(windows(END, signals=gauge("core", "queue_age_s", ages([float("inf")] * 5))))
    assert found.score == 1.0
    (evidence,) = found.evidence
    assert evidence.statement == "the oldest work in core's queue waited for ever, 0.0 s before"
    assert (evidence.observed, found.facts["age_s"]) == (150.0, 150.0)  # at the least: JSON holds no such number


@pytest.mark.parametrize(
    "seen",
    [
        ages([0.9] * 10),
        ages([1.4] * 10, calm=0.5),
        ages([9.0]),
        ages([9.0, 0.01] * 5),
    ],
    ids=["nobody notices", "little more than usual", "one scrape", "it empties in between"],
)
def test_what_waits_no_longer_than_it_is_used_to_is_well(seen: list[float]) -> None:
    assert queueing(windows(END, signals=gauge("core", "queue_age_s", seen))) == []


def test_a_queue_that_is_only_long_is_none_that_is_old() -> None:
    assert queueing(windows(END, signals=gauge("core", "queue_depth", ages([500.0] * 10)))) == []


def test_a_queue_that_stands_has_no_end_and_does_not_become_the_usual() -> None:
    (found,) = queueing(windows(END, signals=gauge("core", "queue_age_s", ages([9.0] * (END - CALM)))))
    assert (found.started_at, found.ended_at) == (at(CALM), None)


def test_between_two_scrapes_the_last_age_stands() -> None:
    every_minute = [age if w % 2 == 0 else None for w, age in enumerate(ages([9.0] * 10))]
    (found,) = queueing(windows(END, signals=gauge("core", "queue_age_s", every_minute)))
    assert (found.started_at, found.ended_at) == (at(CALM), at(CALM + 10))


def test_each_queue_is_held_against_its_own_past() -> None:
    always = gauge("batch", "queue_age_s", [0.9] * END)
    late = gauge("core", "queue_age_s", ages([2.0] * 10))
    assert [found.component for found in queueing(windows(END, signals=[*always, *late]))] == ["core"]
