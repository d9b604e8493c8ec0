"""Writers that get into each other's way, told from handovers, reserves, cleaning up and numbers of their own."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.collector.model import Windows
from epicenter.detectors.record_race import record_race
from epicenter.detectors.record_writers import record_writers
from epicenter.synthetic.world.dns import BadLuck, Dns, DnsBooks, run_dns
from tests.detectors.frames import START, WINDOW_S, Row, at, change, windows

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


def tries(at_window: float, actor: str, generation: int, outcome: str = "older than what is there") -> Row:
    return change(at_window, "record.upsert", NAME, actor, generation, Outcome=outcome)


def ahead(until: int, *, first: int = 100, step: int = 1) -> list[Row]:
    """Writers a and b put one plan after another, a window each; c puts the third."""
    writers = [C if n == 2 else (A, B)[n % 2] for n in range(until)]
    return [plan(n, NAME, writer, first + n * step) for n, writer in enumerate(writers)]


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


def test_a_writer_that_tries_a_plan_far_older_than_its_peers_is_told_until_it_tries_a_newer_one() -> None:
    old = [tries(30.5, C, 110), tries(32.5, C, 110)]
    (found,) = record_writers(windows(40, changes=[*ahead(38), *old]))
    assert (found.component, found.started_at, found.ended_at) == (NAME, at(30.5), None)
    assert (found.facts["alarm_at"], found.facts["writer"]) == (at(32.5), C)
    (evidence,) = found.evidence
    assert (evidence.observed, evidence.expected) == (22.0, 3.0)
    assert evidence.statement == (
        f"{C} tried to put plan 110 on {NAME} when others had put 22 newer ones, "
        "where attempts on it are usually at most 3 behind"
    )
    (over,) = record_writers(windows(40, changes=[*ahead(38), *old, tries(34.5, C, 134, "ok")]))
    assert over.ended_at == at(34.5)
    (left,) = record_writers(windows(500, changes=[*ahead(38), *old]))
    assert left.ended_at == at(32.5) + 3600


def test_locks_tell_of_it_where_their_plan_is_told() -> None:
    lost = [change(13 + n, "record.lock", NAME, C, 101, Outcome="held by another") for n in range(12)]
    won = [lock(n, row["Actor"], "ok") for n, row in enumerate(ahead(30))]
    (found,) = record_writers(windows(30, changes=[*ahead(30), *won, *lost]))
    assert [evidence.statement for evidence in found.evidence] == [
        f"{C} lost the lock of {NAME} 12 times in a row, while others got it by turns",
        f"{C} tried to put plan 101 on {NAME} when others had put 22 newer ones, "
        "where attempts on it are usually at most 3 behind",
    ]


def test_writers_that_take_turns_for_a_day_are_never_far_behind_whatever_the_batch_checks() -> None:
    for seed, check in enumerate((False, True)):
        calm = Dns(names=("a.example", "b.example"), enactors=(A, B, C), first_generation=10, check_in_batch=check)
        assert record_writers(told(run_dns(calm, 86_400.0, np.random.default_rng(seed)))) == []


def test_where_the_batch_checks_again_the_old_plan_is_a_warning_and_no_race() -> None:
    luck = BadLuck(C, NAME, after_s=3_000.0, losses=24)
    held = Dns((NAME, "other.example"), (A, B, C), first_generation=10, check_in_batch=True, bad_luck=(luck,))
    seen = told(run_dns(held, 7_200.0, np.random.default_rng(0)))
    assert record_race(seen) == []
    (found,) = record_writers(seen)
    assert found.facts["writer"] == C
    assert found.evidence[-1].observed > 20


def told(books: DnsBooks) -> Windows:
    rows = [
        change(
            row.time / WINDOW_S,
            row.kind,
            row.target,
            row.actor,
            row.generation,
            Answers=row.answers,
            Outcome=row.outcome,
        )
        for row in books.changes
    ]
    return windows(int(rows[-1]["time"] - START) // WINDOW_S + 1, changes=rows)


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
        [*ahead(38), tries(30.5, C, 121), tries(32.5, C, 123)],
        [*ahead(38), tries(30.5, C, 110)],
        [*ahead(38), tries(30.5, "new-pod", 1), tries(31.5, "new-pod", 2)],
        [*ahead(38), *(change(n, "record.lock", NAME, C, n, Outcome="ok") for n in range(25, 35))],
        [*ahead(38), tries(30.5, C, 130), tries(30.6, A, 130)],
        [*ahead(38, step=10), *(tries(n + 0.5, C, 100 + 10 * n - 20) for n in range(5, 38))],
        [*ahead(38, first=5000), change(30.5, "record.upsert", "other.example", C, 7, Outcome="throttled")],
        [*ahead(20), plan(30, NAME, C, 120)],
        [*ahead(38), change(39, "manual", NAME, "operator", 101)],
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
        "one that is some plans late",
        "one refusal",
        "one that never put a plan and counts from one",
        "locks that are won, and count for themselves",
        "two that try the same plan",
        "plans numbered by tens, and one that is always two of them late",
        "another record with numbers of its own",
        "one that was away for long, and takes the newest plan",
        "an old plan put back by hand",
    ],
)
def test_what_may_well_be_meant_stays_silent(rows: list[Row]) -> None:
    assert record_writers(windows(END, changes=rows)) == []
