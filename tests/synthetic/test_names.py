"""What a name that leads nowhere does to calls, by the way in which it does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from epicenter.synthetic.world.conditions import Conditions
from epicenter.synthetic.world.estate import Naming
from epicenter.synthetic.world.interventions import Intervention, World
from epicenter.synthetic.world.name_interventions import ResolverDown, ResolverTrouble, Rewrite
from epicenter.synthetic.world.names import NameBooks, authorities, fail_calls, look_up
from epicenter.synthetic.world.resolvers import Caching
from tests.synthetic.small import edge, estate, service, steady

TICKS, TICK_S, AT, UNTIL, POOL_S = 1200, 2.0, 600.0, 1500.0, 300.0
BEFORE, AFTER = round(AT / TICK_S), round(UNTIL / TICK_S)
NEGATIVE_S = 240.0


def run(
    *events: Intervention, resolvers: int = 8, asked_by: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[Conditions, NameBooks]:
    """A client with pooled connections to one name, and what became of its calls."""
    services, edges = (service("web"), service("api")), (edge("web", "api", pool_tau_s=POOL_S),)
    conditions = steady(services, edges, rps=10.0, ticks=TICKS, tick_s=TICK_S)
    naming = Naming(tuple(f"r{i}" for i in range(resolvers)), Caching(10.0, NEGATIVE_S, 5.0), asked_by=asked_by or {})
    declared = estate(services, edges, rps=10.0, naming=naming)
    world = World(conditions, authorities(declared, TICKS, None, TICK_S * np.arange(TICKS, dtype=float)), resolvers)
    for event in events:
        event.impose(world)
    rngs = (np.random.default_rng(1), np.random.default_rng(2))
    books = look_up(declared, world.authority, world.resolvers, None, rngs)
    fail_calls(conditions, books, naming)
    return conditions, books


def rewrite(answer: str) -> Rewrite:
    return Rewrite(("api.test",), answer, AT, UNTIL)


def test_names_that_lead_where_they_should_fail_nothing() -> None:
    conditions, books = run()
    assert conditions.unresolved_share().max() == 0.0
    assert conditions.unconnected.max() == 0.0
    assert books.seen == {}


def test_stale_answers_resolve_and_time_out_connecting_as_pools_recycle() -> None:
    """Clients hold connections to the hosts that answered before; new ones go to hosts long drained."""
    conditions, _ = run(rewrite("stale"))
    assert conditions.unresolved_share().max() == 0.0
    unconnected = conditions.unconnected[:, 0]
    assert unconnected[: BEFORE - 1].max() == 0.0
    recycled = unconnected[BEFORE + round(POOL_S / TICK_S)]
    assert recycled == pytest.approx(1 - np.exp(-1), abs=0.03)
    assert unconnected[AFTER + 10 :].max() == 0.0


@pytest.mark.parametrize("answer", ["nodata", "nxdomain", "servfail", "timeout"])
def test_each_lack_of_an_answer_fails_look_ups_by_its_own_class(answer: str) -> None:
    conditions, _ = run(rewrite(answer))
    assert list(conditions.unresolved) == [f"dns_{answer}"]
    share = conditions.unresolved[f"dns_{answer}"][:, 0]
    assert share[: BEFORE - 1].max() == 0.0
    assert share[BEFORE + round(POOL_S / TICK_S)] == pytest.approx(1 - np.exp(-1), abs=0.03)
    assert conditions.unconnected.max() == 0.0


def back_s(answer: str) -> float:
    """How long after the repair the last resolver still gave the bad answer."""
    _, books = run(rewrite(answer))
    bad = (books.seen["api.test"] <= 0).any(axis=1)
    return float(np.flatnonzero(bad)[-1] + 1 - AFTER) * TICK_S


@pytest.mark.parametrize("answer", ["nodata", "nxdomain"])
def test_that_a_name_or_its_addresses_do_not_exist_is_remembered_long(answer: str) -> None:
    """RFC 2308: both are kept for the zone's negative TTL."""
    assert 0.5 * NEGATIVE_S < back_s(answer) <= NEGATIVE_S


@pytest.mark.parametrize("answer", ["servfail", "timeout", "stale"])
def test_failures_and_stale_addresses_are_forgotten_soon(answer: str) -> None:
    assert back_s(answer) <= 12.0


def test_an_empty_name_and_one_that_does_not_exist_are_told_apart_by_the_resolvers() -> None:
    assert {answer: run(rewrite(answer))[1].seen["api.test"].min() for answer in ("nodata", "nxdomain")} == {
        "nodata": 0.0,
        "nxdomain": -1.0,
    }


def test_trouble_of_a_share_of_resolvers_fails_that_share_in_the_end() -> None:
    """Each client asks one resolver; the others keep their connections up."""
    conditions, books = run(ResolverTrouble(0.25, "servfail", AT, UNTIL, ("api.test",)))
    share = conditions.unresolved["dns_servfail"][:, 0]
    assert (books.authority["api.test"] > 0).all()
    assert share[BEFORE : AFTER - 1].max() <= 0.25 + 1e-9
    assert share[AFTER - 1] == pytest.approx(0.25, abs=0.01)
    assert share[AFTER + 1 :].max() == 0.0


def test_trouble_with_some_names_leaves_the_others_alone() -> None:
    _, books = run(ResolverTrouble(1.0, "timeout", AT, UNTIL, ("other.test",)))
    assert books.seen == {}


@pytest.mark.parametrize(("asked", "share"), [(("r0",), 1.0), (("r0", "r1"), 0.5), (("r1", "r2"), 0.0)])
def test_a_resolver_that_is_down_fails_those_who_ask_it(asked: tuple[str, ...], share: float) -> None:
    conditions, books = run(ResolverDown(0, "servfail", AT, UNTIL, "pod"), asked_by={"web": asked})
    assert books.elsewhere is not None
    assert (books.elsewhere[BEFORE:AFTER] != 0).all(axis=0).tolist() == [True] + [False] * 7
    failing = conditions.unresolved_share()[:, 0]
    assert failing[AFTER - 1] == pytest.approx(share, abs=0.06)
    assert failing[AFTER + 1 :].max() == 0.0
