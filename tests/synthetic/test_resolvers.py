"""Resolvers forget that a name has no addresses one by one, and pools run dry slowly."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.synthetic.world.pools import without_connection
from epicenter.synthetic.world.resolvers import Caching, cached_answers

TICK_S, TICKS = 10.0, 2000
EMPTY = slice(300, 1200)


def authority() -> np.ndarray[tuple[int]]:
    answers = np.full(TICKS, 8.0)
    answers[EMPTY] = 0.0
    return answers


@pytest.mark.parametrize("seed", range(5))
def test_after_the_repair_resolvers_come_back_in_steps_within_the_negative_ttl(seed: int) -> None:
    seen = cached_answers(authority(), TICK_S, Caching(5.0, 900.0), 24, np.random.default_rng(seed))
    back_s = TICK_S * (TICKS - np.argmax(seen[::-1] <= 0, axis=0) - EMPTY.stop)
    assert back_s.max() <= 900.0
    assert back_s.max() > 600.0
    assert len(np.unique(back_s)) > 12
    assert back_s.mean() == pytest.approx(450.0, abs=200.0)


def test_addresses_are_forgotten_within_their_own_short_ttl() -> None:
    seen = cached_answers(authority(), TICK_S, Caching(5.0, 900.0), 24, np.random.default_rng(0))
    assert (seen[: EMPTY.start] == 8).all()
    assert (seen[EMPTY.start + 1 : EMPTY.stop] == 0).all()


def test_without_negative_caching_the_repair_is_seen_at_once() -> None:
    seen = cached_answers(authority(), TICK_S, Caching(5.0, 10.0), 24, np.random.default_rng(0))
    assert (seen[EMPTY.stop + 2 :] == 8).all()


def test_errors_rise_with_the_life_of_connections_and_fall_with_the_resolvers() -> None:
    resolvable = np.ones(600)
    resolvable[100:400] = 0.0
    resolvable[400:500] = np.linspace(0.0, 1.0, 100)
    failing = without_connection(resolvable, TICK_S, 600.0)
    assert (failing[:100] == 0).all()
    assert failing[159] == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert failing[399] > 0.99
    assert failing[450] == pytest.approx(1 - resolvable[450], abs=0.01)
    assert failing[501:].max() == 0
