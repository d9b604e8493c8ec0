"""Two writers on one record, from change events alone, told from orderly writers, rollbacks and cleaning up."""

from __future__ import annotations

import pytest

from epicenter.detectors.record_race import record_race
from tests.detectors.frames import Row, at, call, change, windows

NAME, END = "prices.example", 60


def upsert(at_window: float, generation: int | None, actor: str = "writer-a", **rest: object) -> Row:
    return change(at_window, "record.upsert", NAME, actor, generation, **{"Answers": 3} | rest)


def delete(at_window: float, generation: int | None, actor: str = "writer-a", **rest: object) -> Row:
    return change(at_window, "record.delete", NAME, actor, generation, **rest)


def by_hand(at_window: float, generation: int | None, answers: int = 3) -> Row:
    return change(at_window, "manual", NAME, "operator", generation, Answers=answers)


def lock(at_window: float, actor: str, outcome: str = "held by another") -> Row:
    return change(at_window, "record.lock", NAME, actor, None, Outcome=outcome)


def test_a_stale_plan_over_a_newer_one_is_found_before_any_harm() -> None:
    rows = [upsert(1, 110), upsert(10, 145), upsert(20, 111, "writer-c")]
    (found,) = record_race(windows(END, changes=rows))
    assert (found.kind, found.component) == ("record_race", NAME)
    assert (found.started_at, found.ended_at) == (at(20), None)
    assert (found.facts["writer"], found.facts["other_writer"]) == ("writer-c", "writer-a")
    assert "failure" not in found.facts
    assert found.evidence[0].statement == (
        f"writer-c put generation 111 back on {NAME}, over generation 145 of writer-a"
    )


def test_the_deletion_of_the_live_generation_empties_the_record_until_answers_are_back() -> None:
    rows = [upsert(1, 145), upsert(20, 110, "writer-c"), delete(20.5, 110), upsert(25, None, Answers=0), by_hand(40, 1)]
    (found,) = record_race(windows(END, changes=rows))
    assert (found.started_at, found.ended_at) == (at(20), at(40))
    assert (found.facts["failure"], found.facts["emptied_by"]) == ("nodata", "writer-a")
    assert found.facts["emptied_at"] == at(20.5)
    said = found.evidence[-1]
    assert said.statement == f"writer-a deleted generation 110 of {NAME} while it was live: no addresses were left"
    assert (said.observed, said.expected) == (0, 3)


def test_a_deletion_that_left_no_addresses_needs_no_generation() -> None:
    (found,) = record_race(windows(END, changes=[upsert(1, None), delete(20, None, Answers=0)]))
    assert (found.started_at, found.facts["emptied_at"]) == (at(20), at(20))
    assert found.evidence[0].statement.startswith(f"writer-a deleted {NAME} while it was live")


@pytest.mark.parametrize("last", [upsert(20, 146, Answers=0), by_hand(20, None, answers=0)], ids=["upsert", "by hand"])
def test_a_change_that_leaves_no_addresses_empties_the_record_too(last: Row) -> None:
    (found,) = record_race(windows(END, changes=[upsert(10, 145), last, upsert(30, 147)]))
    assert (found.started_at, found.ended_at, found.facts["emptied_at"]) == (at(20), at(30), at(20))
    assert found.evidence[-1].statement.endswith(f" left no addresses on {NAME}")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [upsert(window, window) for window in range(END)],
        [upsert(10, 144), upsert(20, 145, "writer-c"), delete(30, 144)],
        [upsert(10, 145), by_hand(20, 144)],
        [upsert(10, 145), upsert(20, 145, "writer-c")],
        [upsert(10, 145), upsert(20, 110, "writer-c", Outcome="check failed")],
        [upsert(10, 145), delete(20, 145, Outcome="refused")],
        [upsert(10, None), upsert(20, None, "writer-c"), delete(30, None)],
        [upsert(10, 145), change(20, "record.upsert", "mail.example", "writer-c", 110, Answers=3)],
        [upsert(10, 145), change(20, "deploy", NAME, "writer-c", 110)],
        [upsert(10, None), delete(20, None, Answers=0), upsert(20.2, None)],
        [upsert(10, 145), delete(20, 145), upsert(20.2, 146)],
        [upsert(10, 145), delete(END - 0.1, 145)],
    ],
    ids=[
        "no changes",
        "plans that only grow",
        "an old plan is cleaned up",
        "somebody rolls back",
        "two writers put the same plan",
        "a stale write that did not happen",
        "a deletion that did not happen",
        "changes that carry no generation",
        "plans of another record",
        "a deployment of an older version",
        "a provider that deletes and creates in order to replace",
        "a plan that is replaced by the next one at once",
        "what may yet be the first half of that",
    ],
)
def test_what_is_no_race_stays_silent(rows: list[Row]) -> None:
    assert record_race(windows(END, changes=rows)) == []


@pytest.mark.parametrize(("called", "scores"), [(NAME, [0.25]), ("", [0.25]), ("mail.example", [])])
def test_a_first_write_without_addresses_is_a_weak_sign_for_a_name_that_may_be_in_use(
    called: str, scores: list[float]
) -> None:
    calls = [call(window, "shop", "", called) for window in range(END)]
    found = record_race(windows(END, calls, changes=[upsert(window, window, Answers=0) for window in range(10, END)]))
    assert [f.score for f in found] == scores
    assert [(f.started_at, f.ended_at, f.facts["emptied_at"]) for f in found] == [(at(10), None, at(10))] * len(scores)


def test_a_race_ends_with_the_next_plan_that_is_not_stale() -> None:
    rows = [upsert(10, 145), upsert(20, 110, "writer-c"), upsert(22, 111, "writer-c"), upsert(30, 146)]
    (found,) = record_race(windows(END, changes=rows))
    assert (found.started_at, found.ended_at) == (at(20), at(30))


def test_two_races_on_one_record_are_two() -> None:
    rows = [upsert(5, 145), upsert(10, 110), upsert(15, 146), upsert(20, 111), upsert(25, 147)]
    found = record_race(windows(END, changes=rows))
    assert [(f.started_at, f.ended_at) for f in found] == [(at(10), at(15)), (at(20), at(25))]


@pytest.mark.parametrize(("peer", "named"), [(2, True), (3, False)])
def test_a_writer_that_lost_the_lock_more_than_twice_as_often_as_any_other_is_named(peer: int, named: bool) -> None:
    rows = [upsert(1, 145), upsert(50, 110, "writer-c")]
    rows += [lock(30 + n, "writer-c") for n in range(5)] + [lock(35 + n, "writer-b") for n in range(peer)]
    rows += [lock(40, "writer-a", "ok")]
    (found,) = record_race(windows(END, changes=rows))
    said = " ".join(e.statement for e in found.evidence)
    assert (f"writer-c had lost the lock 5 times in the hour before, others at most {peer} times" in said) == named


def test_locks_lost_more_than_an_hour_before_are_another_story() -> None:
    rows = [*(lock(n, "writer-c") for n in range(10)), upsert(1, 145), upsert(140, 110, "writer-c")]
    (found,) = record_race(windows(150, changes=rows))
    assert len(found.evidence) == 1
