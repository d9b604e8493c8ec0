"""Queues whose oldest work grew old: somebody asks for more than is worked off.

Depth depends on how much a component does; age does not, and it is what those who wait feel. Queues that stand (the
age does not fall to nothing between two windows) are the sign of overload (Nichols and Jacobson, "Controlling Queue
Delay", CoDel, ACM Queue 2012). The component need not be one that anybody calls by name: a network device counts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .queries import sql
from .runs import Run, runs, sure_at
from .series import Floats, carried, concept, gauge, scrape_gap

OLD_S = 1.0
"""Who waits for a second notices; clients' usual time-outs are one to ten seconds."""

RISEN = 3.0
"""So many times its usual age: a queue that is always so old is how things are."""


def queueing(windows: Windows) -> list[Finding]:
    """Find components whose queue grew old."""
    table = gauge(windows, concept(windows, "queue_age_s"), ("component",))
    if not len(table):
        return []
    ages = carried(table["value"], scrape_gap(windows))
    found: list[Finding] = []
    for row, name in enumerate(table.names("component")):
        old = ages[row] >= np.maximum(OLD_S, RISEN * _usual(ages[row]))
        seen = np.isfinite(table["value"][row])
        found += [_finding(windows, name, ages[row], run, seen) for run in runs(old, old)]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def old_by(finding: Finding, at: float) -> bool:
    """Whether the queue may have been old at the moment (Unix seconds): no scrape found it young after that.

    Work waits for what fails, too, so a queue that was young after a failure had begun is no cause of it.
    """
    return float(finding.facts["young_at"]) <= at


def _usual(ages: Floats) -> Floats:
    """[windows] The median age until then of the windows that were not old, nothing before any was seen."""
    calm = pd.Series(np.where(ages < OLD_S, ages, np.nan)).expanding().median()
    return np.nan_to_num(calm.to_numpy(np.float64))


def _finding(windows: Windows, name: str, ages: Floats, run: Run, seen: NDArray[np.bool_]) -> Finding:
    lasted = stretch_of(windows, run.start, run.end)
    during = lasted.up_to(windows.end)
    worst = float(np.nanmax(ages[run.start : run.end]))
    before = ages[: run.start][np.isfinite(ages[: run.start])]
    usual = float(np.median(before)) if len(before) else 0.0
    young = int(np.flatnonzero(seen[: run.start]).max(initial=-1))
    young_at = lasted.started_at if young < 0 else float(windows.start + young * windows.window_s)
    # what waits for ever, as a gauge without bounds may say, has waited at least as long as the queue was old
    told = f"up to {worst:.0f} s" if np.isfinite(worst) else "ever"
    longest = worst if np.isfinite(worst) else during[1] - during[0]
    evidence = Evidence(
        statement=f"the oldest work in {name}'s queue waited for {told}, {usual:.1f} s before",
        query=sql("signals", '"window", value', during, component=name, concept="queue_age_s"),
        window=during,
        observed=longest,
        expected=usual,
    )
    return Finding(
        detector="queueing",
        kind="queueing",
        component=name,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0 - OLD_S / (worst + OLD_S),
        evidence=(evidence,),
        facts={"alarm_at": sure_at(windows, run), "age_s": longest, "young_at": young_at},
    )
