"""What was acknowledged is there exactly once, whenever the process was killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from epicenter.collector.wal import Wal, fold, last_folded
from tests.collector.handed_over import opened, rows
from tests.collector.journals import folded, stored

ROOT = Path(__file__).parents[2]
KILLS = 30


def acknowledged_until_killed(journal: Path, recording: Path, first: int, chance: random.Random) -> list[int]:
    """Load a journal in another process and kill it, half the time while it appends and half the time as it folds."""
    step = chance.choice([0, chance.randrange(1, 60)])
    command = [sys.executable, "-m", "tests.collector.journal_under_load", journal, recording, str(first), str(step)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randrange(1, 500))]
        process.kill()
        lines += process.stdout.readlines()
    return [int(line) for line in lines if line.strip().isdigit() and line.endswith("\n")]


@pytest.mark.parametrize("seed", [7])
def test_every_acknowledged_record_is_there_once_after_each_of_30_kills(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    journal, recording = tmp_path / "journal", tmp_path / "recording"
    acknowledged: list[int] = []
    told: list[str] = []
    kept: list[int] = []
    for kill in range(KILLS):
        acknowledged += acknowledged_until_killed(journal, recording, kill * 1_000_000, chance)
        with Wal(journal, clock=time.monotonic, report=told.append, at_least=last_folded(recording) + 1):
            kept = stored(journal, recording)
        twice = [number for number, times in Counter(kept).items() if times > 1]
        assert (sorted(set(acknowledged) - set(kept)), twice) == ([], []), f"after kill {kill + 1}, seed {seed}"
    assert len(acknowledged) > KILLS
    with Wal(journal, clock=time.monotonic, report=told.append) as wal:
        for segment in wal.roll(force=True):
            fold(segment, recording, told.append)
    assert sorted(folded(recording)) == kept
    assert rows(opened(tmp_path / "scratch", recording), "select count(*) from spans") == [(len(kept),)]
    assert [sentence for sentence in told if "damaged" in sentence or "left out" in sentence] == []
