"""The scenarios, one file each, and their registry."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from ...collector.errors import UsageError
from ..world.estate import Estate
from . import aws_dynamodb_2025

SCENARIOS: dict[str, Callable[[int], Estate]] = {
    "aws-dynamodb-2025": aws_dynamodb_2025.estate,
}
"""Name -> from a seed to a declared world."""


def scenario(name: str, seed: int = 0) -> Estate:
    """The declared world of a name and seed; UsageError, with the nearest name, where there is none."""
    if name not in SCENARIOS:
        near = get_close_matches(name, SCENARIOS, n=1, cutoff=0.0)
        raise UsageError(f"there is no scenario {name!r}; did you mean {near[0]!r}?")
    return SCENARIOS[name](seed)


__all__ = ["SCENARIOS", "scenario"]
