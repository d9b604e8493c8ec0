"""The receivers of OTLP, run for real on loopback, and something that takes what they receive."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from epicenter.collector.otlp.decode import Decoded, Export, decode
from epicenter.collector.otlp.grpc import otlp_server
from epicenter.collector.otlp.http import failed, otlp_routes, unknown
from epicenter.collector.otlp.intake import Limits, Take


@dataclass
class Taken:
    """Keeps what was received; before that raises each of `refusals`, once. While `held` it takes nothing."""

    exports: list[Export] = field(default_factory=list[Export])
    decoded: list[Decoded] = field(default_factory=list[Decoded])
    refusals: list[Exception] = field(default_factory=list[Exception])
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.free.set()

    async def __call__(self, export: Export, decoded: Decoded) -> None:
        self.asked.release()
        await asyncio.to_thread(self.free.wait, 60)
        if self.refusals:
            raise self.refusals.pop(0)
        self.exports.append(export)
        self.decoded.append(decoded)

    def rows(self, table: str) -> list[dict[str, Any]]:
        found = [
            decoded.tables if decoded.later is None else decode(export).tables
            for export, decoded in zip(self.exports, self.decoded, strict=True)
        ]
        tables = [one[table] for one in found if table in one]
        return pa.concat_tables(tables).to_pylist() if tables else []


@dataclass(frozen=True)
class Ports:
    """Where the receivers listen on 127.0.0.1."""

    http: int
    grpc: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"


@contextmanager
def receiving(take: Take, limits: Limits | None = None) -> Generator[Ports]:
    """Both receivers, in a thread with an event loop."""
    ports: list[Ports] = []
    ready = threading.Event()
    servers: list[uvicorn.Server] = []

    async def serve(listening: socket.socket) -> None:
        grpc = otlp_server(take, limits)
        ports.append(Ports(listening.getsockname()[1], grpc.add_insecure_port("127.0.0.1:0")))
        await grpc.start()
        handlers: dict[Any, Any] = {Exception: failed, HTTPException: unknown}
        app = Starlette(routes=otlp_routes(take, limits), exception_handlers=handlers)
        servers.append(uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical")))
        ready.set()
        await servers[0].serve(sockets=[listening])
        await grpc.stop(None)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(serve(listening)))
        thread.start()
        assert ready.wait(60)
        try:
            yield ports[0]
        finally:
            servers[0].should_exit = True
            thread.join()


@dataclass(frozen=True)
class Answer:
    """Of an HTTP server."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(ports: Ports, path: str, body: bytes, **headers: str) -> Answer:
    """POST a body; of header names _ stands for -."""
    return ask(ports, lambda it: it.request("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()}))


def ask(ports: Ports, send: Callable[[http.client.HTTPConnection], None]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", ports.http, timeout=60)
    try:
        send(connection)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
