"""Knows the prices."""

from __future__ import annotations

import random

from fastapi import FastAPI

from .work import work

app = FastAPI()
rng = random.Random(2)


@app.get("/prices/{item}")
async def price(item: int) -> dict[str, float]:
    """The price of one item."""
    await work(rng, median_ms=5)
    return {"price": 1 + item % 50}
