"""The whole server killed under load, again and again: what was acknowledged is there once, and counted once."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq

from epicenter.live.config import Keep, Limits, Windows
from epicenter.live.store import Store
from epicenter.live.windows import LiveWindows
from tests.live.servers_killed import FOLDS_EVERY, LATENESS_S
from tests.live.watching import folded

ROOT = Path(__file__).parents[2]
KILLS, SEED = 30, 7


def counted(data: Path, now: float) -> int:
    """The requests in all windows, as the next server would go on from them."""
    windows = LiveWindows(Windows(window_s=1, lateness_s=LATENESS_S), Limits())
    with closing(Store(data, Keep(), monotonic=time.monotonic, report=print)) as store:
        state = store.read_state(1)
        assert state is not None
        windows.restore(state, store.replay(state.replay_from), now)
        seen, _ = windows.observe(now + 2)
    return int(seen.calls["attempts"].sum())


def test_no_acknowledged_span_is_lost_or_there_twice_after_30_kills_of_the_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "tests.live.servers_killed", data, str(KILLS), str(SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("page and metrics") >= KILLS // FOLDS_EVERY  # the others may not have got so far
    acknowledged = set(map(int, done.stdout.split()))
    assert len(acknowledged) > KILLS
    assert list((data / "recordings").iterdir()), "nothing was folded between the kills"
    requests = counted(data, time.time())
    parts = [part for hour in folded(data) for part in hour.glob("spans*.parquet")]
    kept = sorted(int(span, 16) for part in parts for span in pq.read_table(part)["SpanId"].to_pylist())
    assert len(set(kept)) == len(kept)
    assert acknowledged <= set(kept)
    assert requests == len(kept)
