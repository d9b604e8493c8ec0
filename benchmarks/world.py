"""How long the flagship world takes to simulate, without its telemetry."""

from __future__ import annotations

import argparse
import time

from epicenter.synthetic import SCENARIOS, simulate

ROUNDS = 3


def run(options: argparse.Namespace) -> None:
    del options
    for name in SCENARIOS:
        seconds: list[tuple[float, float]] = []
        for seed in range(ROUNDS):
            wall, cpu = time.perf_counter(), time.process_time()
            history = simulate(name, seed=seed)
            seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
        wall, cpu = sorted(seconds)[ROUNDS // 2]
        hours = (history.end - history.start) / 3600.0
        print(
            f"{name}: {hours:.1f} hours, {history.ticks:,} ticks, {history.attempts.sum():,.0f} attempts over "
            f"{len(history.edges)} edges in {wall:.2f} s ({cpu:.2f} s of processor; median of {ROUNDS}; the aim is 4)"
        )
