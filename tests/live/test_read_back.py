"""What an earlier run left is read back, and nothing of it is lost whatever comes meanwhile."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from epicenter.collector.otlp.decode import Export, checked
from epicenter.live import inbox
from epicenter.live.traces import Traces
from tests.collector.journals import one_span
from tests.collector.told import T0
from tests.live.looped import FAILURES, Server


async def taken(server: Server, numbers: range) -> None:
    """Spans sent one by one, each of a trace of its own."""
    for number in numbers:
        export = Export("traces", one_span(number))
        await server.core.take("http", export, checked(export))


def a_run(folder: Path) -> None:
    """A server that kept five spans when it ended, and five that it had not counted when it was killed."""
    for killed in (False, True):
        server = Server(folder)

        async def run(server: Server = server, killed: bool = killed) -> None:
            await server.loop.restore()
            await taken(server, range(5 * killed, 5 * killed + 5))
            if not killed:
                await server.loop.look()
                await server.loop.stop()

        asyncio.run(run())
        server.store.close()


def attempts(server: Server) -> int:
    """That all kept windows tell of."""
    server.windows.tell_again()
    seen, _ = server.windows.look(T0 + 20)
    return int(sum(seen.calls["attempts"]))


def test_a_server_that_ends_before_it_has_read_back_keeps_what_was_kept(tmp_path: Path) -> None:
    a_run(tmp_path)
    before, server = (tmp_path / "windows").read_bytes(), Server(tmp_path)

    async def run() -> None:
        reading = asyncio.create_task(server.loop.restore())
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await server.loop.stop()

    asyncio.run(run())
    server.store.close()
    assert (tmp_path / "windows").read_bytes() == before


def test_a_count_that_fails_while_it_reads_back_is_told_and_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(tmp_path)
    for name, rows in (("MANY_ROWS", 1), ("WORTH_COUNTING", 2)):
        monkeypatch.setattr(inbox, name, rows)
    server = Server(tmp_path)

    def fails(*_: object) -> None:
        raise ValueError("a bug")

    async def run() -> None:
        with monkeypatch.context() as broken:
            broken.setattr(Traces, "count", fails)
            await server.loop.restore()
        assert server.registry.get_sample_value(FAILURES) == 1
        assert server.windows.inbox.uncounted == 5
        await taken(server, range(10, 15))
        while server.windows.inbox.uncounted:
            await server.loop.look()
        await server.loop.stop()

    asyncio.run(run())
    assert attempts(server) == 15
    server.store.close()


def test_what_is_sent_while_it_reads_back_is_counted_after_it_and_nothing_is_lost_where_it_ends_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(tmp_path)
    for name, rows in (("MANY_ROWS", 1), ("WORTH_COUNTING", 2)):
        monkeypatch.setattr(inbox, name, rows)
    server, read, sent = Server(tmp_path), Traces.read, threading.Event()

    def once_sent(traces: Traces) -> None:
        assert sent.wait(60)
        read(traces)

    monkeypatch.setattr(Traces, "read", once_sent)

    async def run() -> None:
        reading = asyncio.create_task(server.loop.restore())
        await taken(server, range(10, 12))
        sent.set()
        await reading
        assert server.windows.inbox.uncounted == 2
        await server.loop.stop()

    asyncio.run(run())
    server.store.close()
    server = Server(tmp_path)
    asyncio.run(server.loop.restore())
    assert attempts(server) == 12
    server.store.close()
