"""Services as fluid queues: retries multiply, budgets hold, queues time out, failures travel upwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic.world.books import Flows
from epicenter.synthetic.world.conditions import still
from epicenter.synthetic.world.engine import run_services
from epicenter.synthetic.world.history import Edge, Service

TICK_S, TICKS, RPS = 10.0, 400, 100.0
TROUBLE = slice(100, 200)
SERVICES = (
    Service("shop", ("shop",), "python", "GET /", user_facing=True),
    Service("cart", ("cart",), "go", "GET /cart", latency_s=0.05),
    Service("store", ("store",), "java", "get", latency_s=0.01),
)
CART = Edge("shop", "cart", "cart", "GET /cart", 1.0, "python-requests", retries=2)
STORE = Edge("cart", "store", "store", "get", 2.0, "go-http", retries=0, timeout_s=1.0)


def run(
    *,
    edges: tuple[Edge, ...] = (CART, STORE),
    services: tuple[Service, ...] = SERVICES,
    unresolved: float = 0.0,
    surge: float = 1.0,
    surge_ticks: int = TROUBLE.stop - TROUBLE.start,
) -> Flows:
    entries = np.zeros((TICKS, len(services)))
    entries[:, 0] = RPS * TICK_S
    entries[TROUBLE.start : TROUBLE.start + surge_ticks, 0] *= surge
    conditions = still(services, edges, TICK_S, entries)
    names = np.zeros(TICKS)
    names[TROUBLE] = unresolved
    conditions.fail_lookups("dns_nodata", len(edges) - 1, names)
    return run_services(conditions)


def test_in_calm_weather_every_call_is_one_attempt_that_goes_well() -> None:
    flows = run()
    assert flows.arrivals[50] == pytest.approx([1000, 1000, 2000])
    assert flows.attempts == pytest.approx(flows.originals)
    assert flows.failed[50] == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_failing_leaf_fails_its_callers_and_is_never_reached() -> None:
    flows = run(unresolved=0.4)
    during = 150
    assert flows.failures[during, 1, ERROR_CLASSES.index("dns_nodata")] == pytest.approx(
        0.4 * flows.attempts[during, 1]
    )
    assert flows.arrivals[during, 2] == pytest.approx(0.6 * flows.attempts[during, 1])
    assert flows.failed[during, :2] / flows.arrivals[during, :2] == pytest.approx([0.4**3, 0.4], abs=1e-6)
    assert flows.failures[during, 0, ERROR_CLASSES.index("server")] == pytest.approx(flows.failures[during, 0].sum())


def test_each_failed_call_costs_all_its_retries() -> None:
    flows = run(unresolved=1.0)
    assert flows.attempts[150, 0] / flows.originals[150, 0] == pytest.approx(1 + CART.retries)


def test_a_retry_budget_caps_the_amplification() -> None:
    flows = run(edges=(replace(CART, retry_budget=0.1), STORE), unresolved=1.0)
    assert flows.attempts[150, 0] / flows.originals[150, 0] == pytest.approx(1.1, rel=1e-3)


def test_an_optional_call_fails_alone() -> None:
    flows = run(edges=(CART, replace(STORE, required=False)), unresolved=1.0)
    assert flows.given_up[150, 1] == pytest.approx(flows.originals[150, 1])
    assert flows.failed[150, 1] == pytest.approx(0, abs=1e-6)


def test_long_back_off_parks_calls_and_lands_them_after_the_trouble() -> None:
    patient = replace(STORE, required=False, retries=3, backoff_s=300.0)
    flows = run(edges=(CART, patient), unresolved=1.0)
    assert flows.waiting[TROUBLE.stop - 1, 1] > 0
    after = flows.attempts[TROUBLE.stop : TROUBLE.stop + 60, 1] - flows.originals[TROUBLE.stop : TROUBLE.stop + 60, 1]
    assert after.sum() > 0
    calls, ended = flows.originals[:, 1].sum(), (flows.ok + flows.given_up)[:, 1].sum()
    assert calls == pytest.approx(ended + flows.waiting[-1, 1])


@pytest.mark.parametrize("unresolved", [0.0, 0.3, 1.0])
def test_attempts_are_conserved(unresolved: float) -> None:
    flows = run(unresolved=unresolved, surge=3.0)
    ended = flows.ok + flows.failures.sum(axis=2)
    assert np.cumsum(flows.attempts - ended, axis=0) == pytest.approx(flows.in_flight, abs=1e-6)
    assert flows.arrivals[:, 1] == pytest.approx(flows.attempts[:, 0])


def narrow(rps: float) -> tuple[Service, ...]:
    return (*SERVICES[:2], replace(SERVICES[2], capacity_rps=rps))


def test_a_surge_without_retries_drains_by_itself() -> None:
    flows = run(services=narrow(300.0), surge=2.0, edges=(replace(CART, retries=0), STORE))
    assert flows.queue_age_s[TROUBLE.stop - 1, 2] > STORE.timeout_s
    assert (
        flows.failures[TROUBLE.stop - 1, 1, ERROR_CLASSES.index("deadline")] > 0.9 * flows.attempts[TROUBLE.stop - 1, 1]
    )
    assert flows.queue_depth[-1, 2] == 0
    assert flows.failed[-1, 0] == pytest.approx(0, abs=1e-3)


def short_surge(capacity_rps: float) -> Flows:
    """Load 200 a second at the store, retried three times; demand six times as high for 50 s."""
    edges = (replace(CART, retries=0), replace(STORE, retries=3))
    flows = run(services=narrow(capacity_rps), surge=6.0, surge_ticks=5, edges=edges)
    assert flows.queue_age_s[TROUBLE.start + 4, 2] > STORE.timeout_s
    return flows


def test_above_the_hidden_capacity_retries_make_a_storm_that_outlives_its_trigger() -> None:
    """Load above mu / (R + 1), once retried, exceeds mu for good (Bronson et al., HotOS 2021)."""
    flows = short_surge(700.0)
    assert flows.queue_age_s[-1, 2] > STORE.timeout_s
    assert flows.ok[-50:, 1].sum() == pytest.approx(0, abs=1e-3)
    assert flows.attempts[-1, 1] / flows.originals[-1, 1] == pytest.approx(4.0)


def test_below_the_hidden_capacity_the_same_retries_recover() -> None:
    flows = short_surge(1000.0)
    assert flows.queue_depth[-1, 2] == 0
    assert flows.failed[-1, 0] == pytest.approx(0, abs=1e-3)


def test_calls_in_a_cycle_are_refused() -> None:
    back = Edge("store", "shop", "shop", "GET /", 1.0, "java-httpclient")
    with pytest.raises(ValueError, match="cycle"):
        run(edges=(CART, STORE, back))


def test_an_edge_to_a_service_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="warehouse"):
        run(edges=(CART, replace(STORE, server="warehouse")))
