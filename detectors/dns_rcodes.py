"""Zones and servers whose share of bad answers rose, or of questions without one, by the resolvers' own counters.

SERVFAIL and REFUSED are a server that cannot or will not answer; NXDOMAIN is a name that is gone. A question that a
server was asked and never answered is one that its client waited for in vain.
NODATA is not among the codes (it is NOERROR without answers, RFC 2308), so silence here proves nothing about an empty
record. Unbound counts such answers beside them. Those to AAAA questions are the rule where names have IPv4 addresses
alone; more of them than there were such questions are of names without any.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .codes import ANSWERS, BY_SERVER
from .cusum import LEAST_RISE, Episode
from .dns_failures import KINDS
from .episodes import alarm_time, episodes
from .queries import sql
from .series import Floats, Table, concept, tally

SILENT = ""
"""The code of no answer at all."""

EMPTY = "NODATA"
"""The code of answers without addresses, of those of NOERROR."""

FAILURES = {
    "NXDOMAIN": "nxdomain",
    "SERVFAIL": "servfail",
    "REFUSED": "refused",
    EMPTY: "nodata",
    SILENT: "timeout",
}


def dns_rcodes(windows: Windows) -> list[Finding]:
    """Find servers and zones that answer with more failures of one code, or less often, than is usual for them."""
    found = [f for counted in ANSWERS if counted in windows.concepts for f in _risen(windows, counted)]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def answers(windows: Windows, counted: str) -> pd.DataFrame:
    """The answers that one concept counts, and the questions without one: component, window, code (upper case) and
    value."""
    rows = concept(windows, counted)
    told = rows.assign(code=rows["item"].str.upper())[["component", "window", "code", "value"]]
    if counted not in BY_SERVER:
        return told
    asked = concept(windows, BY_SERVER[counted])
    parts = [told, _missing(asked, told).assign(code=SILENT)]
    if counted == "dns_server_responses":
        empty = _missing(concept(windows, "dns_server_empty"), concept(windows, "dns_server_aaaa"))
        parts += [empty.assign(code=EMPTY), empty.assign(code="NOERROR", value=-empty["value"])]
    return pd.concat(parts, ignore_index=True)


def _risen(windows: Windows, counted: str) -> list[Finding]:
    table = tally(windows, answers(windows, counted), ("component", "code"), ("value",))
    if not len(table):
        return []
    components = np.array(table.names("component"))
    totals = np.array([table["value"][components == component].sum(axis=0) for component in components])
    failing = np.array([code in FAILURES for code in table.names("code")])
    failed = np.where(failing[:, None], table["value"], 0.0)
    return [
        _finding(windows, counted, table, e)
        for e in episodes(failed, totals)
        if _rose(failed[e.series], totals[e.series], e)
    ]


def _missing(counted: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """By window and component how much of what was counted is not among what was told, where both are: value.

    A counter that is new stands at its first rise when it is first scraped, so that what it rose by is missed once:
    missing is what two scrapes running miss.
    """
    by = ["component", "window"]
    whole = counted.groupby(by, observed=True)["value"].sum()
    part = told.groupby(by, observed=True)["value"].sum()
    left = (whole - part.reindex(whole.index)).clip(lower=0.0).dropna()
    before = left.groupby("component", observed=True).shift(fill_value=0.0)
    return left.clip(upper=before).rename("value").reset_index()


def _rose(failed: Floats, totals: Floats, episode: Episode) -> bool:
    """Whether there were more such answers, and not only fewer others.

    A flood of good answers hides all others while it lasts; their share then returns without any
    of them being new.
    """
    stretch = slice(episode.onset, episode.alarm + 1)
    before = float(np.median(failed[: episode.onset])) if episode.onset else 0.0
    return float(failed[stretch].mean()) - before >= LEAST_RISE * float(totals[stretch].mean())


def _finding(windows: Windows, counted: str, table: Table, episode: Episode) -> Finding:
    component, code = table.names("component")[episode.series], table.names("code")[episode.series]
    lasted = stretch_of(windows, episode.onset, episode.end)
    during = lasted.up_to(windows.end)
    told = f"answers of {component} were {code}" if code else f"questions to {component} were never answered"
    evidence = Evidence(
        statement=f"{episode.rate:.0%} of the {told}, against {episode.usual:.1%} before",
        query=_query(counted, component, code, during),
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
        facts={
            "counted": counted,
            "failure": FAILURES[code],
            "excess": episode.excess,
            "alarm_at": alarm_time(windows, episode),
        },
    )


def _query(counted: str, component: str, code: str, during: tuple[float, float]) -> str:
    """What is missing, or empty, is told by what is counted beside the answers: by all of a server."""
    if code and code != EMPTY:
        return sql("signals", "item, value", during, component=component, concept=counted)
    return sql("signals", "concept, item, value", during, component=component)
