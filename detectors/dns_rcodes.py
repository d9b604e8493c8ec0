"""Zones and servers whose share of bad answers rose, by the resolvers' own counters.

SERVFAIL and REFUSED are a server that cannot or will not answer; NXDOMAIN is a name that is gone.
NODATA is not among the codes (it is NOERROR without answers, RFC 2308), so silence here proves
nothing about an empty record.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding
from .dns_failures import KINDS
from .episodes import Episode, alarm_time, episodes, window_times
from .queries import sql
from .series import Floats, Table, concept, tally

FAILURES = {"NXDOMAIN": "nxdomain", "SERVFAIL": "servfail", "REFUSED": "refused"}


def dns_rcodes(windows: Windows) -> list[Finding]:
    """Find servers and zones that answer with more failures of one code than is usual for them."""
    rows = concept(windows, "dns_responses")
    rows = rows.assign(code=rows["item"].str.upper(), value=rows["value"].fillna(0.0))
    table = tally(windows, rows, ("component", "code"), ("value",))
    if not len(table):
        return []
    components = np.array(table.names("component"))
    totals = _undiluted(np.array([table["value"][components == component].sum(axis=0) for component in components]))
    failing = np.array([code in FAILURES for code in table.names("code")])
    found = episodes(np.where(failing[:, None], np.minimum(table["value"], totals), 0.0), totals)
    return [_finding(windows, table, episode) for episode in found]


def _undiluted(totals: Floats) -> Floats:
    """Answers per window, at most as many as usual until then.

    When callers ask again and again, a flood of answers of one code would hide all others, and
    their return to normal would then look like a rise.
    """
    usual = pd.DataFrame(totals.T).expanding().median().to_numpy(np.float64).T
    return np.minimum(totals, usual)


def _finding(windows: Windows, table: Table, episode: Episode) -> Finding:
    component, code = table.names("component")[episode.series], table.names("code")[episode.series]
    start, end = window_times(windows, episode)
    until = float(windows.end) if end is None else end
    evidence = Evidence(
        statement=f"{episode.rate:.0%} of the answers of {component} were {code}, against {episode.usual:.1%} before",
        query=sql("signals", "item, value", (start, until), component=component, concept="dns_responses"),
        window=(start, until),
        observed=episode.rate,
        expected=episode.usual,
    )
    return Finding(
        detector="dns_rcodes",
        kind=KINDS[FAILURES[code]],
        component=component,
        started_at=start,
        ended_at=end,
        score=episode.rate,
        evidence=(evidence,),
        facts={"failure": FAILURES[code], "excess": episode.excess, "alarm_at": alarm_time(windows, episode)},
    )
