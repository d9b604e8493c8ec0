"""Writers that get into each other's way, told from handovers, reserves, cleaning up and numbers of their own."""

from __future__ import annotations

import pytest

from epicenter.detectors.record_writers import record_writers
from tests.detectors.frames import Row, at, change, windows

NAME, END = "prices.example", 60
A, B, C = "writer-a", "writer-b", "writer-c"


def puts(at_window: float, actor: str, answers: int, target: str = NAME) -> Row:
    return change(at_window, "record.upsert", target, actor, None, Answers=answers)


def plan(at_window: float, target: str, actor: str, generation: int) -> Row:
    return change(at_window, "record.upsert", target, actor, generation)


def lock(at_window: float, actor: str, outcome: str = "held by another") -> Row:
    return change(at_window, "record.lock", NAME, actor, None, Outcome=outcome)


def by_turns(count: int, every: float = 2.0) -> list[Row]:
    """Writers a and b put their own answers by turns, a first."""
    return [puts(10 + n * every, (A, B)[n % 2], (3, 2)[n % 2]) for n in range(count)]


def streak(count: int, won: str = "") -> list[Row]:
    """Writer c loses each time, or once gets the lock as it is told; a and b get it by turns."""
    mine = [lock(10 + n, C, won if won and n == count - 3 else "held by another") for n in range(count)]
    return [*mine, *(lock(10.5 + n, (A, B)[n % 2], "ok") for n in range(count))]


PEERS = [plan(1, "mail.example", A, 500), plan(2, "mail.example", B, 501), plan(3, "shop.example", A, 510)]
"""Two writers, of which the one stands in for the other on one record."""


def handover(since: int = 0) -> list[Row]:
    """One leader after another gets the lock for ten windows, three times in each; c waits in reserve."""
    times = [since + n / 3 for n in range(60)]
    return [lock(t + late, who, won) for t in times for late, who, won in _tries(A if t < since + 10 else B)]


def _tries(leader: str) -> tuple[tuple[float, str, str], ...]:
    return (0.0, leader, "ok"), (0.05, C, "held by another")


def test_two_writers_that_overwrite_each_other_by_turns_are_told_from_the_fourth_time_on() -> None:
    assert record_writers(windows(END, changes=by_turns(4))) == []
    (found,) = record_writers(windows(24, changes=by_turns(6)))
    assert (found.component, found.started_at, found.ended_at) == (NAME, at(12), None)
    assert found.facts["alarm_at"] == at(18)
    assert found.evidence[0].statement == f"{A} and {B} overwrote each other's answers on {NAME} 5 times, by turns"
    (over,) = record_writers(windows(END, changes=by_turns(6)))
    assert over.ended_at == at(20)


def test_a_writer_that_never_gets_a_lock_which_others_get_is_told_until_it_does() -> None:
    (found,) = record_writers(windows(END, changes=streak(14)))
    assert (found.component, found.started_at, found.ended_at) == (NAME, at(10), None)
    assert found.facts["alarm_at"] == at(19)
    assert found.evidence[0].statement == f"{C} lost the lock of {NAME} 14 times in a row, while others got it by turns"
    (over,) = record_writers(windows(END, changes=streak(14, won="ok")))
    assert over.ended_at == at(21)


def test_lost_locks_are_told_no_longer_than_an_hour_after_the_others_got_it_by_turns() -> None:
    (found,) = record_writers(windows(200, changes=[*streak(14), *(lock(24 + n, C) for n in range(170))]))
    assert found.ended_at is not None
    assert at(23) < found.ended_at - 3600 < at(33)


@pytest.mark.parametrize(
    "rows",
    [
        [puts(10, A, 3), puts(12, B, 2), puts(14, A, 3)],
        by_turns(8, every=12),
        [puts(10 + n, (A, B)[n % 2], 3) for n in range(12)],
        [puts(10 + n, (A, B)[n % 2], 3 + n) for n in range(12)],
        [puts(10 + n, (A, B, C)[n % 3], (1, 2, 3)[n % 3]) for n in range(12)],
        [puts(10 + n, A, (3, 2)[n % 2]) for n in range(12)],
        [*PEERS, plan(20, "new.example", C, 1)],
        [plan(2, NAME, A, 7), change(50, "record.delete", NAME, B, 6)],
        streak(9),
        [row for row in streak(14) if row["Actor"] != B],
        handover(),
        [*handover(), *handover(30)],
        [lock(10 + n, (A, B, C)[n % 3], ("ok", "held by another")[n % 2]) for n in range(48)],
    ],
    ids=[
        "a handover that is rolled back",
        "two that take turns of many minutes",
        "two that put the same answers",
        "two reserves that follow a growing fleet",
        "three of which none comes again at once",
        "one that follows a fleet up and down",
        "records each with numbers of their own",
        "an old plan is cleaned up",
        "a few lost locks",
        "one that waits in reserve",
        "leaders that hand over, and one in reserve",
        "leaders that hand over three times",
        "three that get the lock by turns",
    ],
)
def test_what_may_well_be_meant_stays_silent(rows: list[Row]) -> None:
    assert record_writers(windows(END, changes=rows)) == []
