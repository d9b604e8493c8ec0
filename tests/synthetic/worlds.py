"""Flagship worlds of several seeds, each simulated once, and its published times as Unix seconds."""

from __future__ import annotations

from functools import cache

from epicenter.synthetic import History, simulate
from epicenter.synthetic.scenarios.aws_dynamodb_2025 import START, at

NAME = "aws-dynamodb-2025"
SEEDS = (0, 1, 2)


@cache
def world(seed: int) -> History:
    return simulate(NAME, seed=seed)


def local(hour: int, minute: int) -> float:
    """Unix seconds of a local time (PDT) of the night of 19 to 20 October 2025."""
    return START.timestamp() + at(hour, minute)
