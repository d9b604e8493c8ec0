"""Shows what buyers think, and fails now and then: no real estate is free of errors on a good day."""

from __future__ import annotations

import random

from fastapi import FastAPI, HTTPException

from .work import work

BROKEN_SHARE = 0.01

app = FastAPI()
rng = random.Random(3)


@app.get("/reviews/{item}")
async def reviews(item: int) -> list[str]:
    """The reviews of one item."""
    await work(rng, median_ms=12)
    if rng.random() < BROKEN_SHARE:
        raise HTTPException(503, "reviews are being indexed")
    return [f"{1 + item % 5} stars"]
