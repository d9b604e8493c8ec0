"""Knows the items."""

from __future__ import annotations

import random

from fastapi import FastAPI

from .work import work

app = FastAPI()
rng = random.Random(1)


@app.get("/items/{item}")
async def item(item: int) -> dict[str, str]:
    """One item."""
    await work(rng, median_ms=8)
    return {"name": f"item {item}"}
