"""When users met failures: the gate that every incident has to pass.

Only requests that came in from outside count, each weighted by the share of its row that did, as spans, a server's
counters or probes from outside tell of them (`metric_calls`);
what fails behind them without a user noticing is no incident. The episodes' own hysteresis keeps
the gate from chattering.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.edges import category
from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .cusum import ENOUGH, Episode
from .episodes import alarm_time, episodes
from .graph import name_owners
from .once import Once
from .past import past_of
from .queries import sql
from .series import calls_over, tables

KIND = "users_failed"


def user_visible(windows: Windows) -> list[Finding]:
    """Find the stretches in which users met more failures than they are used to, by entry service.

    facts: excess (failed requests above the usual), alarm_at (when this was certain).
    """
    rows = entered(windows)
    failed = rows[rows["failed"] > 0].groupby("component")["failed"].sum()
    rows = rows[rows["component"].isin(failed.index[failed >= ENOUGH])]
    found: list[Finding] = []
    for part, table in enumerate(tables(windows, rows, ("component",), ("entries", "failed"))):
        names = table.names("component")
        past = past_of(windows, f"{KIND} {part}", names)
        stood_out = episodes(table["failed"], table["entries"], past=past)
        found += [_finding(windows, rows[rows["component"] == names[e.series]], names[e.series], e) for e in stood_out]
    return sorted(found, key=lambda f: (f.started_at, f.component))


@Once
def entered(windows: Windows) -> pd.DataFrame:
    """The rows of calls that came in from outside: window, entries, component (what users met), failed (requests of
    theirs) and error_trace; timed, requests of which is known how long they took, and waited_s, that together."""
    names, came = windows.edges.names, (windows.calls["entries"] > 0).to_numpy(np.bool_)
    entry = pd.Series(windows.edges.any(came))
    # A root client span is a user by itself: its service has no server span of its own.
    component = names["client"].where(names["client"] != "", names["server"])
    if (entry & (component == "")).any():  # a probe sees a name from outside, and neither side
        owners = name_owners(windows)
        told = names["peer"].map(lambda name: owners.get(str(name)) or str(name))
        component = component.where(component != "", told)
    columns = ["window", "entries", "attempts", "errors", "error_trace", "client_ns", "server_ns"]
    rows = calls_over(windows, entry, columns, where=came, component=category(component))
    counts = ("entries", "attempts", "errors", "client_ns", "server_ns")
    entries, attempts, errors, client_ns, server_ns = (rows[name].to_numpy(np.float64) for name in counts)
    share = entries / np.where(attempts > 0, attempts, 1.0)  # scaled: below one
    took_ns = np.where(client_ns > 0, client_ns, server_ns)
    timed = np.where(took_ns > 0, entries, 0.0)
    kept = rows[["window", "entries", "error_trace", "component"]]
    return kept.assign(failed=errors * share, timed=timed, waited_s=took_ns * share / 1e9)


def _finding(windows: Windows, rows: pd.DataFrame, component: str, episode: Episode) -> Finding:
    lasted = stretch_of(windows, episode.onset, episode.end)
    during = lasted.up_to(windows.end)
    rows = rows[(rows["window"] >= during[0]) & (rows["window"] < during[1])]
    failed, entries = rows["failed"].sum(), rows["entries"].sum()
    names = windows.edges.names
    known = ((names["client"] == component) | (names["server"] == component)).any()
    met = "requests of users" if known else "probes"  # an address that a prober asks is nothing that users know
    evidence = Evidence(
        statement=f"{failed:,.0f} of {entries:,.0f} {met} of {component} failed: "
        f"{episode.rate:.0%} against {episode.usual:.1%} before",
        query=sql("calls", "client, server, entries, errors", during, server=component),
        window=during,
        observed=episode.rate,
        expected=episode.usual,
        traces=tuple(sorted(set(rows["error_trace"]) - {""})[:3]),
    )
    return Finding(
        detector="gate",
        kind=KIND,
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=episode.rate,
        evidence=(evidence,),
        facts={"excess": episode.excess, "alarm_at": alarm_time(windows, episode)},
    )
