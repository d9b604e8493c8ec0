"""The page served for real on loopback, in a thread with an event loop, and fed from outside."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette

from epicenter.live.feed import Feed, Snapshot
from epicenter.live.page import page_routes
from tests.report.example_analyses import pdt


@dataclass
class Served:
    """A running page; `now` is what its clock says."""

    url: str
    loop: asyncio.AbstractEventLoop
    feed: Feed
    now: list[float] = field(default_factory=list[float])

    def publish(self, snapshot: Snapshot) -> None:
        self.now[:] = [snapshot.at + 5]
        asyncio.run_coroutine_threadsafe(self.feed.publish(snapshot), self.loop).result(30)


@contextmanager
def serving(port: int = 0) -> Generator[Served]:
    """A server that starts knowing nothing; the same port again is a server that was started again."""
    ready, served, stops = threading.Event(), list[Served](), list[asyncio.Event]()
    servers: list[uvicorn.Server] = []

    async def serve(listening: socket.socket) -> None:
        now = [pdt("23:30")]
        feed, stop = Feed(), asyncio.Event()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = Starlette(routes=page_routes(feed, clock=lambda: now[0], started_at=pdt("23:00"), stop=stop))
        servers.append(uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical")))
        served.append(Served(url, asyncio.get_running_loop(), feed, now))
        stops.append(stop)
        ready.set()
        await servers[0].serve(sockets=[listening])

    def end() -> None:
        stops[0].set()
        servers[0].should_exit = True

    with socket.create_server(("127.0.0.1", port)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(serve(listening)))
        thread.start()
        assert ready.wait(30)
        try:
            yield served[0]
        finally:
            served[0].loop.call_soon_threadsafe(end)
            thread.join(30)
    assert not thread.is_alive(), "the streams kept the server from stopping"
