"""Which of several DNS servers is in trouble, and which calls must have ended in a look-up at it.

Each server is told of by its codes and by the questions that it left without an answer. It is the one that is at fault
where others are seen to answer well at the same time: then neither the names nor what is behind all servers are. That a
server's counters are told no longer says nothing of it: it may have been moved, or not be scraped. One whose counters
are still read, and stand still from the onset on while others' go on and look-ups time out, is likely it, and no more
than that: its clients may be cut off from it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from ..collector.edges import category
from ..collector.model import DNS_ERRORS, Windows
from .base import ALIKE, HORIZON, MOSTLY, Evidence, Finding
from .blamed import Blamed
from .codes import BY_SERVER, possible
from .cusum import ENOUGH, LEAST_RISE, WORST
from .dns_rcodes import FAILURES, answers
from .edges import LEAST_REQUESTS
from .graph import callees
from .queries import sql
from .series import calls_over, components
from .unresolved import UNSAID, Unresolved
from .way import LAG_S

APART = 0.1
"""Servers that share what fails them fail like shares of their answers, a few times one another's where more or less
of them comes from a cache. Whose share rose by less than a tenth of another's does not share its trouble."""

BEGUN = 0.25
"""Of how many fail in a window of a stretch on average: so many show that it has begun. Connections that are open go on
for a while, so that ever more fail at first."""

TOLD = 0.2
"""Of calls that are lost beside look-ups and with them at least a fifth must be told to be look-ups; fewer may fail by
chance as something else breaks."""


@dataclass(frozen=True)
class Sick:
    """The one server of several that is in trouble.

    whole: whether it fails nearly all that it is asked. again: whether it answers half as much well as before or more
    all the same, so that it may be asked again and again for what it fails, and be well for all else. ceased: that it
    fails is not told, only this, that it has answered nothing since.
    """

    server: str
    whole: bool
    again: bool = False
    ceased: Evidence | None = None


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
                whole = bool(mine["share"].max() >= WORST)
                return Sick(name, whole, again=whole and bool(mine["kept"].max() >= ALIKE))
    return None


def ceased(windows: Windows, during: tuple[float, float]) -> Sick | None:
    """The one server whose counters stand still since the onset, where those of all others go on, half as fast or more.

    It answered as usual at the last scrape before; within the lag of scrapes it may still tell of some answers, and
    at two scrapes, and all later ones, of none.
    """
    for counted in BY_SERVER:
        told = answers(windows, counted)
        told = told[told["window"] < during[1]].groupby(["component", "window"], observed=True)["value"].sum()
        levels = told.unstack("component").sort_index()
        recent = levels[levels.index >= during[0] - HORIZON * windows.window_s]
        before, since = (recent[recent.index < during[0]], recent[recent.index >= during[0]])
        usual = before.median()[before.sum() >= LEAST_REQUESTS]
        if len(usual) < 2:
            continue
        last = before[usual.index].apply(_last)
        still = [name for name in usual.index if last[name] >= ALIKE * usual[name] and _stands(since[name], during[0])]
        others = since[usual.index.drop(still)].dropna(how="all")
        if len(still) == 1 and len(others) and (others.ffill().iloc[-1] >= ALIKE * usual.drop(still)).all():
            server = str(still[0])
            return Sick(server, False, ceased=_nothing(server, counted, float(usual[server]), during))
    return None


def _last(values: pd.Series[float]) -> float:
    told = values.dropna()
    return float(told.iloc[-1]) if len(told) else 0.0


def _stands(since: pd.Series[float], onset: float) -> bool:
    """Whether the counter stands still, but for what it had to tell at first."""
    told = since.dropna()
    return len(told) > 1 and not told.iloc[-2:].any() and not told[told.index >= onset + LAG_S].any()


def _nothing(server: str, counted: str, usual: float, during: tuple[float, float]) -> Evidence:
    return Evidence(
        statement=f"{server} answered nothing any more, "
        "where each other server answered half as much as before or more",
        query=sql("signals", "component, item, value", during, concept=counted),
        window=during,
        observed=0.0,
        expected=usual,
    )


def _rose(windows: Windows, counted: str, failure: str, during: tuple[float, float]) -> pd.DataFrame:
    """[servers] share: of what was asked in the stretch, how much failed so; rose: by how much more than before; kept:
    how much was answered well in a window, of how much was before.

    Of servers of which enough is counted in the stretch to tell.
    """
    rows = answers(windows, counted)
    bad = [code for code, failed_so in FAILURES.items() if failed_so in possible(failure)]
    rows = rows.assign(failed=rows["value"].where(rows["code"].isin(bad), 0.0))
    late = (rows["window"] >= during[0]) & (rows["window"] < during[1])
    shares, well = [], []
    for stretch in (late, rows["window"] < during[0]):
        told = rows[stretch].groupby("component", observed=True)
        sums, count = told[["failed", "value"]].sum(), told["window"].nunique()
        enough = sums["value"] >= LEAST_REQUESTS
        shares.append((sums["failed"] / sums["value"])[enough])
        well.append(((sums["value"] - sums["failed"]) / count)[enough])
    (share, before), (now, then) = shares, well
    rose = share - before.reindex(share.index).fillna(0.0)
    return pd.DataFrame({"share": share, "rose": rose, "kept": (now / then.reindex(now.index)).fillna(0.0)})


