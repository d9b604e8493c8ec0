"""A day of 1,000 services and 5,000 edges (`wide`): the whole analysis, and BARO's ranking of the same frame.

Each side runs in a process of its own, in turn; the frames are drawn once, by another. Peaks of memory are told with
what the frames themselves take, and without the peak of reading them.

BARO (Pham et al., "BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online Change Point
Detection", FSE 2024) ranks each metric by the largest distance from its median in the anomalous period, in
interquartile ranges of the normal period. It is handed the moment at which the outage began, which it would have to
find, and ranks services only: no kind of fault, no names, no incident. It is a yardstick of cost more than of worth.

Online, a window more is a step of the watcher, which has seen the hour before: its steps are measured in calm weather
and in the outage, when each holds a whole analysis. Beside them stand the gate and the whole analysis of the last hour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Analysis, RecordingSummary
from epicenter.detectors.gate import user_visible
from epicenter.detectors.online import Watcher, between
from epicenter.detectors.series import tally

from .memory import forget_peak, memory_mib
from .wide import OUTAGE, SERVICES, START, WINDOW_S, read_wide, service, wide_estate, write_wide
from .yardsticks import robust_scores

ROUNDS = 3
AIM_S, AIM_MIB, AIM_STEP_S = 60.0, 1.5e9 / 2**20, 0.2
LOOK_BACK = 360  # windows: an hour
CALM_STEPS = 40
STEPS = range(OUTAGE.start - 5, OUTAGE.start + 15)


def _summary(windows: Windows) -> RecordingSummary:
    return RecordingSummary(
        from_=windows.start, to=windows.end, spans=0, samples=0, changes=0, services=SERVICES, skipped=()
    )


def whole(windows: Windows) -> Analysis:
    """The analysis of all of the windows."""
    return analyze(windows, _summary(windows))


def ours(windows: Windows) -> list[str]:
    """What the analysis blames for the incident that cost most, the first first."""
    incidents = whole(windows).incidents
    return [f"{c.component} {c.kind}" for c in incidents[0].candidates] if incidents else []


def baro(windows: Windows) -> list[str]:
    """Services by BARO's score: requests, errors and seconds per call of each, in and before the outage."""
    calls = windows.calls[["window", "server", "peer", "attempts", "errors", "client_ns", "server_ns"]]
    host = calls["peer"].str.split(".").str[0]
    rows = calls.assign(server=calls["server"].where(calls["server"] != "", host))
    rows = rows.assign(ns=rows["client_ns"].where(rows["client_ns"] > 0, rows["server_ns"]))
    table = tally(windows, rows, ("server",), ("attempts", "errors", "ns"))
    best = np.zeros(len(table))
    for name in ("attempts", "errors", "ns"):
        values = table[name] / np.maximum(1e9 * table["attempts"], 1.0) if name == "ns" else table[name]
        normal, anomalous = values[:, : OUTAGE.start], values[:, OUTAGE.start : OUTAGE.stop]
        best = np.maximum(best, robust_scores(normal, anomalous))
    order = np.argsort(-best, kind="stable")
    return [table.names("server")[at] for at in order]


SIDES: dict[str, Callable[[Windows], list[str]]] = {"ours": ours, "baro": baro}


def measured(side: str, folder: Path) -> dict[str, object]:
    """Read the frames, and measure one side on them: seconds, and mebibytes at the peak and of the frames alone."""
    windows = read_wide(folder)
    frames = sum(int(frame.memory_usage(deep=True).sum()) for frame in (windows.calls, windows.signals))
    forget_peak()  # of reading
    at_rest = memory_mib("VmRSS")
    begun, cpu = time.perf_counter(), time.process_time()
    ranked = SIDES[side](windows)
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": memory_mib("VmHWM"),
        "at_rest_mib": at_rest,
        "frames_mib": frames / 2**20,
        "rows": len(windows.calls),
        "ranked": ranked,
    }


def online(folder: Path) -> dict[str, object]:
    """Seconds on the clock and of the processor that each step took, by what was done in it."""
    day = read_wide(folder)
    took = _watched(day)
    took |= {"gate over the last hour": [], "analysis of the last hour": []}
    for window in STEPS:
        for name, look in (("gate over the last hour", user_visible), ("analysis of the last hour", whole)):
            begun, cpu = time.perf_counter(), time.process_time()
            look(_last_hour(day, window + 1))
            took[name].append((time.perf_counter() - begun, time.process_time() - cpu))
    return {name: np.median(steps, axis=0).tolist() for name, steps in took.items()}


