"""Caches that stopped keeping load from what stands behind them: their hit rate fell and stayed low.

A hit rate of 90 % hides ten times the load; once it is gone, what stands behind may be too busy to fill the cache
again (Bronson et al., HotOS 2021; Slack's incident of 22 February 2022). Read from the cache's own counters of hits and
misses, since no span of a caller tells a hit from a miss.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .queries import sql
from .runs import Run, runs, sure_at
from .series import Floats, carried, concept, tally

MISSES_GROWN = 2.0
"""So many times the usual misses are so many times the load behind the cache: more than a day's rhythm brings."""

HALFWAY = 0.5
"""Where misses are common they cannot double: then half of the hits must be gone."""

LEAST_USUAL = 0.01
"""Usual misses below one in a hundred are told as that: no more can be known of some fifty look-ups a window."""

LEAST_LOOKUPS = 50.0
"""Look-ups in a window below which a hit rate says little: its standard error is then up to 0.07."""

SCRAPE_S = 60
"""Counters are scraped every minute or more often; between two scrapes the last rate stands."""


def cache_loss(windows: Windows) -> list[Finding]:
    """Find caches that began to miss."""
    hits, misses = concept(windows, "cache_hits"), concept(windows, "cache_misses")
    if hits.empty and misses.empty:
        return []
    rows = pd.concat([hits.assign(hits=hits["value"], misses=0.0), misses.assign(hits=0.0, misses=misses["value"])])
    table = tally(windows, rows, ("component",), ("hits", "misses"))
    found: list[Finding] = []
    for row, name in enumerate(table.names("component")):
        rate = _rate(windows, table["misses"][row], table["hits"][row])
        usual = _usual(rate)
        lost = np.nan_to_num(rate) > np.minimum(MISSES_GROWN * usual, usual + HALFWAY * (1.0 - usual))
        lost &= np.isfinite(usual)
        found += [_finding(windows, name, rate, usual, run) for run in runs(lost, lost)]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def clients_of_lost_caches(windows: Windows) -> set[str]:
    """Clients of a cache that was lost: they ask the store more often for another reason."""
    lost = {finding.component for finding in cache_loss(windows)}
    if not lost:
        return set()
    calls = windows.calls
    return set(calls.loc[calls["server"].isin(lost) | calls["peer"].str.split(".").str[0].isin(lost), "client"])


def _rate(windows: Windows, misses: Floats, hits: Floats) -> Floats:
    """[windows] Share of look-ups that miss."""
    asked = hits + misses
    rate = np.divide(misses, asked, out=np.full(len(hits), np.nan), where=asked >= LEAST_LOOKUPS)
    return carried(rate[None, :], max(2, SCRAPE_S // windows.window_s))[0]


def _usual(rate: Floats) -> Floats:
    """[windows] The median of all windows until then; a loss shorter than the calm before it does not move it."""
    return pd.Series(rate).expanding().median().shift(1).to_numpy(np.float64)


def _finding(windows: Windows, name: str, rate: Floats, usual: Floats, run: Run) -> Finding:
    lasted = stretch_of(windows, run.start, run.end)
    during = lasted.up_to(windows.end)
    worst, before = float(np.nanmax(rate[run.start : run.end])), float(usual[run.start])
    evidence = Evidence(
        statement=f"{name} missed {worst:.0%} of its look-ups, {before:.0%} before: "
        f"{worst / max(before, LEAST_USUAL):.1f} times the load on what stands behind it",
        query=sql("signals", '"window", concept, value', during, component=name),
        window=during,
        observed=worst,
        expected=before,
    )
    return Finding(
        detector="cache_loss",
        kind="cache_loss",
        component=name,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=worst,
        evidence=(evidence,),
        facts={
            "alarm_at": sure_at(windows, run),
            "amplification": worst / max(before, LEAST_USUAL),
        },
    )
