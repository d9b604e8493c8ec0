"""Books balance in every tick: of every scenario, and of small worlds that nobody would draw."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epicenter.synthetic import SCENARIOS, History, scenario
from epicenter.synthetic.world.conditions import Conditions, still
from epicenter.synthetic.world.engine import run_services
from epicenter.synthetic.world.history import Edge, Service
from tests.simulated import simulated
from tests.synthetic.ledger import Ledger
from tests.synthetic.names import orphans

TICKS = 80


@pytest.fixture(scope="module", params=SCENARIOS)
def history(request: pytest.FixtureRequest) -> History:
    return simulated(str(request.param))


def test_books_of_every_scenario_balance(history: History) -> None:
    manager = scenario(history.scenario, 0).lease_manager
    apart = () if manager is None else (history.edge(manager.service, manager.droplets),)
    Ledger(history, history.services, history.edges, history.tick_s, apart).check()


def test_every_name_in_a_scenario_belongs_to_something(history: History) -> None:
    machine = scenario(history.scenario, 0).naming.machine
    assert orphans(history, () if machine is None else machine.dns.names) == []


def test_every_series_of_a_scenario_has_a_name_that_prometheus_takes(history: History) -> None:
    assert [
        series.name for series in history.series if not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", series.name)
    ] == []


def services() -> st.SearchStrategy[list[Service]]:
    """Seven services, of which the last may be a network device."""
    one = st.builds(
        Service,
        name=st.just(""),
        hosts=st.just(()),
        language=st.just("go"),
        operation=st.just("GET /"),
        latency_s=st.floats(0.001, 0.5),
        capacity_rps=st.sampled_from([20.0, 60.0, 200.0, float("inf")]),
        workers=st.sampled_from([5.0, 50.0, float("inf")]),
        queue_limit_s=st.sampled_from([2.0, 20.0, float("inf")]),
    )
    return st.lists(one, min_size=7, max_size=7)


def edges() -> st.SearchStrategy[list[Edge]]:
    """Calls between the first six, only from those before to those after."""
    pairs = [(f"s{a}", f"s{b}") for a in range(6) for b in range(a + 1, 6)]

    def of(pair: tuple[str, str]) -> st.SearchStrategy[Edge]:
        return st.builds(
            Edge,
            client=st.just(pair[0]),
            server=st.just(pair[1]),
            peer=st.just(pair[1]),
            operation=st.just("GET /"),
            calls_per_request=st.floats(0.1, 2.0),
            dialect=st.just("go-http"),
            required=st.booleans(),
            timeout_s=st.sampled_from([0.3, 1.0, 5.0]),
            connect_timeout_s=st.sampled_from([0.2, 2.0]),
            retries=st.integers(0, 4),
            backoff_s=st.sampled_from([0.0, 0.05, 1.0, 10.0]),
            retry_budget=st.sampled_from([0.1, float("inf")]),
            link=st.sampled_from(["", "", "s6"]),
        )

    chosen = st.lists(st.sampled_from(pairs), min_size=1, max_size=8, unique=True)
    return chosen.flatmap(lambda names: st.tuples(*(of(pair) for pair in names)).map(list))


Trouble = tuple[str, int, float, int, int]
TROUBLES: dict[str, Callable[[Conditions, int, slice, float], None]] = {}
"""Kind -> what it does to the service or edge of a number, during some ticks, to a degree between 0 and 1."""


def trouble(name: str) -> Callable[[Callable[[Conditions, int, slice, float], None]], None]:
    return lambda function: TROUBLES.__setitem__(name, function)


@trouble("nodata")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    share = np.zeros(c.ticks)
    share[at] = degree
    c.fail_lookups("dns_nodata", n % len(c.edges), share)


@trouble("silent resolver")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    share = np.zeros(c.ticks)
    share[at] = degree
    c.fail_lookups("dns_timeout", n % len(c.edges), share)


@trouble("refused")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    c.refused[at, n % len(c.edges)] = degree


@trouble("unconnected")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    c.unconnected[at, n % len(c.edges)] = degree


@trouble("slow")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    c.slow_s[at, n % len(c.services)] = 10.0 * degree


@trouble("failing")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    c.own_failing[at, n % len(c.services)] = degree


@trouble("hang")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    c.capacity[at, n % len(c.services)] = 100.0 * max(0.0, degree - 0.5)


@trouble("surge")
def _(c: Conditions, n: int, at: slice, degree: float) -> None:
    c.entries[at, n % len(c.services)] += 100.0 * degree


def troubles() -> st.SearchStrategy[list[Trouble]]:
    ticks = st.integers(0, TICKS - 1)
    return st.lists(st.tuples(st.sampled_from(sorted(TROUBLES)), st.integers(0, 40), st.floats(0, 1), ticks, ticks))


@settings(max_examples=60, deadline=None)
@given(services(), edges(), troubles(), st.sampled_from([0.25, 1.0, 10.0]), st.floats(0.0, 80.0))
def test_books_of_small_worlds_balance(
    drawn: list[Service], edges: list[Edge], troubles: list[Trouble], tick_s: float, rps: float
) -> None:
    named = tuple(replace(one, name=f"s{i}", hosts=(f"s{i}",)) for i, one in enumerate(drawn))
    entries = np.zeros((TICKS, len(named)))
    entries[:, 0] = np.random.default_rng(1).poisson(rps * tick_s, TICKS)
    conditions = still(named, tuple(edges), tick_s, entries)
    for kind, n, degree, start, end in troubles:
        TROUBLES[kind](conditions, n, slice(start, end), degree)
    Ledger(run_services(conditions), named, edges, tick_s).check()
