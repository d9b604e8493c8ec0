"""How long the leaf services take."""

from __future__ import annotations

import asyncio
import random


async def work(rng: random.Random, median_ms: float) -> None:
    """Waits as long as a query would take: log-normal, as service times usually are."""
    await asyncio.sleep(median_ms / 1000 * rng.lognormvariate(0, 0.5))
