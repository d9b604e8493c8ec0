"""Simulated worlds of real cascades, with known truth, emitted as telemetry."""

from __future__ import annotations

from .scenarios import SCENARIOS, scenario
from .world.assembly import simulate_estate
from .world.history import History


def simulate(name: str, *, seed: int = 0) -> History:
    """Run a scenario from start to end; the same seed gives the same history.

    The seed varies what real estates vary: services, loads, policies, noise. UsageError for a name that is no scenario.
    """
    return simulate_estate(scenario(name, seed), seed)


__all__ = ["SCENARIOS", "History", "scenario", "simulate"]
