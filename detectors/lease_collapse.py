"""Work on leases that times out before it is done and is queued again, so that leases stay lost.

With first-in first-out, no cancelling and a time limit T from queueing, a manager of capacity C
recovers N leases that are due at once only if N / (C T) <= 2; beyond it, everything it finishes is
late. In telemetry: leases stand far below what they once were, work goes on, most of it ends in a
time-out, and the queue grows old. (AWS post-event summary, October 2025, on its lease manager;
the general shape: Bronson et al., "Metastable failures in distributed systems", HotOS 2021.)
"""

from __future__ import annotations

import numpy as np

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .queries import sql
from .runs import Run, runs, sure_at
from .series import Flags, Floats, carried, concept, gauge, tally, window_count

LOST, BACK = 0.9, 0.99
"""Shares of the most leases ever held, below which they count as lost and above which as back.

Normal churn is a few in a hundred; between the two a collapse goes on but none begins.
"""

WASTED_SHARE = 0.5
"""More work thrown away than done: with N / (C T) > 2 at most half of what is finished is in time."""

TOO_LATE = frozenset({"timeout", "timed_out", "timedout", "late", "expired", "deadline_exceeded"})
"""Outcomes of work that was thrown away because it ended too late; any other failure is not this loop's doing."""


def lease_collapse(windows: Windows) -> list[Finding]:
    """Find managers whose work is mostly wasted while their leases stay lost."""
    leases = gauge(windows, concept(windows, "leases_active"), ("component",))
    found: list[Finding] = []
    for index, component in enumerate(leases.names("component")):
        held = carried(leases["value"][index : index + 1], 2)[0]
        found.extend(_collapses(windows, component, held))
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _collapses(windows: Windows, component: str, held: Floats) -> list[Finding]:
    most = np.fmax.accumulate(np.nan_to_num(held))
    lost = held < BACK * most
    done, wasted = _work(windows, component)
    total = done + wasted
    futile = (held < LOST * most) & (total > 0) & (wasted > WASTED_SHARE * total)
    found: list[Finding] = []
    for run in runs(futile, lost):
        first = _queue_began(windows, component, run.start, lost)
        found.append(_finding(windows, component, run, first, held, most, done, wasted))
    return found


def _work(windows: Windows, component: str) -> tuple[Floats, Floats]:
    """Work with any other outcome, and work that ended too late, per window."""
    rows = concept(windows, "work")
    rows = rows[rows["component"] == component]
    late = rows["item"].str.lower().isin(TOO_LATE)
    rows = rows.assign(done=rows["value"].where(~late, 0.0), wasted=rows["value"].where(late, 0.0))
    table = tally(windows, rows, ("component",), ("done", "wasted"))
    if not len(table):
        nothing = np.zeros(window_count(windows))
        return nothing, nothing
    return table["done"][0], table["wasted"][0]


def _queue_began(windows: Windows, component: str, start: int, lost: Flags) -> int:
    """The window in which the queue that now times out began to stand; `start` where no queue is reported.

    The first time-outs come one time limit after the overload that causes them.
    """
    depth = gauge(windows, concept(windows, "queue_depth"), ("component",))
    names = depth.names("component")
    if component not in names:
        return start
    standing = carried(depth["value"], 2)[names.index(component)] > 0
    first = start
    while first > 0 and standing[first - 1] and lost[first - 1]:
        first -= 1
    return first


def _finding(
    windows: Windows, component: str, run: Run, first: int, held: Floats, most: Floats, done: Floats, wasted: Floats
) -> Finding:
    lasted = stretch_of(windows, first, run.end)
    during = lasted.up_to(windows.end)
    stretch = slice(run.start, run.end)
    finished, thrown = float(done[stretch].sum()), float(wasted[stretch].sum())
    least = float(np.nanmin(held[stretch]))
    evidence = (
        Evidence(
            statement=f"{component} held {least:,.0f} leases at the least, of {most[run.start]:,.0f} before",
            query=sql("signals", "value", during, component=component, concept="leases_active"),
            window=during,
            observed=least,
            expected=float(most[run.start]),
        ),
        Evidence(
            statement=f"{thrown:,.0f} of {thrown + finished:,.0f} pieces of its work were thrown away as too late",
            query=sql("signals", "item, value", during, component=component, concept="work"),
            window=during,
            observed=thrown / (thrown + finished),
            expected=0.0,
        ),
        *_queue_age(windows, component, during),
    )
    return Finding(
        detector="lease_collapse",
        kind="lease_collapse",
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=thrown / (thrown + finished),
        evidence=evidence,
        facts={
            "amplification": (thrown + finished) / max(finished, 1.0),
            "wasted_share": thrown / (thrown + finished),
            "alarm_at": sure_at(windows, run),
        },
    )


def _queue_age(windows: Windows, component: str, window: tuple[float, float]) -> tuple[Evidence, ...]:
    rows = concept(windows, "queue_age_s")
    ages = rows.loc[(rows["component"] == component) & rows["window"].between(*window, inclusive="left"), "high"]
    if ages.empty:
        return ()
    return (
        Evidence(
            statement=f"the oldest work in its queue had waited {ages.max() / 60:.0f} minutes",
            query=sql("signals", "item, high", window, component=component, concept="queue_age_s"),
            window=window,
            observed=float(ages.max()),
            expected=0.0,
        ),
    )
