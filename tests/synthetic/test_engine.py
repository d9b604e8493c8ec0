"""What the services do to each other beside retries: workers, limits of queues, network devices, connections."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from epicenter.synthetic.world.books import CLASS, Flows
from epicenter.synthetic.world.conditions import Conditions
from epicenter.synthetic.world.engine import run_services
from epicenter.synthetic.world.history import Edge, Service
from tests.synthetic.small import edge, service, steady

TICKS, DURING = 300, slice(100, 200)


def pair(*, callee: Service, **fields: Any) -> tuple[tuple[Service, ...], tuple[Edge, ...]]:
    return (service("web", 1000.0), callee), (edge("web", callee.name, **fields),)


def share(part: np.ndarray[tuple[int, ...]], whole: np.ndarray[tuple[int, ...]]) -> float:
    return float(part.sum() / whole.sum())


def slow_callee(workers: float) -> Flows:
    """50 requests a second, each waiting for a callee that takes 2 s instead of 0.01 s during the trouble."""
    services, edges = pair(callee=service("api"), timeout_s=10.0)
    services = (replace(services[0], workers=workers), services[1])
    conditions = steady(services, edges, rps=50.0, ticks=TICKS)
    conditions.slow_s[DURING, 1] = 2.0
    return run_services(conditions)


def test_a_slow_callee_costs_its_caller_the_workers_that_wait_for_it() -> None:
    """40 workers that hold a request for 2 s serve 20 a second: the caller's own queue grows by 30 a second."""
    flows = slow_callee(40.0)
    assert flows.served[150, 0] == pytest.approx(20.0, rel=0.05)
    assert flows.queue_depth[150, 0] - flows.queue_depth[149, 0] == pytest.approx(30.0, rel=0.05)
    assert flows.queue_depth[-1, 0] == pytest.approx(0.0, abs=1e-6)


def test_with_enough_workers_it_only_takes_longer() -> None:
    flows = slow_callee(400.0)
    assert flows.queue_depth.max() == pytest.approx(0.0, abs=1e-6)
    assert flows.latency_s[150, 0] == pytest.approx(2.0, abs=0.1)
    assert flows.in_flight[150, 0] == pytest.approx(100.0, rel=0.05)


def test_a_full_queue_turns_the_rest_away_with_an_error() -> None:
    """Capacity 50, load 80, half a second's work may wait: three in eight are refused, the others come in time."""
    services, edges = pair(callee=service("api", 50.0, queue_limit_s=0.5))
    flows = run_services(steady(services, edges, rps=80.0, ticks=TICKS))
    late = slice(50, TICKS)
    assert flows.queue_depth[:, 1].max() <= 25.0 + 1e-9
    assert share(flows.failures[late, 0, CLASS["server"]], flows.attempts[late, 0]) == pytest.approx(3 / 8, abs=0.01)
    assert share(flows.ok[late, 0], flows.attempts[late, 0]) == pytest.approx(5 / 8, abs=0.01)
    assert share(flows.own_failed[late, 1], flows.arrivals[late, 1]) == pytest.approx(3 / 8, abs=0.01)


def test_without_a_limit_the_same_load_waits_until_nobody_gets_an_answer_in_time() -> None:
    services, edges = pair(callee=service("api", 50.0))
    flows = run_services(steady(services, edges, rps=80.0, ticks=TICKS))
    assert flows.queue_depth[-1, 1] == pytest.approx(30.0 * TICKS, rel=0.01)
    assert share(flows.failures[100:, 0, CLASS["deadline"]], flows.attempts[100:, 0]) == pytest.approx(1.0, abs=0.01)
    assert flows.served[-1, 1] == pytest.approx(50.0)


def test_waits_are_those_of_littles_law() -> None:
    """First in first out: depth = rate worked off x wait, and the oldest has waited depth / rate of arrivals."""
    services, edges = pair(callee=service("api", 50.0), timeout_s=1000.0)
    conditions = steady(services, edges, rps=40.0, ticks=TICKS)
    conditions.entries[100:140, 0] = 80.0
    flows = run_services(conditions)
    assert flows.queue_depth[130, 1] == pytest.approx(30.0 * 31, rel=0.01)
    assert flows.latency_s[131, 1] == pytest.approx(flows.queue_depth[130, 1] / 50.0, rel=0.02)
    assert flows.queue_age_s[130, 1] == pytest.approx(flows.queue_depth[130, 1] / 80.0, rel=0.03)
    assert flows.queue_depth[-1, 1] == pytest.approx(0.0, abs=1e-6)
    waited = (flows.arrivals[:, 1] * flows.latency_s[:, 1]).sum()
    assert flows.queue_depth[:, 1].sum() == pytest.approx(waited, rel=0.03)


