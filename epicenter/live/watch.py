"""The one process that puts the parts together: start, run until told to stop, stop without losing anything.

Start: the folder is opened, addresses are listened on, then it is ready; what an earlier run left is read back behind
that. Stop: nothing more is taken, what is being taken is answered, the windows are kept, the journal is closed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from ..collector.errors import UsageError
from ..collector.otlp.grpc import otlp_server
from ..collector.otlp.http import failed, otlp_routes, unknown
from ..collector.otlp.intake import Limits as IntakeLimits
from . import attach
from .config import Config
from .connections import most_connections
from .core import Core
from .feed import Feed
from .folding import Folding
from .guard import MemoryGuard, TokenGate, TokenInterceptor, Tokens
from .health import Health, health_routes
from .http import listening, web_server
from .incidents import IncidentFiles, Incidents
from .loop import Loop
from .metrics import Metrics
from .settings import Address, addresses, tokens
from .store import Store
from .windows import LiveWindows

LOG = logging.getLogger(__name__)

_STOP_S = 5.0
_ANEW_S = 15.0

Say = Callable[[str], None]


async def watch(
    config: Config,
    *,
    registry: CollectorRegistry,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
    resident: Callable[[int], int],
    files: int | None,
    say: Say,
) -> None:
    """Serve until SIGTERM or SIGINT.

    clock: Unix seconds. monotonic: seconds that never go back. resident: bytes that a process holds, by its id.
    files: that this one may have open, None without a limit. say: takes a line for the person who started it.
    Raises UsageError where an address or the folder cannot be had, UnwritableOutput where nothing can be written.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folding = Folding()
    store = Store(Path(config.data), config.keep, monotonic=monotonic, report=say, fold=folding.fold)
    try:
        server = _Server(config, store, folding, registry, clock, monotonic, resident, files, say)
        await server.run(stop, say)
    finally:
        store.close()


