"""The heart of the server: what is taken becomes durable, then visible; nothing is acknowledged before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Literal

from ..collector.errors import DiskFull, EpicenterError, JournalFailed, Overloaded, OversizedRequest, Unavailable
from ..collector.otlp.decode import Decoded, Export, Signal
from ..collector.polled import Polled
from ..collector.wal import Wal
from .guard import MemoryGuard
from .inbox import rows_of
from .metrics import Metrics
from .windows import LiveWindows

LOG = logging.getLogger(__name__)

Transport = Literal["grpc", "http", "file", "prometheus"]

_ITEMS = {"traces": "spans", "metrics": "samples", "logs": "log_records"}
_TABLES = {"spans": "spans", "samples": "samples", "deltas": "samples", "logs": "log_records", "changes": "log_records"}
_TRY_AGAIN_S = 1.0
_HELD_BACK_S, _LOOK_AGAIN_S = 2.0, 0.02
"""How long an answer waits for the counting, well within the 10 s that SDKs have; and how often that is looked at."""
_RETRY_DISK_BYTES = 64 * 2**20
"""Room on a disk that was full with which it counts as full no more."""


class Core:
    """Takes telemetry: into the journal, then into the windows.

    monotonic: seconds that never go back.
    """

    def __init__(
        self,
        wal: Wal,
        windows: LiveWindows,
        guard: MemoryGuard,
        metrics: Metrics,
        monotonic: Callable[[], float],
    ) -> None:
        self._wal, self._windows, self._guard, self._metrics = wal, windows, guard, metrics
        self._monotonic = monotonic
        self.stopping = False
        self.disk_full = False

    async def take(self, transport: Transport, export: Export | Polled, decoded: Decoded) -> None:
        """Make an export, or what was polled, durable and show it; done once it is safe.

        Raises Unavailable where it is to be sent again.
        """
        if self.stopping:
            raise Unavailable("the server is stopping")
        self.check_memory()
        rows = rows_of(decoded.tables, decoded.later)
        await self._until_let_in(rows)
        try:
            future = self._wal.submit(export.kind, export.body)
        except BaseException:
            self._windows.inbox.release(rows)
            raise
        # in the journal's thread, so that the windows hold what the journal holds even if the sender goes away now
        future.add_done_callback(partial(self._written, transport, export.signal, decoded, self._monotonic()))
        future.add_done_callback(lambda _: self._windows.inbox.release(rows))  # however it ended
        await asyncio.wrap_future(future)

    async def _until_let_in(self, rows: int) -> None:
        """Hold a sender back while too much waits to be counted, so that it sends no faster than that is done."""
        until = self._monotonic() + _HELD_BACK_S
        while not self._windows.inbox.reserve(rows):
            if self._monotonic() >= until or self.stopping:
                raise Overloaded(self._windows.inbox.no_room)
            await asyncio.sleep(_LOOK_AGAIN_S)

    def check_memory(self) -> None:
        """Overloaded where there is no room for more."""
        self._guard.check()

    def _written(self, transport: Transport, signal: Signal, decoded: Decoded, since: float, done: Future[int]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            if isinstance(error, DiskFull):
                self._full(True)
            return
        self._metrics.wal_commit.observe(self._monotonic() - since)
        if self.disk_full:
            self._full(False)
        if decoded.rejected:
            self._metrics.rejected.labels(_ITEMS[signal], "malformed").inc(decoded.rejected)
        for name, rows in decoded.tables.items():
            self._metrics.ingested[_TABLES[name]].labels(transport).inc(rows.num_rows)
        if decoded.later is not None:
            self._metrics.ingested["spans"].labels(transport).inc(decoded.later.spans)
        try:
            self._windows.add(done.result(), decoded.tables, decoded.later)
        except Exception:
            self._metrics.analysis_failures.inc()
            LOG.exception("what is in the journal will not be counted, which is a bug of Epicenter's")

    async def take_at_last(self, transport: Transport, export: Export | Polled, decoded: Decoded) -> None:
        """Take what nobody would send again: while it cannot be taken (a full disk, too little memory) it waits."""
        while True:
            try:
                await self.take(transport, export, decoded)
            except Unavailable:
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                return

    def refused(self, signal: Signal, error: EpicenterError) -> None:
        """Count a request that was not taken."""
        if isinstance(error, (JournalFailed, Overloaded, Unavailable)):
            reason = "unavailable"
        else:
            reason = "too_large" if isinstance(error, OversizedRequest) else "malformed"
        self._metrics.rejected.labels(_ITEMS[signal], reason).inc()

    def unauthorized(self, asked: str) -> None:
        """Count a request of somebody without a token; `asked`: its path or method."""
        for word, signal in (("trace", "spans"), ("metrics", "samples"), ("logs", "log_records")):
            if asked.startswith(("/v1/", "/opentelemetry.")) and word in asked.lower():
                self._metrics.rejected.labels(signal, "unauthorized").inc()

    def look_at_disk(self, free_bytes: int) -> None:
        """Notice that there is room again, also while nobody sends."""
        if self.disk_full and free_bytes > _RETRY_DISK_BYTES:
            self._full(False)

    def _full(self, full: bool) -> None:
        self.disk_full = full
        self._metrics.disk_full.set(int(full))
