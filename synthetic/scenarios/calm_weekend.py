"""Another day on which nothing is wrong: a great swing between night and evening, and few releases.

So few requests come at night that a handful of failures is a large share of them, and so many in the evening that
latencies and queues move: whatever compares with a fixed number is wrong twice. Everything is drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Estate
from .calm_day import calm

NAME = "calm-weekend"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    return calm(Draw(NAME, seed), swing=0.8, releases=3)