def _watched(day: Windows) -> dict[str, list[tuple[float, float]]]:
    """The watcher's steps, from one that gave it the hour before on."""
    watcher, since = Watcher(WINDOW_S), STEPS.start - CALM_STEPS
    watcher.step(_last_hour(day, since), _summary(day))
    took: dict[str, list[tuple[float, float]]] = {"watcher in calm weather": [], "watcher in an incident": []}
    for window in range(since, STEPS.stop):
        start = START + WINDOW_S * window
        fresh = between(_last_hour(day, window + 1), start, start + WINDOW_S)
        begun, cpu = time.perf_counter(), time.process_time()
        analysis = watcher.step(fresh, _summary(fresh))
        one = time.perf_counter() - begun, time.process_time() - cpu
        took["watcher in calm weather" if analysis is None else "watcher in an incident"].append(one)
    return took


def _last_hour(day: Windows, end: int) -> Windows:
    """What had been seen in the hour before the window of that number; rows come in order, so it is a slice."""
    start, until = (START + WINDOW_S * window for window in (end - LOOK_BACK, end))

    def cut(rows: pd.DataFrame) -> pd.DataFrame:
        first, last = np.searchsorted(rows["window"].to_numpy(), (start, until))
        return rows.iloc[first:last].reset_index(drop=True)

    return replace(day, start=start, end=until, calls=cut(day.calls), signals=cut(day.signals))


def run(options: argparse.Namespace) -> None:
    folder: Path = options.scratch / "wide"
    _in_a_process("write", folder)
    estate = wide_estate()
    sides: dict[str, list[dict[str, float]]] = {"ours": [], "baro": []}
    ranked: dict[str, list[str]] = {}
    for number in range(ROUNDS):
        for side in sorted(sides, reverse=number % 2 == 0):
            one = json.loads(_in_a_process(side, folder))
            ranked[side] = one.pop("ranked")
            sides[side].append(one)
    first = sides["ours"][0]
    print(
        f"{first['rows']:,.0f} rows of calls; the frames take {first['frames_mib']:,.0f} MiB; {ROUNDS} rounds in turn"
    )
    for side, rounds in sides.items():
        print(
            f"{side}: {_middle(rounds, 'seconds'):6.2f} s, {_middle(rounds, 'cpu_s'):6.2f} s of processor; at the peak "
            f"{_middle(rounds, 'peak_mib'):,.0f} MiB, {_middle(rounds, 'at_rest_mib'):,.0f} MiB before"
        )
    print(f"the aim of ours: {AIM_S:.0f} s and {AIM_MIB:,.0f} MiB")
    pairs = zip(sides["ours"], sides["baro"], strict=True)
    print(f"ours / baro of seconds: {median(a['seconds'] / b['seconds'] for a, b in pairs):.1f} (median of the rounds)")
    wanted = f"{estate.broken_name} dns.empty_record"
    print(f"ours blames {', '.join(ranked['ours'][:3])}: {'right' if ranked['ours'][:1] == [wanted] else 'WRONG'}")
    place = ranked["baro"].index(service(estate.broken)) + 1
    print(f"baro ranks {', '.join(ranked['baro'][:3])} first, and the service behind the name as number {place}")
    for name, (seconds, cpu_s) in json.loads(_in_a_process("online", folder)).items():
        print(
            f"online, the {name}: {1000 * seconds:,.0f} ms a step, {1000 * cpu_s:,.0f} ms of processor "
            f"(median; the aim is {1000 * AIM_STEP_S:.0f} ms)"
        )


def _middle(rounds: list[dict[str, float]], figure: str) -> float:
    return median(one[figure] for one in rounds)


def _in_a_process(*what: str | Path) -> str:
    command = [sys.executable, "-m", "benchmarks.detection", *map(str, what)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_wide(Path(sys.argv[2]))
    elif sys.argv[1] == "online":
        print(json.dumps(online(Path(sys.argv[2]))))
    else:
        print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]))))
