"""How long worlds take to simulate, without their telemetry, and how much memory: each in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

from benchmarks.estate import EDGES_PER_SERVICE, layered
from epicenter.synthetic import SCENARIOS, simulate
from epicenter.synthetic.world.engine import run_services

from .memory import memory_mib

SIZES = (50, 100, 200, 500)
HOURS, TICK_S = 6.0, 10.0


def measured(*what: str) -> dict[str, float]:
    """What `main` below prints, run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.world", *what]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def run(options: argparse.Namespace) -> None:
    del options
    for name in SCENARIOS:
        one = measured("scenario", name)
        print(
            f"{name:32} {_figures(one)}  {one['ticks']:7,.0f} ticks, {one['edges']:4,.0f} edges (the aim: 20 s, 1 GB)"
        )
    for services in SIZES:
        one = measured("estate", str(services))
        per = 1e6 * one["processor_s"] / one["ticks"] / services
        print(
            f"{services:4} services, {one['edges']:6,.0f} edges, {HOURS:g} h, ticks of {TICK_S:g} s: {_figures(one)}  "
            f"{per:5.1f} µs of processor per service and tick" + (" (the aim: 60 s)" if services == 500 else "")
        )


def _figures(one: dict[str, float]) -> str:
    return f"{one['seconds']:6.2f} s  {one['processor_s']:6.2f} s of processor  {one['peak_mib']:6,.0f} MiB"


def main(kind: str, which: str) -> None:
    """Simulate one world and print what it took."""
    if kind == "scenario":
        begun, cpu = time.perf_counter(), time.process_time()
        history = simulate(which)
        ticks, edges = history.ticks, len(history.edges)
    else:
        conditions = layered(int(which), hours=HOURS, tick_s=TICK_S)
        assert len(conditions.edges) == EDGES_PER_SERVICE * int(which)
        begun, cpu = time.perf_counter(), time.process_time()
        run_services(conditions)
        ticks, edges = conditions.ticks, len(conditions.edges)
    figures = {
        "seconds": time.perf_counter() - begun,
        "processor_s": time.process_time() - cpu,
        "peak_mib": memory_mib("VmHWM"),
        "ticks": ticks,
        "edges": edges,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