class _Server:
    def __init__(
        self,
        config: Config,
        store: Store,
        folding: Folding,
        registry: CollectorRegistry,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        resident: Callable[[int], int],
        files: int | None,
        report: Say,
    ) -> None:
        self._config, self._data, self._folding, self._clock = config, store.data, folding, clock
        self._scheme = "https" if config.tls.cert else "http"
        self._metrics = Metrics(registry, config, clock())
        self._registry = registry
        self._feed = Feed()
        windows = LiveWindows(config.windows, config.limits)

        def held() -> int:
            return resident(os.getpid()) + folding.memory_bytes(resident)

        guard = MemoryGuard(config.limits.memory_bytes, held, lambda: windows.counting_bytes)
        self._core = Core(store.wal, windows, guard, self._metrics, monotonic)
        past = IncidentFiles(store.data / "incidents", config.keep.incidents)
        incidents = Incidents(past.read(report), config.keep.incidents, past.write)
        self._loop = Loop(windows, store, self._core, incidents, self._feed, self._metrics, guard, clock, monotonic)
        self._health = Health(self._core, guard)
        self._tokens = Tokens(tokens(config))
        limits = config.limits
        self._limits = IntakeLimits(limits.body_bytes, limits.unpacked_bytes, limits.held_bytes, limits.request_s)
        self._connections = most_connections(limits.connections, len(addresses(config)), files)

    async def run(self, stop: asyncio.Event, say: Say) -> None:
        """Serve until `stop`."""
        async with AsyncExitStack() as closing:
            where = await self._listen(closing, stop)
            around = self._around(where, stop)
            self._loop.measure()
            for line in self._told(where):
                say(line)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._work())]
                tasks += [group.create_task(self._again_and_again(run)) for run in around]
                self._health.ready = True
                await stop.wait()
                self._health.ready = False
                self._core.stopping = True
                for task in tasks:
                    task.cancel()
        self._folding.end()
        await self._loop.stop()
        say("stopped: what was acknowledged is kept")

    def _around(self, where: dict[str, Address], stop: asyncio.Event) -> list[attach.Run]:
        page = f"{self._scheme}://{where['page']}"
        return [
            *attach.sources(self._config, self._core, self._metrics, self._clock),
            *attach.listeners(self._config, self._feed, self._metrics, self._clock, page, stop),
        ]

    async def _again_and_again(self, run: attach.Run) -> None:
        """Run what stands around; where it fails that is told, and it begins anew: it must not end the server."""
        while True:
            try:
                return await run()
            except Exception:
                self._metrics.analysis_failures.inc()
                LOG.exception("a neighbour's part failed, which is a bug of Epicenter's; it begins anew")
                await asyncio.sleep(_ANEW_S)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop.measure_for_ever())
            await self._loop.restore()
            group.create_task(self._loop.count_for_ever())
            group.create_task(self._loop.look_for_ever())
            group.create_task(self._loop.keep_for_ever())

    async def _listen(self, closing: AsyncExitStack, stop: asyncio.Event) -> dict[str, Address]:
        """Begin to answer on every address; where that is, port 0 resolved."""
        found: dict[str, Address] = {}
        for name, where in addresses(self._config).items():
            port = await (self._grpc(where, closing) if name == "grpc" else self._web(name, where, closing, stop))
            found[name] = Address(where.host, port)
        return found

    async def _web(self, name: str, where: Address, closing: AsyncExitStack, stop: asyncio.Event) -> int:
        routes: Sequence[BaseRoute]
        handlers: dict[Any, Any] = {Exception: failed}
        if name == "page":
            routes = [*health_routes(self._health, self._registry), *attach.pages(self._feed, self._clock, stop)]
        else:
            routes = otlp_routes(partial(self._core.take, "http"), self._limits, self._core.refused)
            routes += health_routes(self._health, None)
            handlers[HTTPException] = unknown
        app = Starlette(routes=list(routes), exception_handlers=handlers)
        gate = TokenGate(app, self._tokens, self._core.unauthorized)
        server = web_server(gate, self._config.tls, self._limits.body_s)
        socket = closing.enter_context(listening(f"listen.{name}", where, self._connections))
        serving = asyncio.create_task(server.serve(sockets=[socket]))

        async def end() -> None:
            server.should_exit = True
            await serving

        closing.push_async_callback(end)
        port: int = socket.getsockname()[1]
        return port

    async def _grpc(self, where: Address, closing: AsyncExitStack) -> int:
        inside = [TokenInterceptor(self._tokens, self._core.unauthorized)] if self._tokens else []
        server = otlp_server(
            partial(self._core.take, "grpc"), self._limits, self._core.refused, inside, self._connections
        )
        try:
            port = (
                server.add_secure_port(str(where), self._credentials())
                if self._config.tls.cert
                else (server.add_insecure_port(str(where)))
            )
        except RuntimeError as error:
            raise UsageError(f"listen.grpc: {where} cannot be listened on") from error
        await server.start()
        closing.push_async_callback(partial(server.stop, _STOP_S))
        return port

    def _credentials(self) -> grpc.ServerCredentials:
        tls = self._config.tls
        authorities = Path(tls.client_ca).read_bytes() if tls.client_ca else None
        pair = (Path(tls.key).read_bytes(), Path(tls.cert).read_bytes())
        return grpc.ssl_server_credentials([pair], authorities, require_client_auth=authorities is not None)

    def _told(self, where: dict[str, Address]) -> list[str]:
        scheme = self._scheme
        lines = [f"page and metrics  {scheme}://{where['page']}/ and {scheme}://{where['page']}/metrics"]
        if "http" in where:
            lines.append(f"OTLP over HTTP    {scheme}://{where['http']}  (OTEL_EXPORTER_OTLP_ENDPOINT)")
        if "grpc" in where:
            lines.append(f"OTLP over gRPC    {scheme}://{where['grpc']}")
        lines.append(f"data              {self._data.resolve()}")
        if self._connections < self._config.limits.connections:
            lines.append(
                f"connections       {self._connections} at each address: the system lets it open no more files"
            )
        if self._health.guard.refusing:
            lines.append("memory            limits.memory_bytes is too little for it to take anything")
        lines.append(f"windows           {self._config.windows.window_s} s; Ctrl-C or SIGTERM stops it")
        return lines
