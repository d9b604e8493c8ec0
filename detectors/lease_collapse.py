"""Lease collapse: leases that have lapsed are queued for renewal all at once, and each attempt is too old when it ends.

Work that finished too late is queued again, so the queue feeds itself and no lease comes back although workers are
busy. With N leases, C attempts a second and a time-out T, a first-in-first-out queue recovers only while
N / (C T) <= 2. Seen in the launch system of EC2 on 20 October 2025 (AWS post-event summary) for three hours after the
database that the leases need was back.
"""

from __future__ import annotations

import numpy as np

from ..collector.model import Windows
from .base import Evidence, Finding
from .queries import sql
from .series import Floats, carried, concept, gauge, tally
from .stretches import span_of, stretches

LAPSED = 0.9
"""Fewer than nine in ten of the usual leases: renewals that run late cost a few in a hundred, never that many."""

MOSTLY = 0.5
"""More of the work is wasted than done."""

GAP_S = 300.0
"""A pause of the work shorter than a usual lease time-out ("every few minutes") does not end the collapse."""

DONE = frozenset({"ok", "success", "succeeded", "completed", "established", "renewed", "granted"})


def lease_collapse(windows: Windows) -> list[Finding]:
    """Find components whose leases stay lapsed while their work on renewing them is wasted."""
    active = concept(windows, "leases_active")
    if active.empty:
        return []
    leases = gauge(windows, active, ("component",))
    gap = max(1, round(GAP_S / windows.window_s))
    found: list[Finding] = []
    for row, component in enumerate(leases.names("component")):
        held = carried(leases["value"][row : row + 1], gap)[0]
        done, wasted = _work(windows, component)
        found += [
            _finding(windows, component, held, done, wasted, run)
            for run in stretches(_low(held) & (done + wasted > 0), gap=gap, least=2)
            if wasted[slice(*run)].sum() > MOSTLY * (done + wasted)[slice(*run)].sum()
        ]
    return found


def _low(held: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Windows with far fewer leases than the component had at its best until then."""
    best = np.fmax.accumulate(np.nan_to_num(held, nan=0.0))
    return np.nan_to_num(held, nan=np.inf) < LAPSED * best


def _work(windows: Windows, component: str) -> tuple[Floats, Floats]:
    """Attempts per window that did their job, and those that did not."""
    rows = concept(windows, "work")
    rows = rows[rows["component"] == component]
    if rows.empty:
        nothing = np.zeros((windows.end - windows.start) // windows.window_s)
        return nothing, nothing
    table = tally(windows, rows, ("item",), ("value",))
    good = np.array([item.lower() in DONE for item in table.names("item")])
    return table["value"][good].sum(axis=0), table["value"][~good].sum(axis=0)


def _finding(
    windows: Windows, component: str, held: Floats, done: Floats, wasted: Floats, run: tuple[int, int]
) -> Finding:
    gap = max(1, round(GAP_S / windows.window_s))
    start, end = span_of(windows, run, gap=gap)
    until = float(windows.end) if end is None else end
    inside = slice(*run)
    good, bad = float(done[inside].sum()), float(wasted[inside].sum())
    best, least = float(np.nanmax(held[: run[0] + 1])), float(np.nanmin(held[inside]))
    share = bad / (good + bad)
    evidence = (
        Evidence(
            statement=f"{component} held {least:.0f} of its {best:.0f} leases at the least while its workers were busy",
            query=sql("signals", "component, value", (start, until), component=component, concept="leases_active"),
            window=(start, until),
            observed=least,
            expected=best,
        ),
        Evidence(
            statement=f"{share:.0%} of {good + bad:.0f} attempts to renew a lease were wasted: they ended too late",
            query=sql("signals", "item, value", (start, until), component=component, concept="work"),
            window=(start, until),
            observed=share,
            expected=0.0,
        ),
        *_queue_evidence(windows, component, (start, until)),
    )
    return Finding(
        detector="lease_collapse",
        kind="lease_collapse",
        component=component,
        started_at=start,
        ended_at=end,
        score=share,
        evidence=evidence,
        facts={"amplification": (good + bad) / max(good, 1.0), "wasted_share": share},
    )


def _queue_evidence(windows: Windows, component: str, span: tuple[float, float]) -> tuple[Evidence, ...]:
    rows = concept(windows, "queue_age_s")
    ages = rows[(rows["component"] == component) & (rows["window"] >= span[0]) & (rows["window"] < span[1])]["high"]
    if ages.empty:
        return ()
    return (
        Evidence(
            statement=f"the oldest work in its queue waited {ages.max() / 60:.0f} minutes",
            query=sql("signals", "item, high", span, component=component, concept="queue_age_s"),
            window=span,
            observed=float(ages.max()),
            expected=0.0,
        ),
    )
