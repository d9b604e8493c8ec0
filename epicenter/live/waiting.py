"""Waiting for what comes first: news, the end, or enough of silence."""

from __future__ import annotations

import asyncio

from .feed import Feed, Snapshot


async def changed(feed: Feed, number: int, stop: asyncio.Event, patience_s: float) -> tuple[int, Snapshot] | None:
    """The next snapshot after `number`, with its own; None where none came in time, or `stop` was set."""
    waiting = asyncio.ensure_future(feed.after(number))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({waiting, stopping}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    finally:
        waiting.cancel()
        stopping.cancel()
