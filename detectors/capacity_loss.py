"""Services of whose instances some are gone, by balancers' healthy hosts, available replicas, or scrapes.

Where instances go first and the rest is overloaded then, the loss is the cause. Where the load came first, instances
that are too busy to answer a scrape or a check look as if they were gone, but some time after the first failures. So a
finding tells until when all of them were seen (`full_at`), and `kinds` compares that with the onset.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .queries import sql
from .runs import Run, runs, sure_at
from .series import Floats, carried, concept, gauge, scrape_gap

KIND = "capacity_loss"
"""Of its findings: a sign, which opens no incident and prolongs none, since who has room to spare goes on without."""

LEAST = 0.2
"""The least loss that is told, one instance of five: who runs more has room for one less."""

CONCEPTS = ("healthy_hosts", "replicas", "up")
"""In this order, where several tell of one component: `up` is a share of targets, the others count."""


def capacity_loss(windows: Windows) -> list[Finding]:
    """Find components that lost some of their instances, and not all."""
    found: list[Finding] = []
    told: set[str] = set()
    for name in CONCEPTS:
        rows = concept(windows, name)
        by_window = rows.groupby(["window", "component"], observed=True)["value"].sum().reset_index()
        table = gauge(windows, by_window[~by_window["component"].isin(told)], ("component",))
        told |= set(table.names("component"))
        for row, component in enumerate(table.names("component")):
            there = carried(table["value"][[row]], scrape_gap(windows))[0]
            usual = _usual(there)
            some = (there > 0) & (there <= (1.0 - LEAST) * usual)
            seen = np.isfinite(table["value"][row])
            found += [_finding(windows, (component, name), there / usual, run, seen) for run in runs(some, some)]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _usual(there: Floats) -> Floats:
    """[windows] The median of all windows until then, NaN before any; a loss shorter than the time before it does not
    move it."""
    usual = pd.Series(there).expanding().median().shift(1).to_numpy(np.float64)
    return np.where(usual > 0, usual, np.nan)


def _finding(
    windows: Windows, about: tuple[str, str], share: Floats, run: Run, seen: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Finding:
    """about: component and concept. share: [windows] of the usual that is there; seen: [windows] whether it is read."""
    component, name = about
    lasted = stretch_of(windows, run.start, run.end)
    during = lasted.up_to(windows.end)
    least = float(np.nanmin(share[run.start : run.end]))
    full = int(np.flatnonzero(seen[: run.start]).max(initial=0))
    evidence = Evidence(
        statement=f"{1.0 - least:.0%} of {component}'s instances were gone",
        query=sql("signals", '"window", item, value', during, component=component, concept=name),
        window=during,
        observed=least,
        expected=1.0,
    )
    return Finding(
        detector="capacity_loss",
        kind=KIND,
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0 - least,
        evidence=(evidence,),
        facts={"alarm_at": sure_at(windows, run), "full_at": float(windows.start + full * windows.window_s)},
    )
