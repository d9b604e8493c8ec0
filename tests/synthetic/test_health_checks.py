"""Health checks of half-born targets flap, overload their checkers and take capacity away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.synthetic.scenarios.aws_dynamodb_2025 import BALANCING
from epicenter.synthetic.world.balancers import Balancer, BalancerBooks, run_balancer, shortage

TICK_S, TICKS = 10.0, 1500
OFF = 1000
NLB = BALANCING.balancer


def run(half_born: float, *, balancer: Balancer = NLB, off: int = TICKS) -> BalancerBooks:
    pending = np.zeros(TICKS)
    pending[200:] = half_born / balancer.target_share
    automatic = np.ones(TICKS)
    automatic[off:] = 0.0
    return run_balancer(balancer, pending, automatic, TICK_S, np.random.default_rng(3))


def test_targets_with_their_network_state_do_not_flap() -> None:
    books = run(0.0)
    assert books.flips.sum() < 60
    assert (books.out == 0).all()
    assert books.capacity.min() > 0.99


def test_half_born_targets_flap_at_every_other_check() -> None:
    books = run(12.0)
    per_target = books.flips[300:].sum(axis=1).mean() / 12.0
    assert per_target == pytest.approx(0.5, abs=0.12)


def test_flips_beyond_what_the_checkers_can_do_take_a_zone_of_healthy_targets_away() -> None:
    books = run(120.0)
    assert books.late_s.max() > NLB.late_s
    assert books.out.sum(axis=1).max() == 1
    assert books.capacity.min() < 0.68
    assert [change.kind for change in books.changes[:1]] == ["failover"]


def test_checkers_with_spare_capacity_ride_the_same_flapping_out() -> None:
    books = run(120.0, balancer=replace(NLB, checks_per_s=400.0))
    assert books.flips[300:].sum() > 0
    assert (books.out == 0).all()
    assert books.late_s.max() == 0


def test_switching_automatic_failover_off_ends_flips_and_brings_capacity_back() -> None:
    books = run(120.0, off=OFF)
    assert books.flips[OFF:].sum() == 0
    assert (books.capacity[OFF:] == 1).all()


def test_capacity_that_carries_the_demand_costs_nothing() -> None:
    capacity, demand = np.array([1.0, 2 / 3, 2 / 3, 2 / 3]), np.array([1.0, 0.6, 0.8, 1.0])
    assert shortage(capacity, demand, 1.1) == pytest.approx([0.0, 0.0, 1 - 1.1 * 2 / 3 / 0.8, 1 - 1.1 * 2 / 3])
