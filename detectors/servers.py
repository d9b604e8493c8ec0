"""Which of several DNS servers is in trouble, and which calls must have ended in a look-up at it.

Each server is told of by its codes and by the questions that it left without an answer. It is the one that is at fault
where others are seen to answer well at the same time: then neither the names nor what is behind all servers are. That a
server's counters cease says nothing of it: it may have been moved, or not be scraped, or nobody may ask it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..collector.model import DNS_ERRORS, Windows
from .base import ALIKE, MOSTLY, Finding
from .blamed import Blamed
from .codes import BY_SERVER, possible
from .cusum import ENOUGH
from .dns_rcodes import FAILURES, answers
from .edges import LEAST_REQUESTS
from .graph import callees
from .series import calls_over, components
from .unresolved import UNSAID, Unresolved

APART = 0.1
"""Servers that share what fails them fail like shares of their answers, a few times one another's where more or less
of them comes from a cache. Whose share rose by less than a tenth of another's does not share its trouble."""


@dataclass(frozen=True)
class Sick:
    """The one server of several that is in trouble; share: of what it was asked since the onset, how much it failed."""

    server: str
    share: float


def telling(windows: Windows) -> set[str]:
    """The servers whose answers are counted one by one."""
    return {server for counted in BY_SERVER for server in components(windows, counted)}


def in_trouble(
    windows: Windows, unresolved: Unresolved, codes: list[Finding], during: tuple[float, float]
) -> Sick | None:
    """The one server that fails while all others that are asked enough to tell are well; None where nobody tells so.

    codes: of servers, that fit how the names fail. What servers count comes first, what is counted on the wire where
    that names none.
    """
    for counted in BY_SERVER:
        names = {f.component for f in codes if f.facts["counted"] == counted}
        if len(names) > 1:
            return None
        for name in names:
            rose = _rose(windows, counted, unresolved.failure, during)
            mine, others = rose[rose.index == name], rose[rose.index != name]
            if others["rose"].max() < APART * mine["rose"].max():  # of none it is NaN, which is less than nothing
                return Sick(name, float(mine["share"].max()))
    return None


def _rose(windows: Windows, counted: str, failure: str, during: tuple[float, float]) -> pd.DataFrame:
    """[servers] share: of what was asked in the stretch, how much failed so; rose: by how much more than before.

    Of servers of which enough is counted in the stretch to tell.
    """
    rows = answers(windows, counted)
    bad = [code for code, failed_so in FAILURES.items() if failed_so in possible(failure)]
    rows = rows.assign(failed=rows["value"].where(rows["code"].isin(bad), 0.0))
    late = (rows["window"] >= during[0]) & (rows["window"] < during[1])
    shares = []
    for stretch in (late, rows["window"] < during[0]):
        sums = rows[stretch].groupby("component", observed=True)[["failed", "value"]].sum()
        shares.append((sums["failed"] / sums["value"])[sums["value"] >= LEAST_REQUESTS])
    share, before = shares
    return pd.DataFrame({"share": share, "rose": share - before.reindex(share.index).fillna(0.0)})


def in_look_ups(
    windows: Windows, unresolved: Unresolved, blamed: list[Blamed], sick: Sick | None, during: tuple[float, float]
) -> list[Blamed]:
    """The callees that nobody reached because of look-ups, where one server of several is in trouble.

    A client that gives up connecting before its look-up does says no more than that. Most calls that a callee lost must
    be of clients whose look-ups fail at a like rate; where a client never says that a look-up failed, it must lose the
    calls to several callees, at a rate like that of the names: what breaks one callee breaks it for all its callers.
    They must not have begun to fail before the look-ups did, nor be more than those that failed in them for sure.
    """
    beside = [b for b in blamed if nobody_answered(b)]
    if sick is None or not beside:
        return []
    calls = _calls(windows, during)
    joined = _joined(calls, unresolved)
    since = _begun(calls, "unresolved")
    mine = [
        b for b in beside if b.component in joined and _begun(calls[calls["callee"] == b.component], "lost") >= since
    ]
    return mine if sum(b.failed for b in mine) <= unresolved.failed else []


def nobody_answered(blamed: Blamed) -> bool:
    """Whether calls to it ended with nobody, and no word says where."""
    return blamed.how == "unreached" and blamed.failure in ("connect", "other")


def _calls(windows: Windows, during: tuple[float, float]) -> pd.DataFrame:
    """Calls by window, client and callee: attempts, unresolved, and lost, which nobody answered or tells more of."""
    counts = ["window", "attempts", *UNSAID, *DNS_ERRORS]
    client, server = windows.edges.categories["client"], windows.edges.categories["server"]
    everybody = windows.edges.names["client"] != ""
    rows = calls_over(windows, everybody, counts, *during, client=client, server=server, callee=callees(windows))
    return rows[["window", "client", "callee", "attempts"]].assign(
        unresolved=rows[list(DNS_ERRORS)].sum(axis=1), lost=rows[UNSAID].sum(axis=1).where(rows["server"] == "", 0)
    )


def _joined(calls: pd.DataFrame, unresolved: Unresolved) -> set[str]:
    """The callees most of whose lost calls are of clients that lose as much in look-ups."""
    edges = calls.groupby(["client", "callee"], observed=True)[["attempts", "unresolved", "lost"]].sum()
    edges = edges[edges["attempts"] > 0]
    whole = edges.groupby(level="client", observed=True).transform("sum")
    typical = unresolved.failed / max(sum(b.attempts for b in unresolved.names), 1.0)
    several = (edges["lost"] >= ENOUGH).groupby(level="client", observed=True).transform("sum") > 1
    wordless = several & (whole["unresolved"] == 0)
    looked_up = (whole["unresolved"] / whole["attempts"]).where(~wordless, typical)
    theirs = (
        edges["lost"]
        .where(ALIKE * edges["lost"] <= looked_up * edges["attempts"], 0)
        .groupby(level="callee", observed=True)
        .sum()
    )
    every = edges["lost"].groupby(level="callee", observed=True).sum()
    return set(map(str, every.index[(every > 0) & (theirs > MOSTLY * every)]))


def _begun(calls: pd.DataFrame, how: str) -> float:
    """The first window in which at least half as many calls ended so as do on average."""
    counted = calls.groupby("window")[how].sum()
    return float(counted.index[counted >= ALIKE * counted.mean()].min())
