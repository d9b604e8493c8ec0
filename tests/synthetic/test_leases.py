"""Lease work collapses above N / (C * T) = 2, and clearing with a throttle ends it."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.synthetic.world.leases import LeaseBooks, Leases, run_leases
from epicenter.synthetic.world.work import WorkBooks, establish

CAPACITY, TIMEOUT_S, TICK_S = 0.5, 300.0, 10.0


def herd(ratio: float, *, hours: float = 6.0, restart_s: float | None = None) -> tuple[int, WorkBooks]:
    """N leases due at once, with N / (C * T) = ratio."""
    leases = round(ratio * CAPACITY * TIMEOUT_S)
    due = np.zeros(int(hours * 3600 / TICK_S))
    due[0] = leases
    restart = None if restart_s is None else int(restart_s / TICK_S)
    half = round(CAPACITY * TIMEOUT_S / 2)
    books = establish(
        due, capacity_per_s=CAPACITY, timeout_s=TIMEOUT_S, tick_s=TICK_S, restart_tick=restart, outstanding=half
    )
    return leases, books


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.5, 1.96])
def test_a_small_herd_recovers_by_itself(ratio: float) -> None:
    leases, books = herd(ratio)
    assert books.done.sum() == leases


@pytest.mark.parametrize("ratio", [2.2, 4.0, 14.8])
def test_a_large_herd_never_recovers_and_keeps_the_share_that_fits(ratio: float) -> None:
    leases, books = herd(ratio)
    assert books.done.sum() / leases == pytest.approx(1 / ratio, abs=0.02)
    half = len(books.done) // 2
    assert books.done[half:].sum() == 0
    assert books.late[half:].sum() == pytest.approx(CAPACITY * TICK_S * (len(books.late) - half), abs=1)
    assert books.depth[-1] > books.depth[half] > books.depth[60]


def test_attempts_per_lease_are_those_of_the_closed_form() -> None:
    """At N / (C * T) = 1.5, N - C * T leases need a second attempt: 4/3 attempts a lease."""
    leases, books = herd(1.5)
    assert (books.started + books.retried).sum() / leases == pytest.approx(4 / 3, abs=0.01)


def test_clearing_the_queue_and_capping_what_is_under_way_drains_at_capacity() -> None:
    restart_s = 109 * 60.0
    leases, books = herd(14.8, restart_s=restart_s)
    left = leases - books.done[: int(restart_s / TICK_S)].sum()
    done = np.flatnonzero(np.cumsum(books.done) >= leases)[0] * TICK_S
    assert done - restart_s == pytest.approx(left / CAPACITY, rel=0.02)
    assert books.late[int(restart_s / TICK_S) :].sum() == 0


@pytest.mark.parametrize("ratio", [1.5, 2.2, 14.8])
def test_every_attempt_is_accounted_for(ratio: float) -> None:
    leases, books = herd(ratio, restart_s=7000.0)
    queued = np.cumsum(books.started + books.retried)
    ended = np.cumsum(books.done + books.timed_out + books.dropped)
    assert np.abs(queued - ended - books.live).max() == 0
    assert (np.cumsum(books.done) + books.live + books.held == leases).all()


def silence(resolvers: int, start_s: float, end_s: float, ticks: int = 2000) -> np.ndarray[tuple[int, int]]:
    resolvable = np.ones((ticks, resolvers))
    resolvable[int(start_s / TICK_S) : int(end_s / TICK_S)] = 0.0
    return resolvable


def manager(outage_s: float) -> LeaseBooks:
    leases = Leases(600, 20, 300.0, (1200.0, 3600.0), 600.0, 0.2, 300.0)
    return run_leases(leases, silence(5, 1000.0, 1000.0 + outage_s), TICK_S, np.random.default_rng(1))


def test_leases_outlive_a_short_outage() -> None:
    """No lease ends earlier than its shortest term after the last good check."""
    assert (manager(600.0).active == 600).all()


def test_leases_run_out_one_by_one_in_a_long_outage() -> None:
    active = manager(7200.0).active
    steps = -np.diff(active[100:820])
    assert active[815] < 60
    assert steps.max() < 60
    assert (steps[int(1200 / TICK_S) :] > 0).mean() > 0.3


def test_a_fleet_that_was_always_reachable_keeps_all_leases() -> None:
    books = run_leases(
        Leases(600, 20, 300.0, (1200.0, 3600.0), 600.0, 0.2, 300.0),
        np.ones((500, 5)),
        TICK_S,
        np.random.default_rng(1),
    )
    assert (books.active == 600).all()
    assert books.work.depth.sum() == 0
