"""The stream that keeps a page up to date, as server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from ..feed import Feed, Snapshot
from ..waiting import changed
from .views import View, standing

ALIVE_S = 15.0
"""Something is said at least this often: proxies cut what is silent, and a page tells a dead stream by it."""

RETRY_MS = 1000


async def events(
    feed: Feed, show: Callable[[Snapshot], Awaitable[View]], seen: str, clock: Callable[[], float], stop: asyncio.Event
) -> AsyncIterator[bytes]:
    """One event for each view that differs from the last, from `seen` on, until `stop` is set."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    number = 0
    # What is not new is answered too: a page that comes back learns at once that it is up to date.
    while not stop.is_set():
        fresh = await changed(feed, number, stop, ALIVE_S)
        if fresh is None:
            yield _event("alive", "", _status(feed.latest, clock()))
            continue
        number, snapshot = fresh
        view = await show(snapshot)
        status = _status(snapshot, clock())
        if view.id == seen:
            yield _event("alive", "", status)
            continue
        seen = view.id
        told = {"content": view.content, "title": view.title, "said": view.said, "status": status}
        yield _event("view", view.id, told)


def _status(snapshot: Snapshot | None, now: float) -> dict[str, object]:
    text = standing(snapshot, now)
    return {"text": text, "behind": not text.startswith("Live")}


def _event(kind: str, name: str, data: object) -> bytes:
    # JSON holds no line breaks, which would end the field
    named = f"id: {name}\n" if name else ""
    return f"event: {kind}\n{named}data: ".encode() + msgspec.json.encode(data) + b"\n\n"