def in_look_ups(
    windows: Windows, unresolved: Unresolved, blamed: list[Blamed], sick: Sick | None, during: tuple[float, float]
) -> list[Blamed]:
    """The callees that nobody reached because of look-ups, where one server of several is in trouble.

    A client that gives up connecting before its look-up does says no more than that. Most calls that a callee lost must
    be of clients whose look-ups fail at a like rate; where a client never says that a look-up failed, it must lose the
    calls to several callees, at a rate like that of the names: what breaks one callee breaks it for all its callers.
    They must not have begun to fail before the look-ups did, nor be more than those that failed in look-ups for sure;
    unless a fifth of both are told to be look-ups, by at least twice as many clients as never say so.
    """
    beside = [b for b in blamed if nobody_answered(b)]
    if sick is None or not beside:
        return []
    calls = _calls(windows, during, {b.component for b in beside})
    edges = _joined(calls, unresolved)
    callee = edges.index.get_level_values("callee").astype(str)
    early = _early(calls)
    mine = [b for b in beside if b.component in callee and not early[b.component]]
    unsaid = edges[edges["wordless"] & callee.isin([b.component for b in mine])]
    few = 2 * unsaid.index.get_level_values("client").nunique() <= len(unresolved.callers)
    lost = sum(b.failed for b in mine)
    told = few and unresolved.failed >= TOLD * (unresolved.failed + lost)
    return mine if told or lost <= unresolved.failed else []


def nobody_answered(blamed: Blamed) -> bool:
    """Whether calls to it ended with nobody, and no word says where."""
    return blamed.how == "unreached" and blamed.failure in ("connect", "other")


def _calls(windows: Windows, during: tuple[float, float], named: Collection[str]) -> pd.DataFrame:
    """Calls by window, client and callee: attempts, unresolved, and lost, which nobody answered or tells more of.

    named: what is judged by itself; a name among these, by which several answer, is its own callee.
    """
    counts = ["window", "attempts", "refused", *UNSAID, *DNS_ERRORS]
    client, server = windows.edges.categories["client"], windows.edges.categories["server"]
    everybody, peer = windows.edges.names["client"] != "", windows.edges.names["peer"]
    callee = category(pd.Series(callees(windows).astype(object)).mask(peer.isin(named), peer))
    rows = calls_over(windows, everybody, counts, *during, client=client, server=server, callee=callee)
    lost = (rows[UNSAID].sum(axis=1) - rows["refused"]).clip(lower=0)  # who was refused was past the look-up
    return rows[["window", "client", "callee", "attempts"]].assign(
        unresolved=rows[list(DNS_ERRORS)].sum(axis=1), lost=lost.where(rows["server"] == "", 0)
    )


def _joined(calls: pd.DataFrame, unresolved: Unresolved) -> pd.DataFrame:
    """[client, callee] Lost calls of clients that lose as much in look-ups, to callees most of whose are such.

    lost: how many; wordless: whether the client never says that a look-up failed. How much a client loses in look-ups
    is told by its calls that mostly end so: by the client it depends, and by the library, which of them can tell.
    """
    edges = calls.groupby(["client", "callee"], observed=True)[["attempts", "unresolved", "lost"]].sum()
    edges = edges[edges["attempts"] > 0]
    telling = edges[(edges["unresolved"] >= ENOUGH) & (edges["unresolved"] > edges["lost"])]
    whole = edges.groupby(level="client", observed=True).sum()
    said = telling.groupby(level="client", observed=True).sum().reindex(whole.index)
    rate = (said["unresolved"] / said["attempts"]).fillna(whole["unresolved"] / whole["attempts"])
    typical = unresolved.failed / max(sum(b.attempts for b in unresolved.names), 1.0)
    several = (edges["lost"] >= ENOUGH).groupby(level="client", observed=True).sum() > 1
    wordless = several & (whole["unresolved"] == 0)
    of = edges.index.get_level_values("client")
    looked_up = rate.where(~wordless, typical).reindex(of).to_numpy()
    edges = edges.assign(wordless=wordless.reindex(of).to_numpy())
    theirs = edges[ALIKE * edges["lost"] <= looked_up * edges["attempts"]]
    theirs = theirs[theirs["lost"] > 0]
    part = theirs.groupby(level="callee", observed=True)["lost"].sum()
    every = edges.groupby(level="callee", observed=True)["lost"].sum().reindex(part.index)
    most = part.index[part > MOSTLY * every]
    return theirs.loc[theirs.index.get_level_values("callee").isin(most), ["lost", "wordless"]]


def _early(calls: pd.DataFrame) -> pd.Series[bool]:
    """[callees] Whether it lost calls before look-ups failed, and more than a few whose time is a matter of chance."""
    failed = calls.groupby("window")["unresolved"].sum()
    since = float(failed.index[failed >= BEGUN * failed.mean()].min())
    every = calls.groupby("callee", observed=True)["lost"].sum()
    before = (
        calls[calls["window"] < since].groupby("callee", observed=True)["lost"].sum().reindex(every.index).fillna(0)
    )
    return (before >= ENOUGH) & (before > LEAST_RISE * every)
