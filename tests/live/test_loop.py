"""The running analysis looks in time, and goes on whatever fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from epicenter.collector.model import CHANGES
from epicenter.collector.otlp.decode import Encoded
from epicenter.live.config import Config, Keep, Limits, Windows
from epicenter.live.core import Core
from epicenter.live.feed import Feed
from epicenter.live.guard import MemoryGuard
from epicenter.live.incidents import Incidents
from epicenter.live.loop import Loop, next_look
from epicenter.live.metrics import Metrics
from epicenter.live.store import Store
from epicenter.live.windows import LiveWindows
from tests.collector.told import T0, span
from tests.live.encoded import encoded, with_hex_ids

FAILURES = "epicenter_analysis_failures_total"


@pytest.mark.parametrize(
    ("into", "window_s", "took", "due"),
    [(0.1, 10, 0.1, 5), (5, 10, 5, 10), (6, 10, 4.9, 10.9), (8, 10, 8, 16), (0.1, 60, 0.1, 15), (50, 60, 2, 60)],
)
def test_a_look_skips_no_end_of_a_window_but_leaves_half_of_the_time(
    into: float, window_s: int, took: float, due: float
) -> None:
    assert math.isclose(next_look(T0 + into, window_s, took), T0 + due, abs_tol=1e-3)


@dataclass
class Running:
    """A loop over windows that nothing comes into but what a test puts there."""

    loop: Loop
    windows: LiveWindows
    store: Store
    registry: CollectorRegistry

    def failures(self) -> float:
        return self.registry.get_sample_value(FAILURES) or 0.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    registry = CollectorRegistry()
    config = Config(windows=Windows(window_s=10))
    windows = LiveWindows(config.windows, Limits())
    store = Store(tmp_path, Keep(), monotonic=lambda: 0.0, report=print)
    metrics, guard = Metrics(registry, config, T0), MemoryGuard(2**40, lambda: 0)
    core = Core(store.wal, windows, guard, metrics, lambda: 0.0)
    incidents = Incidents([], 10, lambda _: None)
    loop = Loop(windows, store, core, incidents, Feed(), metrics, guard, lambda: T0 + 1.0, lambda: 0.0)
    yield Running(loop, windows, store, registry)
    store.close()


def test_a_count_that_fails_is_told_and_the_server_goes_on(running: Running) -> None:
    running.windows.add(1, {"changes": CHANGES.empty_table(), "spans": CHANGES.empty_table()})  # which are no spans
    running.windows.waiting += 10**6

    async def run() -> None:
        counting = asyncio.create_task(running.loop.count_for_ever())
        while not running.failures():
            await asyncio.sleep(0)
        assert not counting.done()
        await running.loop.look()
        assert not counting.done()
        counting.cancel()
        await running.loop.stop()

    asyncio.run(run())


def test_a_request_that_cannot_be_decoded_is_told_once_and_holds_up_no_other(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    one, other, more = (encoded(with_hex_ids(span(name, trace=name))) for name in "abc")
    for number, some in enumerate([one, Encoded(b"no message", 1), Encoded(other.body, 2), more], 1):
        running.windows.add(number, {}, some)

    async def run() -> None:
        for _ in range(2):
            await running.loop.look()
            running.loop.measure()
        await running.loop.stop()

    asyncio.run(run())
    assert running.failures() == 2
    assert [line.split(" cannot")[0] for line in caplog.messages] == ["spans of record 2", "spans of record 3"]
    running.windows.tell_again()
    seen, _ = running.windows.look(T0 + 20)
    assert sum(seen.calls["attempts"]) == 2
    assert running.windows.state().counted_to == 4
