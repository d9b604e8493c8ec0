"""Flagship worlds of several seeds, and its published times as Unix seconds."""

from __future__ import annotations

from epicenter.synthetic import History
from epicenter.synthetic.scenarios.aws_dynamodb_2025 import START, at
from tests.simulated import simulated

NAME = "aws-dynamodb-2025"
SEEDS = (0, 1, 2)


def world(seed: int) -> History:
    return simulated(NAME, seed)


def local(hour: int, minute: int) -> float:
    """Unix seconds of a local time (PDT) of the night of 19 to 20 October 2025."""
    return START.timestamp() + at(hour, minute)
