"""Nothing is acknowledged that cannot be dealt with: senders wait for the counting, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from epicenter.collector.errors import Overloaded
from epicenter.collector.otlp.decode import Export, checked
from epicenter.collector.wal import Wal
from epicenter.live.config import Config, Limits, Windows
from epicenter.live.core import Core
from epicenter.live.guard import MemoryGuard
from epicenter.live.metrics import Metrics
from epicenter.live.windows import MOST_WAITING, LiveWindows
from tests.collector.journals import T0, one_span


def taking(folder: Path, check: Callable[[LiveWindows, list[float], asyncio.Task[None]], Awaitable[None]]) -> int:
    """Send a span while too much waits to be counted, and check what becomes of it; the spans in the journal then."""
    export, seconds = Export("traces", one_span(1)), [0.0]
    windows = LiveWindows(Windows(window_s=10), Limits())
    windows.waiting = MOST_WAITING

    async def run(wal: Wal) -> None:
        metrics = Metrics(CollectorRegistry(), Config(), T0)
        core = Core(wal, windows, MemoryGuard(2**40, lambda: 0), metrics, lambda: seconds[0])
        sent = asyncio.create_task(core.take("http", export, checked(export)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not sent.done()
        await check(windows, seconds, sent)

    with Wal(folder, clock=lambda: 0.0, report=print) as wal:
        asyncio.run(run(wal))
        return wal.next_sequence - 1


def test_a_sender_waits_until_there_is_room_and_then_is_taken(tmp_path: Path) -> None:
    async def counted(windows: LiveWindows, _: list[float], sent: asyncio.Task[None]) -> None:
        windows.waiting = 0
        await sent
        assert windows.waiting == 1

    assert taking(tmp_path, counted) == 1


def test_a_sender_for_whom_there_is_none_for_seconds_is_to_come_again(tmp_path: Path) -> None:
    async def stuck(_: LiveWindows, seconds: list[float], sent: asyncio.Task[None]) -> None:
        seconds[0] = 60.0
        with pytest.raises(Overloaded, match="450,000 rows wait to be counted"):
            await sent

    assert taking(tmp_path, stuck) == 0
