"""How long the flagship world takes to simulate, without its telemetry."""

from __future__ import annotations

import argparse
import time

from epicenter.synthetic import SCENARIOS, History, simulate

ROUNDS = 3


def timed(name: str, seed: int) -> tuple[float, float, History]:
    """Seconds on the clock and of the processor that one world takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    history = simulate(name, seed=seed)
    return time.perf_counter() - wall, time.process_time() - cpu, history


def run(options: argparse.Namespace) -> None:
    del options
    for name in SCENARIOS:
        rounds = sorted((timed(name, seed) for seed in range(ROUNDS)), key=lambda one: one[0])
        wall, cpu, history = rounds[ROUNDS // 2]
        hours = (history.end - history.start) / 3600.0
        print(
            f"{name}: {hours:.1f} hours, {history.ticks:,} ticks, {history.attempts.sum():,.0f} attempts over "
            f"{len(history.edges)} edges in {wall:.2f} s ({cpu:.2f} s of processor; median of {ROUNDS}; the aim is 4)"
        )
