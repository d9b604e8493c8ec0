"""Zones and servers whose share of bad answers rose, by the resolvers' own counters.

SERVFAIL and REFUSED are a server that cannot or will not answer; NXDOMAIN is a name that is gone.
NODATA is not among the codes (it is NOERROR without answers, RFC 2308), so silence here proves
nothing about an empty record.
"""

from __future__ import annotations

import numpy as np

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .cusum import LEAST_RISE, Episode
from .dns_failures import KINDS
from .episodes import alarm_time, episodes
from .queries import sql
from .series import Floats, Table, concept, tally

FAILURES = {"NXDOMAIN": "nxdomain", "SERVFAIL": "servfail", "REFUSED": "refused"}


def dns_rcodes(windows: Windows) -> list[Finding]:
    """Find servers and zones that answer with more failures of one code than is usual for them."""
    rows = concept(windows, "dns_responses")
    rows = rows.assign(code=rows["item"].str.upper())
    table = tally(windows, rows, ("component", "code"), ("value",))
    if not len(table):
        return []
    components = np.array(table.names("component"))
    totals = np.array([table["value"][components == component].sum(axis=0) for component in components])
    failing = np.array([code in FAILURES for code in table.names("code")])
    failed = np.where(failing[:, None], table["value"], 0.0)
    return [
        _finding(windows, table, e) for e in episodes(failed, totals) if _rose(failed[e.series], totals[e.series], e)
    ]


def _rose(failed: Floats, totals: Floats, episode: Episode) -> bool:
    """Whether there were more such answers, and not only fewer others.

    A flood of good answers hides all others while it lasts; their share then returns without any
    of them being new.
    """
    stretch = slice(episode.onset, episode.alarm + 1)
    before = float(np.median(failed[: episode.onset])) if episode.onset else 0.0
    return float(failed[stretch].mean()) - before >= LEAST_RISE * float(totals[stretch].mean())


def _finding(windows: Windows, table: Table, episode: Episode) -> Finding:
    component, code = table.names("component")[episode.series], table.names("code")[episode.series]
    lasted = stretch_of(windows, episode.onset, episode.end)
    during = lasted.up_to(windows.end)
    evidence = Evidence(
        statement=f"{episode.rate:.0%} of the answers of {component} were {code}, against {episode.usual:.1%} before",
        query=sql("signals", "item, value", during, component=component, concept="dns_responses"),
        window=during,
        observed=episode.rate,
        expected=episode.usual,
    )
    return Finding(
        detector="dns_rcodes",
        kind=KINDS[FAILURES[code]],
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=episode.rate,
        evidence=(evidence,),
        facts={"failure": FAILURES[code], "excess": episode.excess, "alarm_at": alarm_time(windows, episode)},
    )
