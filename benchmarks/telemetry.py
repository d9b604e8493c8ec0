"""How long `epicenter simulate` takes, world, spans and writing together, and how fast spans are drawn and written."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from epicenter.synthetic import simulate
from epicenter.synthetic.telemetry.record import record
from epicenter.synthetic.telemetry.spans import span_source

from .memory import memory_mib

SCENARIO = "aws-dynamodb-2025"
ROUNDS = 3


def measured(folder: Path) -> dict[str, float]:
    """One whole simulation, and the drawing of its spans once more by itself."""
    begun = time.perf_counter()
    history = simulate(SCENARIO)
    simulated = time.perf_counter()
    record(history, folder, seed=0)
    recorded = time.perf_counter()
    peak_mib = memory_mib("VmHWM")
    source = span_source(history, spans_per_second=20.0, seed=0)
    drawing = time.perf_counter()
    spans = sum(source.draw(ticks).num_rows for ticks in source.chunks())
    return {
        "seconds": recorded - begun,
        "world": simulated - begun,
        "drawing": time.perf_counter() - drawing,
        "spans": spans,
        "peak_mib": peak_mib,
    }


def run(options: argparse.Namespace) -> None:
    folder: Path = options.scratch / "telemetry"
    rounds: list[dict[str, float]] = []
    for _ in range(ROUNDS):  # each in a process of its own, so that the peak memory is its own
        command = [sys.executable, "-m", "benchmarks.telemetry", str(folder)]
        rounds.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    middle = sorted(rounds, key=lambda one: one["seconds"])[ROUNDS // 2]
    size_mib = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
    print(
        f"{SCENARIO}: {middle['spans']:,.0f} spans and all samples in {middle['seconds']:.1f} s, of which the world"
        f" {middle['world']:.1f} s; {middle['peak_mib']:,.0f} MiB at the most (median of {ROUNDS}; the aims are 20 s"
        f" and 1 GB); {size_mib:,.0f} MiB written; drawing alone {middle['spans'] / middle['drawing']:,.0f} spans/s"
    )


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))
