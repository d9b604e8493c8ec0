"""The truth about storms is measured from the books: by what is in them, not by what was declared."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.synthetic.truth import Truth
from epicenter.synthetic.world.assembly import simulate_estate
from epicenter.synthetic.world.estate import Cause
from epicenter.synthetic.world.interventions import Intervention, Release, Scale, Slowdown, Surge
from epicenter.synthetic.world.name_interventions import Rewrite
from epicenter.synthetic.world.storms import runs
from tests.synthetic.small import edge, estate, service

MU, AT, UNTIL = 100.0, 600.0, 660.0


def truth(
    *events: Intervention, load: float, retries: int = 3, kind: str = "slow", budget: float = float("inf")
) -> Truth:
    """A web front and an API of 100 requests a second behind it, an hour long, with trouble from 600 to 660 s."""
    services = (service("web", user_facing=True), service("api", MU, queue_limit_s=20.0, latency_s=0.05))
    calls = edge("web", "api", retries=retries, backoff_s=0.0, retry_budget=budget, pool_tau_s=1.0)
    cause = Cause("api", kind, ("api.test",), at_s=AT, until_s=UNTIL)
    return simulate_estate(estate(services, (calls,), rps=load * MU, cause=cause, events=events), 0).truth


HANG = Slowdown("api", AT, UNTIL)


def test_a_hang_above_the_hidden_capacity_storms_to_the_end() -> None:
    seen = truth(HANG, load=0.35)
    assert seen.storm
    assert seen.metastable
    assert seen.storm_edges == (("web", "api"),)
    assert seen.storm_start == UNTIL
    assert seen.storm_end == 3600.0


def test_a_storm_ends_when_people_end_it() -> None:
    seen = truth(HANG, Scale("api", 1800.0, 3.0), load=0.35)
    assert seen.storm
    assert seen.metastable
    assert seen.storm_end == pytest.approx(1800.0, abs=30.0)


def test_below_the_hidden_capacity_the_drain_is_no_loop() -> None:
    """Retries then double the load for a while, but the queue empties by itself."""
    seen = truth(HANG, load=0.15)
    assert not seen.metastable
    assert seen.storm_end is None or seen.storm_end < UNTIL + 300.0


@pytest.mark.parametrize("load", [0.35, 0.7])
def test_a_retry_budget_makes_it_none(load: float) -> None:
    seen = truth(HANG, load=load, budget=0.1)
    assert not seen.storm
    assert not seen.metastable


def test_failing_fast_multiplies_attempts_and_is_none() -> None:
    """No attempt reaches anybody, so that nothing is worked off in vain."""
    gone = Rewrite(("api.test",), "servfail", AT, UNTIL + 300.0)
    seen = truth(gone, load=0.7, kind="dns.servfail")
    assert not seen.storm
    assert not seen.metastable
    assert seen.affected["web"] == pytest.approx(AT, abs=30.0)


def test_errors_that_are_answered_and_retried_are_none() -> None:
    seen = truth(Release("api", AT, UNTIL + 600.0, failing=0.9), load=0.2, kind="bad_release")
    assert not seen.storm


def test_an_organic_surge_is_none() -> None:
    """Work is wasted and waits are long, but what grew is what people ask for."""
    seen = truth(Surge("web", AT, 1500.0, factor=2.0), load=0.7, retries=0, kind="overload")
    assert not seen.storm
    assert not seen.metastable


def test_a_hang_without_retries_is_none() -> None:
    assert not truth(HANG, load=0.7, retries=0).storm


def test_runs_bridge_single_gaps() -> None:
    flags = np.array([0, 1, 1, 0, 1, 0, 0, 1], dtype=bool)
    assert runs(flags) == [(1, 5), (7, 8)]
    assert runs(flags, gap=0) == [(1, 3), (4, 5), (7, 8)]
    assert runs(np.zeros(4, dtype=bool)) == []
