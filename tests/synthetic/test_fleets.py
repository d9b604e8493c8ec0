"""A fleet that starts again all at once comes up, or not, as its store can answer within the instances' patience."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.synthetic.world.books import Flows
from epicenter.synthetic.world.engine import run_services
from epicenter.synthetic.world.fleets import Fleet, FleetFeedback
from epicenter.synthetic.world.interventions import Hold, Intervention, Restart, World
from tests.synthetic.small import edge, service, steady

N, TIMEOUT_S, TICKS, AT = 600.0, 10.0, 1200, 100
RESTART = Restart("workers", float(AT))


def run(ratio: float, *events: Intervention, retries: int = 0, **fleet: object) -> Flows:
    """A store that works off N / (ratio * T) requests a second."""
    capacity = N / (ratio * TIMEOUT_S)
    services = (service("workers", 1000.0), service("store", capacity))
    state = edge("workers", "store", 0.0, timeout_s=TIMEOUT_S, required=False, retries=retries)
    conditions = steady(services, (state,), rps=10.0, ticks=TICKS)
    for event in events:
        event.impose(World(conditions, {}, 0))
    declared = Fleet("workers", "store", N, **({"pause_s": 1.0} | fleet))  # type: ignore[arg-type]
    return run_services(conditions, [FleetFeedback(declared, conditions)])


def test_a_fleet_that_nobody_restarts_is_up_and_asks_for_nothing() -> None:
    flows = run(1.0)
    assert (flows.up[:, 0] == 1.0).all()
    assert flows.attempts.sum() == 0.0


@pytest.mark.parametrize("ratio", [0.5, 0.9])
def test_a_herd_that_fits_into_the_patience_comes_up_at_the_rate_of_the_store(ratio: float) -> None:
    flows = run(ratio, RESTART)
    assert flows.up[AT, 0] == 0.0
    assert flows.up[AT + round(ratio * TIMEOUT_S) + 3, 0] == pytest.approx(1.0)
    assert flows.attempts.sum() == pytest.approx(N)


def test_a_herd_up_to_twice_as_great_comes_up_at_a_second_try() -> None:
    flows = run(1.6, RESTART)
    assert flows.up[-1, 0] == pytest.approx(1.0, abs=0.01)
    assert N < flows.attempts.sum() < 4 * N


@pytest.mark.parametrize("ratio", [3.0, 8.0])
def test_a_greater_herd_never_comes_up_while_the_store_works_for_nobody(ratio: float) -> None:
    """N / (C * T) above 2, first in first out, nothing cancelled (as in `work.py`)."""
    flows = run(ratio, RESTART)
    assert flows.up[-1, 0] < 0.6
    assert flows.up[-1, 0] == pytest.approx(flows.up[TICKS // 2, 0], abs=0.02)
    assert flows.served[-200:, 1].mean() == pytest.approx(N / (ratio * TIMEOUT_S), rel=0.02)


def test_capacity_and_the_share_that_is_up_go_together() -> None:
    flows = run(3.0, Restart("workers", float(AT), 0.5))
    assert flows.up[AT, 0] == pytest.approx(0.5)
    assert (flows.up[:AT, 0] == 1.0).all()


def test_a_partitioned_fleet_fails_the_requests_of_those_that_are_down() -> None:
    flows = run(8.0, Restart("workers", float(AT), 0.5), partitioned=True)
    assert flows.failed[AT, 0] / flows.arrivals[AT, 0] == pytest.approx(0.5)
    whole = run(8.0, Restart("workers", float(AT), 0.5))
    assert whole.failed[AT, 0] == 0.0


def test_renewals_come_at_their_rate_and_cost_nothing_while_they_are_answered() -> None:
    flows = run(0.1, renew_s=60.0)
    assert flows.attempts[50:].mean() == pytest.approx(N / 60.0)
    assert (flows.up[:, 0] > 0.999).all()


def test_instances_that_cannot_renew_go_down_one_by_one() -> None:
    services = (service("workers", 1000.0), service("store", 1000.0))
    state = edge("workers", "store", 0.0, timeout_s=TIMEOUT_S, required=False)
    conditions = steady(services, (state,), rps=10.0, ticks=TICKS)
    gone = np.zeros(TICKS)
    gone[AT : AT + 120] = 1.0
    conditions.fail_lookups("dns_nodata", 0, gone)
    fleet = Fleet("workers", "store", N, renew_s=120.0, pause_s=5.0)
    up = run_services(conditions, [FleetFeedback(fleet, conditions)]).up[:, 0]
    assert up[AT + 60] == pytest.approx(np.exp(-0.5), abs=0.03)
    assert up[AT + 119] == pytest.approx(np.exp(-1.0), abs=0.03)
    assert up[-1] > 0.99


def test_held_back_nothing_is_asked_and_released_the_herd_is_there() -> None:
    flows = run(0.5, RESTART, Hold("workers", float(AT), 400.0))
    assert flows.attempts[AT:400].sum() == 0.0
    assert (flows.up[AT:400, 0] == 0.0).all()
    assert flows.attempts[400, 0] == pytest.approx(N)
    assert flows.up[420, 0] == pytest.approx(1.0)


def test_spread_pauses_and_a_partial_hold_let_a_large_herd_in_bit_by_bit() -> None:
    """Held back but for a thirtieth a tick, no more is under way than the store can answer in time."""
    capped = run(3.0, RESTART, Hold("workers", float(AT), 1200.0, share=29 / 30), spread=True)
    assert capped.up[-1, 0] > 0.95
