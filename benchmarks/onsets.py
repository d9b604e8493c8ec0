"""Where to date the failures of a service: the likelihood that is in use beside a kernel change point.

Every world of the library, three seeds, told whole and in two spans a second. Both dates are drawn from the same
windows, those up to the alarm, since the explanation at a time knows nothing later; the truth is the second at which
the service's failures first stood out. In use is the maximum likelihood of two rates (`detectors/episodes.py`).
"""

from __future__ import annotations

import argparse
import json
from functools import partial

import numpy as np

from epicenter.collector.model import Windows
from epicenter.detectors.base import HORIZON
from epicenter.detectors.diagnosis import look
from epicenter.detectors.series import Floats, tally
from epicenter.detectors.suspects import overlaps
from epicenter.parallel import run_all
from epicenter.scoring.cases import DRAWN, the_mix
from epicenter.scoring.telemetry import windows_of
from epicenter.synthetic import SCENARIOS, simulate
from epicenter.synthetic.truth import Truth

SEEDS = 3
TOLD = {"whole": None, "2 spans a second": 2.0}
Errors = dict[str, list[float]]


def kernel_change_point(values: Floats) -> int | None:
    """The first of the later values, where there are two kinds of them; None where all are alike.

    The exact single change that leaves the least scatter within both parts, in the feature space of a Gaussian kernel
    as wide as the median distance of two values (Harchaoui and Cappé, "Retrospective Multiple Change-Point Estimation
    with Kernels", SSP 2007; Arlot et al., "A Kernel Multiple Change-point Algorithm via Model Selection", JMLR 2019).

    >>> kernel_change_point(np.array([0.0, 0.1, 0.0, 0.9, 0.8]))
    3
    """
    apart = (values[:, None] - values[None, :]) ** 2
    distances = apart[np.triu_indices(len(values), 1)]
    if not distances.any():
        return None
    width = np.median(distances) or np.median(distances[distances > 0])
    kernel = np.zeros((len(values) + 1,) * 2)
    kernel[1:, 1:] = np.exp(-apart / (2 * width)).cumsum(axis=0).cumsum(axis=1)
    at, last = np.arange(1, len(values)), len(values)
    before, whole = kernel[at, at], kernel[last, last]
    after = whole - kernel[at, last] - kernel[last, at] + before
    return int(at[np.argmax(before / at + after / (last - at))])


def run(options: argparse.Namespace) -> None:
    """Print median, 90th percentile and worst of the errors, in seconds; `--json F` receives all of them."""
    names = [name for name in SCENARIOS if not name.startswith("calm-")]
    jobs = [partial(_errors, name, seed) for name in names for seed in range(SEEDS)]
    worlds = [future.result() for future in run_all(jobs, jobs=2)]
    told = {telling: {way: _all(worlds, telling, way) for way in ("likelihood", "kernel")} for telling in TOLD}
    for telling, ways in told.items():
        for way, errors in ways.items():
            middle, high, worst = np.quantile(np.abs(errors), (0.5, 0.9, 1.0))
            print(f"{telling:16} {way:10} {len(errors):4} services: {middle:3.0f} {high:4.0f} {worst:5.0f} s off")
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _all(worlds: list[dict[str, Errors]], telling: str, way: str) -> list[float]:
    return [error for world in worlds for error in world[telling][way]]


def _errors(name: str, seed: int) -> dict[str, Errors]:
    """By telling and way, seconds by which each failing service of a world is dated too late."""
    history = simulate(name, seed=seed)
    mix = the_mix(DRAWN, name, seed)
    found: dict[str, Errors] = {}
    for telling, rate in TOLD.items():
        windows, _ = windows_of(history, seed=seed, mix=mix, spans_per_second=rate)
        found[telling] = _dated(windows, history.truth)
    return found


def _dated(windows: Windows, truth: Truth) -> Errors:
    windows, _, findings, _ = look(windows)
    rows = windows.calls[windows.calls["server"].isin(truth.affected)]
    table = tally(windows, rows, ("server",), ("attempts", "originals", "errors"))
    failed = (table["errors"] - (table["attempts"] - table["originals"])).clip(0)
    errors: Errors = {"likelihood": [], "kernel": []}
    for place, service in enumerate(table.names("server")):
        spikes = [f for f in findings if f.kind == "failure_spike" and f.component == service]
        first = next((f for f in spikes if overlaps(f, truth.span)), None)
        if first is None:
            continue
        onset, alarm = (
            int((at - windows.start) // windows.window_s) for at in (first.started_at, float(first.facts["alarm_at"]))
        )
        near = np.arange(max(0, onset - HORIZON), alarm)  # the alarm is at the end of its window
        near = near[table["originals"][place, near] > 0]
        change = kernel_change_point(failed[place, near] / table["originals"][place, near])
        by_kernel = onset if change is None else int(near[change])
        for way, window in (("likelihood", onset), ("kernel", by_kernel)):
            errors[way].append(windows.start + window * windows.window_s - truth.affected[service])
    return errors
