"""The running analysis looks in time, and goes on whatever fails."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from epicenter.collector.model import CHANGES
from epicenter.live.config import Config, Keep, Limits, Windows
from epicenter.live.core import Core
from epicenter.live.feed import Feed
from epicenter.live.guard import MemoryGuard
from epicenter.live.incidents import Incidents
from epicenter.live.loop import Loop, next_look
from epicenter.live.metrics import Metrics
from epicenter.live.store import Store
from epicenter.live.windows import LiveWindows
from tests.collector.told import T0

FAILURES = "epicenter_analysis_failures_total"


@pytest.mark.parametrize(
    ("into", "window_s", "took", "due"),
    [(0.1, 10, 0.1, 5), (5, 10, 5, 10), (6, 10, 4.9, 10.9), (8, 10, 8, 16), (0.1, 60, 0.1, 15), (50, 60, 2, 60)],
)
def test_a_look_skips_no_end_of_a_window_but_leaves_half_of_the_time(
    into: float, window_s: int, took: float, due: float
) -> None:
    assert math.isclose(next_look(T0 + into, window_s, took), T0 + due, abs_tol=1e-3)


def test_a_count_that_fails_is_told_and_the_server_goes_on(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    config = Config(windows=Windows(window_s=10))
    windows = LiveWindows(config.windows, Limits())
    store = Store(tmp_path, Keep(), monotonic=lambda: 0.0, report=print)
    metrics, guard, feed = Metrics(registry, config, T0), MemoryGuard(2**40, lambda: 0), Feed()
    core = Core(store.wal, windows, guard, metrics, lambda: 0.0)
    incidents = Incidents([], 10, lambda _: None)
    windows.add(1, {"changes": CHANGES.empty_table(), "spans": CHANGES.empty_table()})  # which are no spans
    windows.waiting += 10**6

    async def run() -> None:
        loop = Loop(windows, store, core, incidents, feed, metrics, guard, lambda: T0 + 1.0, lambda: 0.0)
        counting = asyncio.create_task(loop.count_for_ever())
        while not registry.get_sample_value(FAILURES):
            await asyncio.sleep(0)
        assert not counting.done()
        await loop.look()
        assert not counting.done()
        counting.cancel()
        await loop.stop()

    asyncio.run(run())
    store.close()
