"""An outage that users are to meet reaches them, whichever edges the seed made optional."""

from __future__ import annotations

import pytest

from tests.simulated import simulated


@pytest.mark.parametrize(("name", "seed"), [("dns-servfail-partial", 1), ("cache-loss", 5)])
def test_users_meet_the_outage(name: str, seed: int) -> None:
    truth = simulated(name, seed).truth
    assert "users affected" in {phase.name for phase in truth.phases}
