"""Targets that health checks take out and put back, again and again.

Counted are changes of state: reported flips where there are any, else the rises and falls of the
number of healthy hosts. A rollout moves hosts once; flapping keeps on moving them. What the checks
then do (a zone taken out of service) is seen in the number of healthy hosts. (AWS post-event
summary, October 2025, on network load balancers whose targets had entered service before
their network state.)
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .change_point import LEAST_FACTOR, change_point
from .cusum import Episode
from .episodes import alarm_time, episodes
from .queries import sql
from .series import Table, carried, concept, gauge, tally

TICKS = 20.0
"""Flips are held against a clock of so many ticks a window: at rest (1 in 100) that is a flip in five windows,
and it takes more than one a window to be more than a disturbance."""

LASTING_WINDOWS = 5
"""Shorter bursts are a rollout or one failing rack, not a loop."""


def health_check_flapping(windows: Windows) -> list[Finding]:
    """Find balancers whose targets keep changing between healthy and unhealthy."""
    table = _flips(windows)
    if not len(table):
        return []
    flips = table["flips"]
    found = episodes(flips, flips + TICKS)
    lasting = [e for e in found if (flips.shape[1] if e.end is None else e.end) - e.onset >= LASTING_WINDOWS]
    return sorted((_finding(windows, table, e) for e in lasting), key=lambda f: (f.started_at, f.component))


def calmed_at(windows: Windows, finding: Finding) -> float | None:
    """When its targets began to flip by a third less often for good, else when they no longer did; Unix seconds.

    Checks that are late go on flipping while what had piled up is worked off: what struck them is over before.
    """
    table = _flips(windows)
    first, after = (int((at - windows.start) // windows.window_s) for at in finding.up_to(windows.end))
    flips = table["flips"][table.names("component").index(finding.component), first:after]
    split = change_point(flips, flips + TICKS)
    if split is None or LEAST_FACTOR * flips[split:].mean() > flips[:split].mean():
        return finding.ended_at
    return float(windows.start + (first + split) * windows.window_s)


def _flips(windows: Windows) -> Table:
    reported = concept(windows, "health_flips")
    told = tally(windows, reported.assign(flips=reported["value"]), ("component",), ("flips",))
    hosts = concept(windows, "healthy_hosts")
    hosts = hosts[~hosts["component"].isin(told.names("component"))]
    zones = gauge(windows, hosts, ("component", "item"))
    if not len(zones):
        return told
    level = carried(zones["value"], 2)
    moved = np.abs(np.diff(level, axis=1, prepend=level[:, :1]))
    moved = pd.DataFrame(np.nan_to_num(moved)).groupby(zones.keys["component"].to_numpy(), sort=True).sum()
    keys = pd.concat([told.keys, pd.DataFrame({"component": moved.index})], ignore_index=True)
    return Table(keys, {"flips": np.vstack([told["flips"], moved.to_numpy(np.float64)])})


def _finding(windows: Windows, table: Table, episode: Episode) -> Finding:
    component = table.names("component")[episode.series]
    lasted = stretch_of(windows, episode.onset, episode.end)
    known_at = max(alarm_time(windows, episode), lasted.started_at + LASTING_WINDOWS * windows.window_s)
    during = lasted.up_to(windows.end)
    flips = table["flips"][episode.series, episode.onset : episode.end]
    rate = float(flips.mean())
    evidence = [
        Evidence(
            statement=f"targets of {component} changed between healthy and unhealthy {flips.sum():,.0f} times",
            query=sql("signals", "item, value", during, component=component, concept="health_flips"),
            window=during,
            observed=rate,
            expected=episode.usual * TICKS,
        )
    ]
    evidence += _capacity(windows, component, during)
    return Finding(
        detector="health_check_flapping",
        kind="health_check_flapping",
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=episode.rate,
        evidence=tuple(evidence),
        facts={"alarm_at": known_at, "flips_per_window": rate},
    )


def _capacity(windows: Windows, component: str, window: tuple[float, float]) -> list[Evidence]:
    """What the checks took away: the fewest healthy hosts in the stretch against the median before."""
    hosts = concept(windows, "healthy_hosts")
    hosts = hosts[hosts["component"] == component].groupby("window")["value"].sum()
    before, during = hosts[hosts.index < window[0]], hosts[(hosts.index >= window[0]) & (hosts.index < window[1])]
    if before.empty or during.empty or during.min() >= before.median():
        return []
    return [
        Evidence(
            statement=f"its healthy hosts fell to {during.min():,.0f}, of {before.median():,.0f} before",
            query=sql("signals", "item, value", window, component=component, concept="healthy_hosts"),
            window=window,
            observed=float(during.min()),
            expected=float(before.median()),
        )
    ]
