"""Nothing is acknowledged that cannot be dealt with: senders wait for the counting, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from epicenter.collector.errors import JournalFailed, Overloaded, Unavailable
from epicenter.collector.otlp.decode import Export, checked
from epicenter.collector.wal import Wal
from epicenter.live import inbox
from epicenter.live.config import Config, Limits, Windows
from epicenter.live.core import Core
from epicenter.live.guard import MemoryGuard
from epicenter.live.metrics import Metrics
from epicenter.live.windows import LiveWindows
from tests.collector.journals import T0, one_span

MOST = 6
"""Spans that may wait to be counted, in these tests."""


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_WAITING", MOST)


class Server:
    """What takes spans, and what it hands them to; seconds: what its clock shows."""

    def __init__(self, wal: Wal) -> None:
        self.wal, self.seconds = wal, 0.0
        self.windows = LiveWindows(Windows(window_s=10), Limits())
        self.registry = CollectorRegistry()
        metrics = Metrics(self.registry, Config(), T0)
        self.core = Core(wal, self.windows, MemoryGuard(2**40, lambda: 0), metrics, lambda: self.seconds)

    async def take(self, number: int) -> None:
        export = Export("traces", one_span(number))
        await self.core.take("http", export, checked(export))

    async def fill(self) -> None:
        for number in range(MOST):
            await self.take(number)


def serving(folder: Path, run: Callable[[Server], Awaitable[None]]) -> int:
    """The spans in the journal, once something has been done with a server."""
    with Wal(folder, clock=lambda: 0.0, report=print) as wal:
        asyncio.run(_done(run(Server(wal))))
        return wal.next_sequence - 1


async def _done(work: Awaitable[None]) -> None:
    async with asyncio.timeout(60):
        await work


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_sender_waits_until_there_is_room_and_then_is_taken(tmp_path: Path) -> None:
    async def run(server: Server) -> None:
        await server.fill()
        sent = asyncio.create_task(server.take(MOST))
        await turns()
        assert not sent.done()
        server.windows.take_in(T0 / 1e9)
        await sent
        assert server.windows.inbox.uncounted == 1

    assert serving(tmp_path, run) == MOST + 1


def test_a_sender_for_whom_there_is_none_for_seconds_is_to_come_again(tmp_path: Path) -> None:
    async def run(server: Server) -> None:
        await server.fill()
        sent = asyncio.create_task(server.take(MOST))
        await turns()
        server.seconds = 60.0
        with pytest.raises(Overloaded, match=f"{MOST} rows wait to be counted"):
            await sent

    assert serving(tmp_path, run) == MOST


def test_of_many_senders_at_once_no_more_are_taken_than_there_is_room_for(tmp_path: Path) -> None:
    async def run(server: Server) -> None:
        sent = [asyncio.create_task(server.take(number)) for number in range(5 * MOST)]
        await turns()
        server.seconds = 60.0
        ended = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(end) for end in ended] == [type(None)] * MOST + [Overloaded] * 4 * MOST
        assert server.windows.inbox.uncounted == MOST

    assert serving(tmp_path, run) == MOST


def test_what_was_not_written_takes_no_room(tmp_path: Path) -> None:
    full = True

    def sync(_: int) -> None:
        if full:
            raise OSError(5, "the disk is broken")

    async def run(server: Server) -> None:
        nonlocal full
        for number in range(2 * MOST):
            with pytest.raises(JournalFailed):
                await server.take(number)
        full = False
        await server.fill()
        server.windows.take_in(T0 / 1e9)
        server.wal.close()
        for number in range(2 * MOST):
            with pytest.raises(Unavailable, match="the journal is closed"):
                await server.take(number)

    wal = Wal(tmp_path, clock=lambda: 0.0, report=print, sync=sync)
    asyncio.run(_done(run(Server(wal))))


def test_a_sender_that_goes_away_leaves_its_room_to_others(tmp_path: Path) -> None:
    async def run(server: Server) -> None:
        for number in range(2 * MOST):
            sent = asyncio.create_task(server.take(number))
            await asyncio.sleep(0)
            sent.cancel()
            await asyncio.gather(sent, return_exceptions=True)
            server.windows.take_in(T0 / 1e9)
        await server.take(2 * MOST)

    assert serving(tmp_path, run) > 0


def test_what_is_safe_and_will_not_be_counted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(server: Server) -> None:
        def fails(*_: object) -> None:
            raise ValueError("a bug")

        monkeypatch.setattr(server.windows, "add", fails)
        await server.take(1)
        assert server.registry.get_sample_value("epicenter_analysis_failures_total") == 1

    assert serving(tmp_path, run) == 1
    assert caplog.messages == ["what is in the journal will not be counted, which is a bug of Epicenter's"]
