"""What changed around a moment that somebody points at, whether or not users saw failures.

Two lists of evidence are drawn up for the stretch after the moment against everything before it:
failed calls that stay with a node (`blame`) and extra time per service (`shifts`). Each list
speaks with the weight of its own contrast, the margin between its first and its second: on
recorded faults with known causes this beat fusing by rank.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import HORIZON, Finding
from .blame import blame
from .blamed import Blamed
from .cause import UNTOLD, blamed_suspect
from .cusum import LEAST_RISE
from .edges import CHANCE
from .fences import NOTHING_KNOWN, Fences, fences
from .graph import Graph, shared_names
from .grouping import Group
from .pauses import failed_calls, without_pauses
from .series import Floats, tally
from .shifts import shifts, told_by_callers, untold_waits
from .slow import slow_suspect
from .suspects import Suspect

LOOK_S = 180.0
"""How long after the moment counts: three minutes of minute-wise metrics, and most alarms' waiting time."""

LEAST_WINDOWS = 3
"""Windows that the stretch holds at least, where windows are long."""

QUARTILES = 3.0
"""A shift of so many interquartile ranges is beyond the usual spread (two standard deviations of a normal series)."""


def stretches_around(windows: Windows, at: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Before and after the moment, (from, to) each; the window that holds it belongs to neither.

    Moments are told by people. Where next to nothing was recorded after one, or before it, the nearest windows that
    have calls are taken instead, within the same three minutes.
    """
    first = windows.start + -(-(at - windows.start) // windows.window_s) * windows.window_s
    length = max(LOOK_S, LEAST_WINDOWS * windows.window_s)
    last = first - windows.window_s if first > at else first
    seen = np.unique(windows.calls["window"].to_numpy(np.int64))
    after, earlier = seen[(seen >= first) & (seen < first + length)], seen[(seen >= first - length) & (seen < last)]
    if len(after) < LEAST_WINDOWS <= len(earlier):
        first = last = int(np.concatenate((earlier, after))[-LEAST_WINDOWS])
    elif (seen < last).sum() < LEAST_WINDOWS < len(after):
        first = last = int(after[LEAST_WINDOWS])
    return (float(windows.start), float(last)), (float(first), min(first + length, float(windows.end)))


def suspects_around(
    windows: Windows, graph: Graph, findings: list[Finding], at: float, *, surely: bool, since: float = -inf
) -> tuple[list[Suspect], bool]:
    """Rank what may have gone wrong at the moment, the likeliest first, at most ten; and whether it is an incident.

    What is out of the ordinary for a service counts, and is an incident if it costs users what they would notice. Where
    nothing does, there is none, if the past is `surely` normal; else it may hold faults of the same kind, and whatever
    changed is ranked. since: Unix seconds; what was before that is no measure of what is usual.
    """
    before, during = stretches_around(windows, at)
    before = max(before[0], since), before[1]
    calls, shared = told_by_callers(windows), shared_names(windows)
    was, now = _between(calls, before), _between(calls, during)
    blamed = blame(windows, graph, before, during)
    usually = fences(was, before[1], during[1] - during[0])
    least = LEAST_RISE if usually.known else 0.0
    ranked = _ranked(windows, findings, was, now, during, blamed, usually, least, shared)
    if ranked:
        return ranked, True
    usually = usually if surely else NOTHING_KNOWN
    return _ranked(windows, findings, was, now, during, blamed, usually, 0.0, shared), not surely


def _ranked(
    windows: Windows,
    findings: list[Finding],
    was: pd.DataFrame,
    now: pd.DataFrame,
    during: tuple[float, float],
    blamed: list[Blamed],
    usually: Fences,
    least: float,
    shared: frozenset[str],
) -> list[Suspect]:
    """least: the share of everybody's usual time by which somebody must have become slower."""
    blamed = _beyond(blamed, usually)
    compared = shifts(was, now, usually, shared)
    usual = sum(s.usual for s in compared)
    slower = without_pauses([s for s in compared if s.extra > least * usual], blamed, failed_calls(windows, during))
    failed, extra = sum(b.failed for b in blamed), sum(s.extra for s in slower)
    by_failures = {b.component: b.failed / failed for b in blamed}
    by_time = {s.service: s.extra / extra for s in slower}
    weights = (
        _contrast(by_failures) * _size(failed, float(now["originals"].sum())),
        _contrast(by_time) * _size(extra, usual),
    )
    known = {b.component: blamed_suspect(windows, b, by_failures[b.component], findings, during) for b in blamed}
    known |= {s.service: slow_suspect(windows, s, findings, during) for s in slower if s.service not in known}
    heads = {max(by, key=lambda name: (by[name], name)) for by in (by_failures, by_time) if by}
    untold = untold_waits(now)
    ranked = [
        _weighed(
            s, weights, (by_failures.get(n, 0.0), by_time.get(n, 0.0)), agree=len(heads) == 1, told=n not in untold
        )
        for n, s in known.items()
    ]
    return sorted(ranked, key=lambda s: (-s.score, s.component))[:10]


def _weighed(
    suspect: Suspect, weights: tuple[float, float], shares: tuple[float, float], *, agree: bool, told: bool
) -> Suspect:
    """The suspect with its part in both lists of evidence, each as weighty as its contrast.

    agree: whether the same suspect leads both lists; where they contradict each other, neither is sure. told: whether
    it is told how long its own calls took, which may be all of its time.
    """
    by_failures, by_time = weights[0] * shares[0], weights[1] * shares[1]
    total = sum(weights)
    score = (by_failures + by_time) / (total if total > 0 else 1.0)
    certainty = 1 - (1 - by_failures) * (1 - by_time) if agree else min(score, max(by_failures, by_time))
    return replace(suspect, score=float(score), certainty=float(certainty * (1.0 if told else UNTOLD)))


def _beyond(blamed: list[Blamed], usually: Fences) -> list[Blamed]:
    """The blamed with the failures that are not usual for them, and not chance."""
    if not usually.known:
        return blamed
    out: list[Blamed] = []
    for b in blamed:
        failed = b.failed - max(0.0, usually.failed.get(b.component, 0.0) * b.attempts - b.usual)
        if failed > CHANCE * np.sqrt(max(b.usual, 1.0)):
            out.append(replace(b, failed=float(failed)))
    return sorted(out, key=lambda b: (-b.failed, b.component))


def _between(calls: pd.DataFrame, stretch: tuple[float, float]) -> pd.DataFrame:
    return calls[(calls["window"] >= stretch[0]) & (calls["window"] < stretch[1])]


def _contrast(shares: dict[str, float]) -> float:
    """The margin between the first and the second of a list, 0..1."""
    first, second = [*sorted(shares.values(), reverse=True), 0.0, 0.0][:2]
    return (first - second) / first if first > 0 else 0.0


def _size(extra: float, usual: float) -> float:
    """How much of a change it is, 0..1: a half where it is as large as the smallest rise that matters."""
    share = extra / usual if usual > 0 else float(extra > 0)
    return share / (share + LEAST_RISE)


def group_around(windows: Windows, findings: list[Finding], top: Suspect | None, at: float) -> Group:
    """The stretch in which the likeliest suspect was out of the ordinary, as an incident without user symptoms."""
    before, during = stretches_around(windows, at)
    start, end = during[0], during[1]
    if top is not None and top.kind == "slow":
        start, end = _out_of_the_ordinary(windows, top.service, before, during)
    inside = tuple(f for f in findings if f.started_at < end and f.until(inf) > start)
    return Group(start, None if end >= windows.end else end, (), inside)


def _out_of_the_ordinary(
    windows: Windows, service: str, before: tuple[float, float], during: tuple[float, float]
) -> tuple[float, float]:
    """First and one past the last moment at which the service's calls took unusually long, near the stretch."""
    took = _seconds_per_call(windows, service)
    first, last = (int((t - windows.start) // windows.window_s) for t in during)
    history = took[: int((before[1] - windows.start) // windows.window_s)]
    history = history[np.isfinite(history)]
    if not len(history):
        return during
    low, middle, high = np.quantile(history, (0.25, 0.5, 0.75))
    slow = took > middle + QUARTILES * max(high - low, LEAST_RISE * middle)
    slow = np.where(np.isfinite(took), slow, False)
    start = next((w for w in range(max(0, first - HORIZON), last) if slow[w : w + 2].all()), first)
    end = start
    quiet = 0
    for window in range(start, len(slow)):
        quiet = 0 if slow[window] else quiet + 1
        end = window + 1 if slow[window] else end
        if quiet > HORIZON:
            break
    to_time = windows.start, windows.window_s
    return float(to_time[0] + start * to_time[1]), float(max(to_time[0] + end * to_time[1], during[1]))


def _seconds_per_call(windows: Windows, service: str) -> Floats:
    rows = windows.calls[windows.calls["server"] == service]
    table = tally(windows, rows.assign(ns=rows["server_ns"] + rows["uncovered_ns"]), ("server",), ("ns", "attempts"))
    if not len(table):
        return np.full((windows.end - windows.start) // windows.window_s, np.nan)
    attempts = table["attempts"][0]
    return np.divide(table["ns"][0] / 1e9, attempts, out=np.full_like(attempts, np.nan), where=attempts > 0)
