"""The scenarios, one file each, and their registry."""

from __future__ import annotations

from difflib import get_close_matches

from ...collector.errors import UsageError
from ..world.estate import Estate
from . import aws_dynamodb_2025

SCENARIOS: dict[str, Estate] = {
    aws_dynamodb_2025.ESTATE.name: aws_dynamodb_2025.ESTATE,
}
"""Name -> declared world."""


def scenario(name: str) -> Estate:
    """The declared world of a name; UsageError, with the nearest name, where there is none."""
    if name not in SCENARIOS:
        near = get_close_matches(name, SCENARIOS, n=1, cutoff=0.0)
        raise UsageError(f"there is no scenario {name!r}; did you mean {near[0]!r}?")
    return SCENARIOS[name]


__all__ = ["SCENARIOS", "scenario"]
