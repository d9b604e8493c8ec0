"""The race between enactors comes out of their schedule, and not out of the repaired design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.synthetic.scenarios.aws_dynamodb_2025 import DNS, DYNAMODB, ENDPOINTS, at
from epicenter.synthetic.world.dns import Dns, DnsBooks, run_dns
from epicenter.synthetic.world.history import Change
from epicenter.synthetic.world.zone import NOTHING_TO_ROLL_BACK_TO, STALE_PLAN

HOURS_S = 4 * 3600.0
TIMES = np.arange(0.0, HOURS_S, 10.0)


def run(dns: Dns, seed: int = 0) -> DnsBooks:
    return run_dns(dns, HOURS_S, np.random.default_rng(seed))


def rows(books: DnsBooks, kind: str, name: str = DYNAMODB) -> list[Change]:
    return [row for row in books.changes if (row.kind, row.target) == (kind, name)]


def written(books: DnsBooks, before_s: float) -> list[int]:
    """Generations that the name pointed at, in order, up to a moment."""
    return [row.generation or 0 for row in rows(books, "record.upsert") if row.outcome == "ok" and row.time < before_s]


@pytest.mark.parametrize("seed", range(20))
def test_record_is_emptied_within_a_minute_of_23_48(seed: int) -> None:
    books = run(DNS, seed)
    emptied = next(row for row in books.changes if row.target == DYNAMODB and row.answers == 0)
    assert emptied.time == pytest.approx(at(23, 48), abs=60.0)
    assert emptied.kind == "record.delete"


def test_a_stale_plan_is_written_over_a_new_one_and_its_tree_then_deleted_by_the_other_writer() -> None:
    books = run(DNS)
    stale, deletion = rows(books, "record.upsert")[-1], None
    for before, after in zip(rows(books, "record.upsert"), rows(books, "record.upsert")[1:], strict=False):
        if after.outcome == "ok" and (after.generation or 0) < (before.generation or 0):
            stale = after
            deletion = next(row for row in rows(books, "record.delete") if row.generation == after.generation)
            break
    assert deletion is not None
    assert stale.actor == "dns-enactor-c"
    assert deletion.actor == "dns-enactor-a"
    assert (stale.generation, deletion.generation) == (110, 110)
    assert written(books, stale.time)[-1] == 145
    assert stale.time < deletion.time < stale.time + 60.0


def test_the_unlucky_writer_falls_behind_before_anything_breaks() -> None:
    books = run(DNS)
    before = np.searchsorted(TIMES, at(23, 47))
    lag = [books.generation(enactor, TIMES)[before - 1] for enactor in ("dns-enactor-a", "dns-enactor-c")]
    assert lag[0] - lag[1] >= 30
    lost = {enactor: books.lock_failures(enactor, DYNAMODB, TIMES)[before - 1] for enactor in DNS.enactors}
    assert lost == {"dns-enactor-a": 0, "dns-enactor-b": 0, "dns-enactor-c": pytest.approx(24, abs=2)}


def test_afterwards_every_enactor_is_stuck_on_the_same_error_until_people_restore_the_record() -> None:
    books = run(DNS)
    stuck = [row for row in rows(books, "record.upsert") if at(23, 49) < row.time < at(2, 25)]
    assert {row.actor for row in stuck} == set(DNS.enactors)
    assert {row.outcome for row in stuck} == {NOTHING_TO_ROLL_BACK_TO}
    assert (books.answers(DYNAMODB, np.array([at(23, 49), at(2, 24)])) == 0).all()
    assert books.answers(DYNAMODB, np.array([at(2, 25)])) == DNS.addresses
    assert [row.time for row in rows(books, "manual")] == [at(2, 25)]


def test_only_the_unlucky_name_loses_its_addresses() -> None:
    books = run(DNS)
    for name in ENDPOINTS[1:]:
        assert (books.answers(name, TIMES) > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_with_the_freshness_check_inside_the_batch_nothing_breaks(seed: int) -> None:
    books = run(replace(DNS, check_in_batch=True), seed)
    assert (books.answers(DYNAMODB, TIMES) == DNS.addresses).all()
    refused = [row for row in rows(books, "record.upsert") if row.outcome != "ok"]
    assert [(row.actor, row.generation, row.outcome) for row in refused] == [("dns-enactor-c", 110, STALE_PLAN)]
    assert written(books, HOURS_S) == sorted(written(books, HOURS_S))


@pytest.mark.parametrize("seed", range(5))
def test_without_bad_luck_plans_only_go_forward(seed: int) -> None:
    books = run(replace(DNS, bad_luck=(), restore=None), seed)
    assert (books.answers(DYNAMODB, TIMES) == DNS.addresses).all()
    assert written(books, HOURS_S) == sorted(written(books, HOURS_S))


def test_less_bad_luck_only_turns_the_record_back_for_a_moment() -> None:
    """An enactor that is late by fewer generations than are kept does no lasting harm: the tree survives."""
    luck = replace(DNS.bad_luck[0], losses=12)
    books = run(replace(DNS, bad_luck=(luck,), restore=None))
    assert (books.answers(DYNAMODB, TIMES) == DNS.addresses).all()
    assert written(books, HOURS_S) != sorted(written(books, HOURS_S))
