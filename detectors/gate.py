"""When users met failures: the gate that every incident has to pass.

Only requests that came in from outside count, each weighted by the share of its row that did, as spans, a server's
counters or probes from outside tell of them (`metric_calls`);
what fails behind them without a user noticing is no incident. The episodes' own hysteresis keeps
the gate from chattering.
"""

from __future__ import annotations

import pandas as pd

from ..collector.model import CALL_KEYS, Windows
from .base import Evidence, Finding
from .episodes import Episode, alarm_time, episodes, window_times
from .graph import name_owners
from .queries import sql
from .series import tables

KIND = "users_failed"


def user_visible(windows: Windows) -> list[Finding]:
    """Find the stretches in which users met more failures than they are used to, by entry service.

    facts: excess (failed requests above the usual), alarm_at (when this was certain).
    """
    rows = entered(windows)
    found: list[Finding] = []
    for table in tables(windows, rows, ("component",), ("entries", "failed")):
        names = table.names("component")
        stood_out = episodes(table["failed"], table["entries"])
        found += [_finding(windows, rows[rows["component"] == names[e.series]], names[e.series], e) for e in stood_out]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def entered(windows: Windows) -> pd.DataFrame:
    """The rows of calls that came in from outside, with component (what users met) and failed (requests of theirs)."""
    columns = [*CALL_KEYS, "attempts", "entries", "errors", "error_trace"]
    rows = windows.calls[columns][windows.calls["entries"] > 0]
    # A root client span is a user by itself: its service has no server span of its own.
    component = rows["client"].where(rows["client"] != "", rows["server"])
    if (component == "").any():  # a probe sees a name from outside, and neither side
        owners = name_owners(windows)
        component = component.where(component != "", rows["peer"].map(lambda name: owners.get(str(name)) or str(name)))
    share = rows["entries"] / rows["attempts"].clip(lower=1)
    return rows.assign(component=component, failed=rows["errors"] * share)


def _finding(windows: Windows, rows: pd.DataFrame, component: str, episode: Episode) -> Finding:
    start, end = window_times(windows, episode)
    until = float(windows.end) if end is None else end
    rows = rows[(rows["window"] >= start) & (rows["window"] < until)]
    failed, entries = rows["failed"].sum(), rows["entries"].sum()
    evidence = Evidence(
        statement=f"{failed:,.0f} of {entries:,.0f} requests of users of {component} failed: "
        f"{episode.rate:.0%} against {episode.usual:.1%} before",
        query=sql("calls", "client, server, entries, errors", (start, until), server=component),
        window=(start, until),
        observed=episode.rate,
        expected=episode.usual,
        traces=tuple(sorted(set(rows["error_trace"]) - {""})[:3]),
    )
    return Finding(
        detector="gate",
        kind=KIND,
        component=component,
        started_at=start,
        ended_at=end,
        score=episode.rate,
        evidence=(evidence,),
        facts={"excess": episode.excess, "alarm_at": alarm_time(windows, episode)},
    )
