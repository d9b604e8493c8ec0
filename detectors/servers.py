"""Which of several DNS servers is in trouble, and which calls must have ended in a look-up at it.

Each server tells of itself: by the codes that it answered with or, where it hangs, by answers that ceased. As long as
the others are well neither the names nor the network is at fault.
"""

from __future__ import annotations

import pandas as pd

from ..collector.model import Windows
from .base import MOSTLY, Evidence, Finding
from .behind import ALIKE, LAG_S
from .blame import Blamed
from .codes import is_server, possible
from .cusum import ENOUGH, LEAST_RISE
from .graph import callees
from .queries import sql
from .series import calls_over, concept
from .unresolved import UNSAID, Unresolved


def telling(windows: Windows) -> set[str]:
    """The servers whose answers are counted one by one."""
    names = list(map(str, windows.edges.categories["peer"].categories))
    told = map(str, concept(windows, "dns_responses")["component"].unique())
    return {server for server in told if is_server(server, names)}


def in_trouble(
    windows: Windows, unresolved: Unresolved, codes: list[Finding], during: tuple[float, float]
) -> list[Finding]:
    """What tells of servers that fail the names: their codes, or else that the answers of a single one ceased."""
    servers = telling(windows)
    told = [f for f in codes if f.component in servers]
    if told or "timeout" not in possible(unresolved.failure):
        return told
    return _ceased(windows, servers, during)


def in_look_ups(
    windows: Windows,
    unresolved: Unresolved,
    blamed: list[Blamed],
    servers: list[Finding],
    during: tuple[float, float],
) -> list[Blamed]:
    """The callees that nobody reached because of look-ups, where one server of several is in trouble.

    What a network or a callee loses, all its callers lose. So these calls ended in their look-ups, too, if those of the
    same name did for others, or if most of them are of clients that lose the calls to several callees alike: a client
    that gives up connecting before its look-up does says no more than that.
    """
    sick = {f.component for f in servers}
    if len(sick) != 1 or telling(windows) <= sick:
        return []
    failing = set(map(str, unresolved.asked.index[unresolved.asked["unresolved"] > 0]))
    owners = failing | {name.partition(".")[0] for name in failing}
    blind = _blind(windows, during)
    return [
        b
        for b in blamed
        if nobody_answered(b) and (b.component in blind or not owners.isdisjoint({b.component, b.service}))
    ]


def nobody_answered(blamed: Blamed) -> bool:
    """Whether calls to it ended with nobody, and no word says where."""
    return blamed.how == "unreached" and blamed.failure in ("connect", "other")


def _ceased(windows: Windows, servers: set[str], during: tuple[float, float]) -> list[Finding]:
    """The only server that answers nearly nothing any more, while all others answer most of what they used to.

    What is scraped in the first minute may have been answered before the onset. Where several ceased, or one answers
    less, it may be that nobody asks, or that nobody counts.
    """
    since, until = during[0] + LAG_S, during[1]
    rows = concept(windows, "dns_responses")
    rows = rows[rows["component"].isin(servers)]
    before = rows[rows["window"] < during[0]].groupby("component", observed=True)["value"].sum()
    usual = before * max(0.0, until - since) / max(during[0] - windows.start, 1.0)
    usual = usual[usual >= ENOUGH]
    late = rows[(rows["window"] >= since) & (rows["window"] < until)]
    answered = late.groupby("component", observed=True)["value"].sum().reindex(usual.index, fill_value=0.0)
    silent = usual.index[answered < LEAST_RISE * usual]
    if len(usual) < 2 or len(silent) != 1 or (answered.drop(silent) < MOSTLY * usual.drop(silent)).any():
        return []
    name = str(silent[0])
    evidence = Evidence(
        statement=f"{name} answered {answered[name]:,.0f} questions within {until - since:.0f} s, "
        f"where {usual[name]:,.0f} are usual; of {len(usual)} servers it alone fell silent",
        query=sql("signals", "item, value", (since, until), component=name, concept="dns_responses"),
        window=(since, until),
        observed=float(answered[name]),
        expected=float(usual[name]),
    )
    found = Finding(
        detector="resolver",
        kind="dns.resolver_down",
        component=name,
        started_at=since,
        ended_at=_again(rows[rows["component"] == name], during),
        score=1.0 - float(answered[name] / usual[name]),
        evidence=(evidence,),
        facts={"failure": "timeout"},
    )
    return [found]


def _again(answers: pd.DataFrame, during: tuple[float, float]) -> float | None:
    """When a server first gave most of its usual answers again; None if it did not."""
    counted = answers.groupby("window")["value"].sum()
    usual = float(counted[counted.index < during[0]].mean())
    back = counted.index[(counted.index >= during[1]) & (counted >= MOSTLY * usual)]
    return float(back[0]) if len(back) else None


def _blind(windows: Windows, during: tuple[float, float]) -> set[str]:
    """Callees most of whose calls that ended with nobody are of clients which lose those to several callees alike."""
    calls = ["attempts", *UNSAID]
    client, server = windows.edges.categories["client"], windows.edges.categories["server"]
    everybody = windows.edges.names["client"] != ""
    rows = calls_over(windows, everybody, calls, *during, client=client, server=server, callee=callees(windows))
    lost = rows[UNSAID].sum(axis=1).where(rows["server"] == "", 0)
    edges = pd.DataFrame(
        {"client": rows["client"], "callee": rows["callee"], "attempts": rows["attempts"], "lost": lost}
    )
    edges = edges.groupby(["client", "callee"], observed=True)[["attempts", "lost"]].sum()
    whole = edges.groupby(level="client", observed=True).transform("sum")
    alike = (edges["lost"] >= ENOUGH) & (edges["lost"] >= ALIKE * whole["lost"] / whole["attempts"] * edges["attempts"])
    several = alike.groupby(level="client", observed=True).transform("sum") > 1
    of_these = edges["lost"].where(several, 0).groupby(level="callee", observed=True).sum()
    every = edges["lost"].groupby(level="callee", observed=True).sum()
    return set(map(str, every.index[(every > 0) & (of_these > MOSTLY * every)]))
