"""How much is asked for: a day's curve with the noise of a large crowd."""

from __future__ import annotations

import numpy as np

from .history import Floats

QUIETEST_HOUR = 2.0
"""Local hour of least demand; the greatest is twelve hours later (assumed: one region's working day)."""


def day_curve(hours: Floats, amplitude: float) -> Floats:
    """Demand at local hours of the day, 1 on average over a day: a cosine of a relative amplitude."""
    return 1.0 - amplitude * np.cos(2.0 * np.pi * (hours - QUIETEST_HOUR) / 24.0)


def wander(ticks: int, tick_s: float, size: float, rng: np.random.Generator, memory_s: float = 900.0) -> Floats:
    """[T] Factor that wanders about 1 with a relative size: a first-order autoregression."""
    keep = np.exp(-tick_s / memory_s)
    steps = rng.normal(0.0, size * np.sqrt(1.0 - keep**2), ticks)
    steps[0] = rng.normal(0.0, size)
    # x[t] = keep * x[t-1] + step[t], solved in blocks so that the powers of `keep` stay within range
    out, last = np.empty(ticks), 0.0
    block = 512
    powers = keep ** np.arange(1, block + 1)
    for at in range(0, ticks, block):
        part = steps[at : at + block]
        grown = powers[: len(part)]
        out[at : at + block] = grown * (last + np.cumsum(part / grown))
        last = out[min(at + block, ticks) - 1]
    return np.exp(out)