def through_a_device(surge_rps: float) -> tuple[Conditions, Flows]:
    """Two stores behind one router of 500 requests a second, which other traffic fills during the trouble."""
    router = Service("router", (), "go", "forward", instrumented=False, latency_s=0.0005, capacity_rps=500.0)
    services = (service("web"), service("store"), service("near"), router)
    edges = (edge("web", "store", link="router", timeout_s=2.0), edge("web", "near"))
    conditions = steady(services, edges, rps=100.0, ticks=TICKS)
    conditions.entries[DURING, 3] = surge_rps
    return conditions, run_services(conditions)


def test_an_idle_device_costs_nothing() -> None:
    _, flows = through_a_device(0.0)
    assert flows.arrivals[50, 3] == pytest.approx(100.0)
    assert flows.failures.sum() == pytest.approx(0.0, abs=1e-3)


def test_a_congested_device_delays_what_passes_it_and_nothing_else() -> None:
    _, flows = through_a_device(600.0)
    assert flows.queue_age_s[150, 3] > 2.0
    assert flows.queue_age_s[150, 1] == 0.0
    assert share(flows.ok[DURING, 0], flows.attempts[DURING, 0]) < 0.2
    assert share(flows.ok[DURING, 1], flows.attempts[DURING, 1]) > 0.999


def test_time_outs_in_it_close_connections_and_drown_look_ups() -> None:
    """The name is well: nobody answers in time because the question waits in the same queue."""
    conditions, flows = through_a_device(600.0)
    assert not conditions.unresolved
    unanswered = flows.failures[:, 0, CLASS["dns_timeout"]]
    assert unanswered[: DURING.start].sum() == 0.0
    assert share(unanswered[150:200], flows.attempts[150:200, 0]) > 0.3
    assert flows.failures[:, 1, CLASS["dns_timeout"]].sum() == 0.0


def test_refused_connections_fail_at_once_and_unanswered_ones_after_their_time_out() -> None:
    outcomes: dict[str, Flows] = {}
    for name in ("refused", "unconnected"):
        services, edges = pair(callee=service("api"), connect_timeout_s=4.0)
        conditions = steady(services, edges, rps=50.0, ticks=TICKS)
        getattr(conditions, name)[DURING, 0] = 1.0
        outcomes[name] = run_services(conditions)
    connect = {name: flows.failures[:, 0, CLASS["connect"]] for name, flows in outcomes.items()}
    assert np.flatnonzero(connect["refused"] > 1e-9)[[0, -1]].tolist() == [100, 199]
    assert np.flatnonzero(connect["unconnected"] > 1e-9)[[0, -1]].tolist() == [104, 203]
    assert outcomes["refused"].in_flight[150, 0] == pytest.approx(0.0, abs=1e-6)
    assert outcomes["unconnected"].in_flight[150, 0] == pytest.approx(200.0)
    for flows in outcomes.values():
        assert flows.arrivals[DURING, 1].sum() == pytest.approx(0.0, abs=1e-6)
        assert share(flows.failed[DURING, 0], flows.arrivals[DURING, 0]) == pytest.approx(1.0)


def test_a_herd_in_one_tick_is_late_for_itself() -> None:
    """300 requests in a second, 20 are served in each, patience 5 s: what that allows succeeds, the rest does not.

    The last of them finds the work of 14 s in front of it, as some of it is done by then.
    """
    services, edges = pair(callee=service("api", 20.0), timeout_s=5.0)
    conditions = steady(services, edges, rps=0.0, ticks=TICKS)
    conditions.entries[100, 0] = 300.0
    flows = run_services(conditions)
    assert flows.ok.sum() == pytest.approx(300.0 * 5 / 14, rel=0.01)
    assert flows.failures[:, 0, CLASS["deadline"]].sum() == pytest.approx(300.0 * 9 / 14, rel=0.01)
    assert flows.ok[100:105, 0] == pytest.approx(np.full(5, 300.0 / 14), rel=0.3)
