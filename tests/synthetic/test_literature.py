"""The engine against published figures on retry storms, over five seeds.

Sources: Bronson et al., HotOS 2021 (hidden capacity); Brooker, "Fixing retries" and simulator_example (2022); the
experiments of `experiments.py`, of which the table holds the means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from epicenter.synthetic.world.books import Flows
from epicenter.synthetic.world.conditions import still
from epicenter.synthetic.world.engine import run_services
from epicenter.synthetic.world.history import Edge, Floats, Service
from epicenter.synthetic.world.work import WorkBooks, establish
from tests.synthetic.experiments import AFTER, DURING, LATER, SEEDS, TIMEOUT_S, Case, Run, Seen, pair, run_cases

GONE_3 = Case(unresolved=True, retries=3)
CASES = {
    "hang, R=3, 24 %": Case(load=0.24, hang=True, retries=3),
    "hang, R=3, 26 %": Case(load=0.26, hang=True, retries=3),
    "hang, R=1, 48 %": Case(load=0.48, hang=True, retries=1),
    "hang, R=1, 52 %": Case(load=0.52, hang=True, retries=1),
    "organic surge": Case(surge=1.6),
    "surge, R=3, budget": Case(surge=1.6, retries=3, retry_budget=0.1),
    "surge, R=3": Case(surge=1.6, retries=3),
    "surge, R=1": Case(surge=1.6, retries=1),
    "surge, R=1, 45 %": Case(load=0.45, surge=2.6, retries=1),
    "hang": Case(hang=True),
    "hang, R=3": Case(hang=True, retries=3),
    "hang, R=3, 22 %": Case(load=0.22, hang=True, retries=3),
    "gone, R=3": GONE_3,
    "gone, R=3, pauses 0.05 s": Case(unresolved=True, retries=3, backoff_s=0.05),
    "gone, R=3, pauses 0.1 s": Case(unresolved=True, retries=3, backoff_s=0.1),
    "gone, R=3, pauses 1 s": Case(unresolved=True, retries=3, backoff_s=1.0),
    "gone, R=3, pauses 2 s": Case(unresolved=True, retries=3, backoff_s=2.0),
    "gone, R=3, pauses 2 s, 40 %": Case(load=0.4, unresolved=True, retries=3, backoff_s=2.0),
    "gone, R=3, pauses 2 s, budget": Case(unresolved=True, retries=3, backoff_s=2.0, retry_budget=0.1),
}


@pytest.fixture(scope="module")
def runs() -> dict[str, list[Run]]:
    return run_cases(CASES)


def mean(runs: list[Run], window: tuple[float, float]) -> Seen:
    seen = [run.seen(window) for run in runs]
    rows = np.array([[one.amplification, one.goodput, one.wasted, one.age_s] for one in seen]).mean(axis=0).tolist()
    return Seen(*rows)


@pytest.mark.parametrize("name", ["hang, R=3, 24 %", "hang, R=1, 48 %"])
def test_below_the_hidden_capacity_a_hang_heals(runs: dict[str, list[Run]], name: str) -> None:
    """Hidden capacity mu / (R + 1): 25 % for three retries, 50 % for one."""
    assert [run.stuck for run in runs[name]] == [False] * len(SEEDS)


@pytest.mark.parametrize("name", ["hang, R=3, 26 %", "hang, R=1, 52 %"])
def test_above_the_hidden_capacity_a_hang_never_heals(runs: dict[str, list[Run]], name: str) -> None:
    assert [run.stuck for run in runs[name]] == [True] * len(SEEDS)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.retry_budget < 1])
def test_a_budget_of_a_tenth_never_sticks_and_holds(runs: dict[str, list[Run]], name: str) -> None:
    for run in runs[name]:
        assert not run.stuck
        assert run.attempts.sum() <= 1.1 * run.originals.sum() * (1 + 1e-9)


def test_fast_failure_multiplies_attempts_and_is_no_storm(runs: dict[str, list[Run]]) -> None:
    """The attempts never arrive: no queue, and all is well in the tick after the repair."""
    for run in runs["gone, R=3"]:
        assert run.seen(DURING).amplification == pytest.approx(4.0, rel=0.01)
        assert run.age_s.max() < TIMEOUT_S
        assert run.seen(AFTER).goodput == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("pause", ["1 s", "2 s"])
def test_long_pauses_park_load_that_comes_back_as_a_storm(runs: dict[str, list[Run]], pause: str) -> None:
    """A full jitter over a base b is a mean pause of b / 2; sticks from there on too."""
    assert [run.stuck for run in runs[f"gone, R=3, pauses {pause}"]] == [True] * len(SEEDS)


@pytest.mark.parametrize("pause", ["0.05 s", "0.1 s"])
def test_short_pauses_park_too_little(runs: dict[str, list[Run]], pause: str) -> None:
    assert [run.stuck for run in runs[f"gone, R=3, pauses {pause}"]] == [False] * len(SEEDS)


@dataclass(frozen=True)
class Row:
    """Means of a published discrete simulation: (attempts, goodput per original[, wasted share]), and runs stuck."""

    during: tuple[float, float]
    after: tuple[float, float, float]
    later: tuple[float, float, float]
    stuck: int


TABLE = {
    "organic surge": Row((1.00, 0.28), (1.00, 0.70, 0.39), (1.00, 1.00, 0.00), 0),
    "surge, R=3, budget": Row((1.08, 0.23), (1.09, 0.10, 0.92), (1.00, 1.00, 0.00), 0),
    "hang": Row((1.00, 0.00), (1.00, 0.00, 1.00), (1.00, 1.00, 0.00), 0),
    "gone, R=3": Row((4.00, 0.00), (1.00, 1.00, 0.00), (1.00, 1.00, 0.00), 0),
    "gone, R=3, pauses 2 s": Row((3.27, 0.00), (3.82, 0.07, 0.95), (4.00, 0.00, 1.00), 5),
    "gone, R=3, pauses 2 s, budget": Row((1.10, 0.00), (1.01, 1.00, 0.00), (1.00, 1.00, 0.00), 0),
    "surge, R=3": Row((3.26, 0.23), (4.01, 0.00, 1.00), (4.00, 0.00, 1.00), 5),
    "surge, R=1": Row((1.75, 0.23), (2.01, 0.00, 1.00), (2.00, 0.00, 1.00), 5),
    "hang, R=3": Row((4.00, 0.00), (3.91, 0.00, 1.00), (4.00, 0.00, 1.00), 5),
}


@pytest.mark.parametrize("name", TABLE)
def test_signatures_are_those_of_the_table(runs: dict[str, list[Run]], name: str) -> None:
    """Attempts within 8 %, shares within 0.1 of the published means; the same number of runs stuck."""
    row = TABLE[name]
    for window, (amplification, goodput, *wasted) in ((DURING, row.during), (AFTER, row.after), (LATER, row.later)):
        seen = mean(runs[name], window)
        assert seen.amplification == pytest.approx(amplification, rel=0.08)
        assert seen.goodput == pytest.approx(goodput, abs=0.1)
        assert [seen.wasted] * len(wasted) == pytest.approx(wasted, abs=0.1)
    assert sum(run.stuck for run in runs[name]) == row.stuck


def test_the_shortest_wait_tells_a_loop_from_a_drain(runs: dict[str, list[Run]]) -> None:
    """Minutes after the trouble the youngest queue is 20 time-outs old where it sticks, empty where it does not."""
    for name, row in TABLE.items():
        ages = [run.seen(LATER).age_s / TIMEOUT_S for run in runs[name]]
        assert (min(ages) > 15.0) if row.stuck else (max(ages) < 0.1), name


@pytest.mark.parametrize(("name", "drained_s"), [("hang, R=3, 22 %", 257.0), ("surge, R=1, 45 %", 290.0)])
def test_just_below_the_hidden_capacity_the_drain_is_slow(
    runs: dict[str, list[Run]], name: str, drained_s: float
) -> None:
    """A full queue of 2,000 drains at mu - lambda * (R + 1): for minutes it looks stuck.

    That takes 167 and 200 s. The published table has the first drained after 80 to 120 s, sooner than its own
    queue limit allows, and the second still stuck in three of five runs after 210 s; both end with none stuck.
    """
    for run in runs[name]:
        assert run.seen((drained_s - 60.0, drained_s - 30.0)).goodput < 0.2
        assert run.seen((drained_s + 40.0, drained_s + 70.0)).goodput > 0.95
        assert not run.stuck


def test_long_pauses_stick_at_a_load_of_two_fifths_too(runs: dict[str, list[Run]]) -> None:
    """Published: 4 of 5 runs. A fluid has no luck but its arrivals, so here all may."""
    stuck = runs["gone, R=3, pauses 2 s, 40 %"]
    assert mean(stuck, DURING).amplification == pytest.approx(3.26, rel=0.05)
    assert sum(run.stuck for run in stuck) >= 4


CAPACITY, LEASE_TIMEOUT_S = 0.5, 300.0


def herd(ratio: float, *, cancelling: bool = False, newest_first: bool = False) -> tuple[int, WorkBooks]:
    """N leases due at once, with N / (C * T) = ratio, for twelve hours."""
    due = np.zeros(4320)
    due[0] = leases = round(ratio * CAPACITY * LEASE_TIMEOUT_S)
    return leases, establish(
        due,
        capacity_per_s=CAPACITY,
        timeout_s=LEASE_TIMEOUT_S,
        tick_s=10.0,
        cancelling=cancelling,
        newest_first=newest_first,
    )


def test_a_herd_of_leases_recovers_at_1_96_and_not_at_2_2() -> None:
    leases, books = herd(1.96)
    assert books.done.sum() == leases
    leases, books = herd(2.2)
    assert books.done.sum() < 0.5 * leases
    assert books.done[len(books.done) // 2 :].sum() == 0


@pytest.mark.parametrize("ratio", [2.2, 14.8])
@pytest.mark.parametrize("rescue", ["cancelling", "newest_first"])
def test_cancelling_stale_work_or_serving_the_newest_first_rescues_the_herd(ratio: float, rescue: str) -> None:
    """No capacity goes to what nobody waits for before all are established, so that takes N / C."""
    leases, books = herd(ratio, **{rescue: True})
    assert books.done.sum() == leases
    done_s = 10.0 * np.flatnonzero(np.cumsum(books.done) >= leases)[0]
    assert done_s == pytest.approx(leases / CAPACITY, rel=0.1)


SPIKE_RUNS, SPIKE_TICK_S, SPIKE_MU = 100, 0.25, 58.0


def spike(backoff_s: float) -> tuple[Floats, Floats]:
    """[runs] Attempts and goodput per original, from 5 to 50 s after a spike from 40 to 80 requests a second for 5 s.

    Three tries, a time-out of 3 s, work of 1 s, as in Brooker's simulator. His server has no capacity: each request
    takes 1 s and 10 ms more per request under way, which works off some 60 a second within 3 s. Here mu = 58: 40 a
    second is vulnerable (mu / 3 = 19), and the spike ends near the edge of the collapse, as his does.
    """
    services: list[Service] = []
    edges: list[Edge] = []
    times = np.arange(0.0, 80.0, SPIKE_TICK_S)
    entries = np.zeros((len(times), 2 * SPIKE_RUNS))
    rate = np.where((times >= 20.0) & (times < 25.0), 80.0, 40.0) * SPIKE_TICK_S
    for p in range(SPIKE_RUNS):
        client, server = pair(p, SPIKE_MU, 1.0)
        services += (client, server)
        edges.append(
            Edge(
                client.name,
                server.name,
                server.name,
                "GET /",
                1.0,
                "go-http",
                timeout_s=3.0,
                retries=2,
                backoff_s=backoff_s,
            )
        )
        entries[:, 2 * p] = np.random.default_rng(p).poisson(rate)
    flows: Flows = run_services(still(tuple(services), tuple(edges), SPIKE_TICK_S, entries))
    after = (times >= 30.0) & (times < 75.0)
    originals = flows.originals[after].sum(axis=0)
    return flows.attempts[after].sum(axis=0) / originals, flows.ok[after].sum(axis=0) / originals


def test_brookers_spike_collapses_and_stays_so() -> None:
    """His means of ten runs: attempts 2.3-2.75, goodput about 30 %. They mix runs that collapse and runs that do not.

    His simulator, run by run, ends either with three attempts per request and no goodput, or well; so does the engine.
    """
    attempts, goodput = spike(0.0)
    assert 2.3 <= attempts.mean() <= 2.75
    assert goodput.mean() == pytest.approx(0.3, abs=0.08)
    collapsed = goodput < 0.5
    assert attempts[collapsed].mean() > 2.75
    assert attempts[~collapsed].mean() < 1.5


def test_brookers_spike_passes_with_pauses() -> None:
    """Pauses of 10 and 20 s on average: his back-off of 20 and 40 s with full jitter; attempts 1.03-1.19."""
    attempts, goodput = spike(10.0)
    assert 1.03 <= attempts.mean() <= 1.19
    assert attempts.max() < 1.5
    assert goodput.mean() > 0.95
    assert goodput.min() > 0.75
