"""Files that are followed: one line that fails is passed over, and no other is lost or taken twice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from prometheus_client import CollectorRegistry

from epicenter.collector.wal import Wal
from epicenter.live.config import Config, Limits, Windows
from epicenter.live.core import Core
from epicenter.live.files import follow
from epicenter.live.guard import MemoryGuard
from epicenter.live.metrics import Metrics
from epicenter.live.windows import LiveWindows
from tests.collector.journals import T0

LINES, FAILS = 9, 7


def one_line(number: int) -> str:
    span = {
        **{"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "x"},
        **{"startTimeUnixNano": str(T0), "endTimeUnixNano": str(T0 + 1)},
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


async def until_kept(folder: Path, kept: Path, core: Core, metrics: Metrics) -> None:
    """Follow until the places are kept; raises what ends it before."""
    following = asyncio.create_task(follow(folder, kept, core, metrics))
    while not kept.exists() and not following.done():
        await asyncio.sleep(0)
    following.cancel()
    await asyncio.gather(following, return_exceptions=kept.exists())


def test_a_line_that_fails_is_counted_and_passed_over_and_those_before_it_are_not_taken_again(tmp_path: Path) -> None:
    folder, kept = tmp_path / "files", tmp_path / "files.json"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(f"{one_line(number)}\n" for number in range(LINES)), encoding="utf-8")
    looks: list[int] = []

    def held() -> int:
        looks.append(0)
        if len(looks) == FAILS:
            raise ValueError("a bug")
        return 0

    registry = CollectorRegistry()
    with Wal(tmp_path / "wal", clock=lambda: 0.0, report=print) as wal:
        windows = LiveWindows(Windows(window_s=10), Limits())
        metrics = Metrics(registry, Config(), T0)
        core = Core(wal, windows, MemoryGuard(2**40, held), metrics, lambda: 0.0)
        asyncio.run(until_kept(folder, kept, core, metrics))
        assert wal.next_sequence - 1 == LINES - 1
    assert registry.get_sample_value("epicenter_analysis_failures_total") == 1.0
