"""A flushed cache refills as far as the store behind it can answer, and stays cold where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.synthetic.world.books import Flows
from epicenter.synthetic.world.caches import Cache, CacheFeedback
from epicenter.synthetic.world.engine import run_services
from epicenter.synthetic.world.history import CacheUse
from epicenter.synthetic.world.interventions import Flush, World
from tests.synthetic.small import edge, service, steady

RPS, TTL_S, HIDDEN, TICKS, FLUSH = 500.0, 600.0, 0.9, 3000, 300
KEYS = RPS * (1 / HIDDEN - 1) * TTL_S
"""So many that filling and expiry balance at a hit rate of 90 %."""


def run(store_rps: float, *, share: float = 1.0) -> tuple[Flows, CacheUse]:
    services = (service("api"), service("cache"), service("store", store_rps, queue_limit_s=10.0))
    conditions = steady(services, (edge("api", "store"),), rps=RPS, ticks=TICKS)
    Flush("cache", float(FLUSH), share).impose(World(conditions, {}, 0))
    cache = CacheFeedback(Cache("cache", "api", "store", KEYS, TTL_S, HIDDEN), conditions)
    return run_services(conditions, [cache]), cache.use()


def rate(use: CacheUse) -> np.ndarray[tuple[int]]:
    return use.hits / (use.hits + use.misses)


def test_on_an_ordinary_day_the_store_gets_the_misses() -> None:
    flows, use = run(1000.0, share=0.0)
    assert rate(use) == pytest.approx(np.full(TICKS, HIDDEN), abs=0.01)
    assert flows.attempts.sum(axis=0) == pytest.approx(use.misses.sum(), rel=0.01)


def test_a_flush_sends_the_store_ten_times_its_load() -> None:
    """A hit rate of 90 % hides ten times the load (Bronson et al., HotOS 2021)."""
    flows, _ = run(1000.0)
    assert flows.attempts[FLUSH, 0] / flows.attempts[FLUSH - 1, 0] == pytest.approx(10.0, rel=0.05)


def test_behind_an_ample_store_the_cache_refills() -> None:
    flows, use = run(1000.0)
    assert rate(use)[FLUSH] == 0.0
    assert rate(use)[-1] > 0.88
    assert flows.failed[-100:, 0].sum() / flows.arrivals[-100:, 0].sum() < 0.01


def test_behind_an_undersized_store_it_stays_cold_though_nothing_is_broken_any_more() -> None:
    """Answers that come too late fill nothing: the store works at capacity for nobody."""
    flows, use = run(150.0)
    assert rate(use)[FLUSH - 1] == pytest.approx(HIDDEN, abs=0.02)
    assert rate(use)[-500:].max() < 0.2
    assert flows.served[-500:, 2].mean() == pytest.approx(150.0, rel=0.01)
    assert flows.ok[-500:, 0].sum() < 0.1 * flows.attempts[-500:, 0].sum()


def test_losing_a_part_of_the_content_costs_that_part() -> None:
    assert rate(run(1000.0, share=0.5)[1])[FLUSH] == pytest.approx(HIDDEN / 2, abs=0.01)
