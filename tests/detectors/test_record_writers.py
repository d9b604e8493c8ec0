"""Writers that get into each other's way, told from handovers, reserves, cleaning up and numbers of their own."""

from __future__ import annotations

import pytest

from epicenter.detectors.record_writers import record_writers
from tests.detectors.frames import Row, at, call, change, windows

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


PEERS = [plan(1, "mail.example", A, 101), plan(2, "mail.example", B, 102), plan(3, "shop.example", A, 100)]
"""Two writers that share their plans."""


def streak(count: int, won: str = "") -> list[Row]:
    """Writer c loses each time, or once gets the lock as it is told; a and b get it by turns."""
    mine = [lock(10 + n, C, won if won and n == count - 3 else "held by another") for n in range(count)]
    return [*mine, *(lock(10.5 + n, (A, B)[n % 2], "ok") for n in range(count))]


def test_two_writers_that_overwrite_each_other_by_turns_are_told_from_the_fourth_time_on() -> None:
    assert record_writers(windows(END, changes=by_turns(4))) == []
    (found,) = record_writers(windows(24, changes=by_turns(6)))
    assert (found.component, found.started_at, found.ended_at) == (NAME, at(12), None)
    assert found.facts["alarm_at"] == at(18)
    assert found.evidence[0].statement == f"{A} and {B} overwrote each other's answers on {NAME} 5 times, by turns"
    (over,) = record_writers(windows(END, changes=by_turns(6)))
    assert over.ended_at == at(20)


def test_a_writer_far_behind_its_peers_on_other_records_is_told_until_a_newer_plan_is_put() -> None:
    (found,) = record_writers(windows(END, changes=[*PEERS, plan(20, NAME, C, 20), plan(30, NAME, A, 103)]))
    assert (found.component, found.started_at, found.ended_at) == (NAME, at(20), at(30))
    assert found.evidence[0].statement == (
        f"{C} put generation 20 on {NAME}, while other writers had put 100 and above on other records"
    )


def test_the_deletion_of_a_plan_written_before_anybody_looked_is_told_until_the_record_is_back() -> None:
    rows = [change(20, "record.delete", NAME, A, 145), plan(30, NAME, A, 146)]
    (found,) = record_writers(windows(END, changes=rows))
    assert (found.started_at, found.ended_at) == (at(20), at(30))
    assert found.evidence[0].statement.startswith(f"{A} deleted generation 145 of {NAME}")


def test_a_writer_that_never_gets_a_lock_which_others_get_is_told_until_it_does() -> None:
    (found,) = record_writers(windows(END, changes=streak(14)))
    assert (found.component, found.started_at, found.ended_at) == (NAME, at(10), None)
    assert found.facts["alarm_at"] == at(19)
    assert found.evidence[0].statement == f"{C} lost the lock of {NAME} 14 times in a row, while others got it"
    (over,) = record_writers(windows(END, changes=streak(14, won="ok")))
    assert over.ended_at == at(21)


@pytest.mark.parametrize(
    "rows",
    [
        [puts(10, A, 3), puts(12, B, 2), puts(14, A, 3)],
        by_turns(8, every=12),
        [puts(10 + n, (A, B)[n % 2], 3) for n in range(12)],
        [puts(10 + n, (A, B)[n % 2], 3 + n) for n in range(12)],
        [puts(10 + n, (A, B, C)[n % 3], (1, 2, 3)[n % 3]) for n in range(12)],
        [puts(10 + n, A, (3, 2)[n % 2]) for n in range(12)],
        [*PEERS, plan(20, NAME, C, 95)],
        [plan(1, "mail.example", A, 101), plan(3, "shop.example", B, 100), plan(20, NAME, C, 20)],
        [*PEERS, change(20, "manual", NAME, C, 20)],
        [*PEERS, change(20, "record.delete", NAME, A, 20)],
        [change(20, "record.delete", NAME, A, 145), plan(20.2, NAME, A, 146)],
        [change(20, "record.delete", NAME, A, 145, Answers=2)],
        [change(20, "record.delete", NAME, A, None)],
        streak(9),
        [row for row in streak(14) if row["Actor"] != B],
        [lock(10 + n, (A, B, C)[n % 3], ("ok", "held by another")[n % 2]) for n in range(48)],
    ],
    ids=[
        "a handover that is rolled back",
        "two that take turns of many minutes",
        "two that put the same answers",
        "two reserves that follow a growing fleet",
        "three of which none comes again at once",
        "one that follows a fleet up and down",
        "a plan a little older than others have",
        "records each with numbers of their own",
        "somebody goes back on purpose",
        "old plans are cleaned up",
        "a plan is replaced by the next one at once",
        "a deletion that left answers",
        "a deletion of nobody knows what",
        "a few lost locks",
        "one that waits in reserve",
        "three that get the lock by turns",
    ],
)
def test_what_may_well_be_meant_stays_silent(rows: list[Row]) -> None:
    assert record_writers(windows(END, changes=rows)) == []


def test_the_deletion_of_a_name_that_nobody_calls_is_not_told() -> None:
    calls = [call(window, "shop", "", "mail.example") for window in range(END)]
    assert record_writers(windows(END, calls, changes=[change(20, "record.delete", NAME, A, 145)])) == []
