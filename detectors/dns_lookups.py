"""Names whose look-ups fail by the counters of those who look up (`dns.lookup.duration` with an error type).

A counter tells of every look-up, where spans are a sample; what it says of the failure is the
client's own word, read as any other client's (`collector.failures`).
"""

from __future__ import annotations

import numpy as np

from ..collector.failures import classify
from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .cusum import Episode
from .dns_failures import KINDS, most
from .edges import summed
from .episodes import alarm_time, episodes
from .queries import sql
from .series import Indices, Table, concept, tally

TICKS = 20.0
"""Failures are held against a clock of so many ticks a window, since good look-ups are often not counted: more than
one failure a window stands out against a quiet past."""


def dns_lookups(windows: Windows) -> list[Finding]:
    """Find names whose counted look-ups began to fail."""
    rows = concept(windows, "dns_lookup_failures")
    table = tally(windows, rows.rename(columns={"value": "failed"}), ("component",), ("failed",))
    if not len(table):
        return []
    width = _between_scrapes(windows, rows["window"].to_numpy(np.int64))
    # Between two scrapes the last rate stands.
    failed = np.array([summed(row, width) / width for row in table["failed"]])
    return [_finding(windows, table, e) for e in episodes(failed, failed + TICKS)]


def _between_scrapes(windows: Windows, seen: Indices) -> int:
    """Windows from one scrape to the next."""
    gaps = np.diff(np.unique(seen))
    return max(1, int(gaps.min()) // windows.window_s) if len(gaps) else 1


def _finding(windows: Windows, table: Table, episode: Episode) -> Finding:
    name = table.names("component")[episode.series]
    lasted = stretch_of(windows, episode.onset, episode.end)
    during = lasted.up_to(windows.end)
    failure = _failure(windows, name, during)
    evidence = Evidence(
        statement=f"{episode.failed:,.0f} look-ups of {name} failed by their clients' counters",
        query=sql("signals", "item, value", during, component=name, concept="dns_lookup_failures"),
        window=during,
        observed=episode.failed,
        expected=episode.failed - episode.excess,
    )
    return Finding(
        detector="dns_lookups",
        kind=KINDS[failure],
        component=name,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=episode.rate,
        evidence=(evidence,),
        facts={"failure": failure, "excess": episode.excess, "alarm_at": alarm_time(windows, episode)},
    )


def _failure(windows: Windows, name: str, stretch: tuple[float, float]) -> str:
    """The class with most look-ups; words that cannot tell give way to any that can."""
    rows = concept(windows, "dns_lookup_failures")
    rows = rows[(rows["component"] == name) & (rows["window"] >= stretch[0]) & (rows["window"] < stretch[1])]
    counts = rows.groupby("item", sort=True)["value"].sum()
    told: dict[str, float] = {}
    for word, count in counts.items():
        failure = classify(str(word)).removeprefix("dns_")
        if failure in KINDS:
            told[failure] = told.get(failure, 0.0) + float(count)
    return most(told)
