"""Work that is worked off after the repair is told as a backlog, and told from a storm and from what stays slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident, Sustaining
from tests.detectors.frames import SUMMARY, Row, at, call, change, gauge, windows
from tests.detectors.stories import NAME, calm, name_gone

GONE, BACK, DONE, END = 30, 40, 60, 80

RECORD = [
    change(GONE, "record.delete", NAME, "one", 5, Answers=0),
    change(BACK, "record.upsert", NAME, "one", 6, Answers=2),
]


def explained(after: Callable[[int], Iterator[Row]], ages: list[float], end: int = END) -> Incident:
    """A name is gone and comes back; then calls are as told, and the ages those of the prices' queue."""
    calls = [*calm(0, GONE), *name_gone(GONE, BACK), *(row for w in range(BACK, DONE) for row in after(w))]
    told = windows(end, [*calls, *calm(DONE, end)], gauge("prices", "queue_age_s", ages, "orders"), RECORD)
    return next(iter(analyze(told, SUMMARY).incidents))


def loops(after: Callable[[int], Iterator[Row]], ages: list[float]) -> list[Sustaining]:
    return list(explained(after, ages).sustaining)


def well(window: int) -> Iterator[Row]:
    yield from calm(window, window + 1)


def late(attempts: int) -> Callable[[int], Iterator[Row]]:
    """Calls of the prices run out of time, each request tried so often in forty."""

    def rows(window: int) -> Iterator[Row]:
        failed = round(0.9 * attempts)
        yield call(window, "", "shop", attempts=40, errors_server=36)
        yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=36)
        yield call(
            window, "cart", "prices", NAME, attempts=attempts, originals=40, errors_deadline=failed, wasted=failed
        )

    return rows


def aged(values: np.ndarray) -> list[float]:
    return [*[0.1] * GONE, *np.linspace(0, 300, BACK - GONE), *values, *[0.1] * (END - DONE)]


NO_QUEUE = [0.1] * END
FALLING, STANDING = aged(np.linspace(300, 0, DONE - BACK)), aged(np.full(DONE - BACK, 300.0))


def test_a_queue_that_grows_younger_after_the_repair_is_a_backlog_and_not_metastable() -> None:
    (found,) = loops(well, FALLING)
    assert (found.kind, found.component, found.metastable) == ("backlog", "prices", False)
    assert found.started_at == at(BACK)
    incident = explained(well, FALLING)
    (said,) = [item.statement for item in incident.evidence if item.id in found.evidence]
    assert said.startswith("the oldest work in prices's queue grew younger after the repair, from 300 s to ")
    assert [update.at for update in incident.updates if "worked off" in update.text] == [at(BACK + 2)]


def test_answers_that_come_too_late_for_a_while_without_repeats_are_a_backlog() -> None:
    (found,) = loops(late(42), NO_QUEUE)
    assert (found.kind, found.edges, found.metastable) == ("backlog", (("cart", "prices"),), False)
    assert (found.started_at, found.ended_at) == (at(BACK), at(DONE))
    assert found.amplification == pytest.approx(42 / 40)
    assert found.wasted_share == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("ages", [FALLING, NO_QUEUE], ids=["a queue that grows younger", "no queue known"])
def test_repeats_that_multiply_are_a_storm_and_no_backlog(ages: list[float]) -> None:
    assert [loop.kind for loop in loops(late(160), ages)] == ["retry_storm"]


@pytest.mark.parametrize("ages", [STANDING, NO_QUEUE], ids=["a queue that stays as old", "no trace of a queue"])
def test_what_does_not_fall_or_is_not_there_is_no_backlog(ages: list[float]) -> None:
    assert loops(well, ages) == []


@pytest.mark.parametrize("end", [64, 200])
def test_calm_that_follows_does_not_make_repeats_fewer(end: int) -> None:
    ages = [*FALLING[:DONE], *[0.1] * (end - DONE)]
    assert [list(explained(late(tries), ages, end).sustaining) for tries in (52, 56)] == [[], []]
    (found,) = explained(late(46), ages, end).sustaining
    assert (found.kind, found.amplification) == ("backlog", pytest.approx(46 / 40))
