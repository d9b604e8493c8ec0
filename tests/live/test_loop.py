"""The running analysis looks in time, and goes on whatever fails."""

from __future__ import annotations

import asyncio
import math
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from epicenter.collector.model import CHANGES
from epicenter.collector.otlp.decode import Encoded, Export, checked
from epicenter.live import inbox, loop
from epicenter.live.config import Limits
from epicenter.live.loop import next_look
from epicenter.live.traces import Traces
from tests.collector.journals import TRACES, one_span
from tests.collector.told import T0, span
from tests.live.encoded import encoded, with_hex_ids
from tests.live.looped import FAILURES, Server


@pytest.mark.parametrize(
    ("into", "window_s", "took", "due"),
    [(0.1, 10, 0.1, 5), (5, 10, 5, 10), (6, 10, 4.9, 10.9), (8, 10, 8, 16), (0.1, 60, 0.1, 15), (50, 60, 2, 60)],
)
def test_a_look_skips_no_end_of_a_window_but_leaves_half_of_the_time(
    into: float, window_s: int, took: float, due: float
) -> None:
    assert math.isclose(next_look(T0 + into, window_s, took), T0 + due, abs_tol=1e-3)


def test_a_count_that_fails_is_told_and_the_server_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MANY_ROWS", 1)
    server = Server(tmp_path)
    server.windows.add(1, {"spans": written([1], T0)})  # which are no spans

    async def run() -> None:
        counting = asyncio.create_task(server.loop.count_for_ever())
        while not server.registry.get_sample_value(FAILURES):
            await asyncio.sleep(0)
        assert not counting.done()
        await server.loop.look()
        assert not counting.done()
        counting.cancel()
        await server.loop.stop()

    asyncio.run(run())
    server.store.close()


def test_at_the_bound_counting_goes_on_and_all_senders_are_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_COUNT_EVERY_S", 0.0)
    for name, rows in (("MANY_ROWS", 3), ("WORTH_COUNTING", 6), ("MOST_WAITING", 9)):
        monkeypatch.setattr(inbox, name, rows)
    server, held, decoded = Server(tmp_path), list[tuple[int, int]](), Traces.read

    def read(traces: Traces) -> None:
        before = server.windows.inbox.uncounted
        decoded(traces)
        held.append((before, server.windows.inbox.uncounted))

    monkeypatch.setattr(Traces, "read", read)

    async def run() -> None:
        counting = asyncio.create_task(server.loop.count_for_ever())
        async with asyncio.timeout(60), asyncio.TaskGroup() as senders:
            for number in range(100):
                export = Export("traces", one_span(number))
                senders.create_task(server.core.take("http", export, checked(export)))
        counting.cancel()
        await server.loop.stop()

    asyncio.run(run())
    assert server.registry.get_sample_value(FAILURES) == 0
    assert all(after >= before for before, after in held)  # what is decoded just now waits as well
    assert max(before for before, _ in held) >= 6
    assert max(after for _, after in held) <= 9
    server.windows.take_in(T0)
    assert server.windows.inbox.uncounted == 0
    assert server.windows.counts.taken["spans"] == 100
    server.store.close()


def test_what_cannot_be_measured_is_told_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    server = Server(tmp_path)
    (tmp_path / "journal").rename(tmp_path / "aside")
    for _ in range(2):
        server.loop.measure()
    (tmp_path / "aside").rename(tmp_path / "journal")
    server.loop.measure()
    assert server.registry.get_sample_value(FAILURES) == 2
    told, over = caplog.messages
    assert told.startswith("memory and disk cannot be measured (")
    assert over == "Memory and disk can be measured again."
    server.store.close()


def test_what_waits_how_far_it_is_behind_and_what_is_too_much_are_told_once(tmp_path: Path) -> None:
    server = Server(tmp_path, limits=Limits(services=1))

    def measured() -> tuple[float | None, ...]:
        server.loop.measure()
        overflow = server.registry.get_sample_value("epicenter_ingest_overflow_total", {"kind": "service"})
        gauges = ("epicenter_ingest_waiting_rows", "epicenter_watermark_lag_seconds")
        return (overflow, *(server.registry.get_sample_value(name) for name in gauges))

    async def run() -> None:
        for number, service in enumerate(("shop", "stock", "pay"), 1):
            server.windows.add(number, {}, encoded(with_hex_ids(span(service, service=service, trace=service))))
        assert measured() == (0, 3, 0)
        await server.loop.look()
        # at T0 + 1 what is older than the lateness of 60 s is closed: to the window that ends at T0 - 60
        assert measured() == measured() == (2, 0, 61)
        server.windows.add(4, {}, encoded(with_hex_ids(span("more", service="more", trace="more"))))
        await server.loop.look()
        assert measured() == measured() == (3, 0, 61)
        await server.loop.stop()

    asyncio.run(run())
    server.store.close()


def test_a_race_on_a_record_is_told_in_calm_until_it_is_over(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.windows.add(1, {}, encoded(with_hex_ids(span("a", at=-200.0))))  # without calls there is nothing to watch
    told: list[float | None] = []

    async def run() -> None:
        for number, puts in enumerate([[7, 5], [], [8]], 2):
            server.windows.add(number, {"changes": written(puts, T0 - 140 + 30 * number)})
            await server.loop.look()
            told.append(server.registry.get_sample_value("epicenter_warning_open"))
        await server.loop.stop()

    asyncio.run(run())
    assert told == [1, 1, 0]
    server.store.close()


def written(generations: list[int], since: float) -> pa.Table:
    """A record is put at these generations, one a second."""
    row = {
        "Kind": "record.upsert",
        "Target": "api.example",
        "Actor": "one",
        "Answers": 2,
        "Outcome": "ok",
        "Detail": "",
    }
    rows = [row | {"Timestamp": int((since + n) * 1e9), "Generation": g} for n, g in enumerate(generations)]
    return pa.Table.from_pylist(rows, schema=CHANGES)


def test_the_windows_are_kept_however_long_folding_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_KEEP_EVERY_S", 0.001)
    folding, over = threading.Event(), threading.Event()

    def fold(*_: object) -> None:
        folding.set()
        assert over.wait(60)

    server = Server(tmp_path, fold)
    server.windows.add(server.store.wal.append(TRACES, one_span(1)), {})
    server.windows.take_in(T0)
    server.store.wal.roll(force=True)

    async def run() -> None:
        await server.loop.restore()
        keeping = asyncio.create_task(server.loop.keep_for_ever())
        while not folding.is_set():
            await asyncio.sleep(0)
        (tmp_path / "windows").unlink()
        while not (tmp_path / "windows").exists():
            await asyncio.sleep(0)
        over.set()
        keeping.cancel()
        await server.loop.stop()

    asyncio.run(run())
    server.store.close()


def test_a_request_that_cannot_be_decoded_is_told_once_and_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(tmp_path)
    one, other, more = (encoded(with_hex_ids(span(name, trace=name))) for name in "abc")
    for number, some in enumerate([one, Encoded(b"no message", 1), Encoded(other.body, 2), more], 1):
        server.windows.add(number, {}, some)

    async def run() -> None:
        for _ in range(2):
            await server.loop.look()
            server.loop.measure()
        await server.loop.stop()

    asyncio.run(run())
    assert server.registry.get_sample_value(FAILURES) == 2
    assert [line.split(" cannot")[0] for line in caplog.messages] == ["spans of record 2", "spans of record 3"]
    server.windows.tell_again()
    seen, _ = server.windows.look(T0 + 20)
    assert sum(seen.calls["attempts"]) == 2
    assert server.windows.state().counted_to == 4
    server.store.close()
