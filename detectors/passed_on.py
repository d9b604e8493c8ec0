"""Names that pass calls on to services of other names, and fail them themselves.

Such a name is a gateway's, or that of a service that hands traces on and sends no spans: who answers is known, and not
that somebody stands between. What fails there is booked on those who answer, unless all of them fail alike by the
name, are well for whoever calls them by others, have no callee that fails them, and were not changed just then.
Calls by the name that nobody answers are those that are missing of who used to answer.
"""

from __future__ import annotations

from collections import Counter
from math import ceil, comb

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import ALIKE
from .cusum import LEAST_RISE
from .edges import CHANCE, LEAST_REQUESTS
from .graph import is_loopback
from .releases import lately
from .series import Floats, within

HARDLY = 0.001
"""So seldom one server fails so few of its calls by other names by chance, if it fails half as many of them."""

_COUNTS = ["attempts", "failed"]


def passed_on(windows: Windows, before: tuple[float, float], during: tuple[float, float]) -> dict[tuple[str, str], str]:
    """(way, who answers or "") of calls that are booked on somebody else, and on whom: the name itself or one of those
    behind it. Both stretches are (from, to) in Unix seconds.

    A name by which only one is reached is somebody else's where that one is called by its own as well.
    """
    told, by = windows.edges.told, ways(windows)
    rows = zip(told["client"], told["peer"], by, told["server"], strict=True)
    pairs = {(peer, way, server) for client, peer, way, server in rows if client and peer and server}
    own = {(peer, server) for peer, _, server in pairs if peer.partition(".")[0] == server}
    own_names, named = {peer for peer, _ in own}, {server for _, server in own}
    servers = Counter(way for _, way, _ in pairs)
    foreign = (pair for pair in pairs if pair[0] not in own_names)
    between = [(peer, way, server) for peer, way, server in foreign if server in named or servers[way] > 1]
    if not between:
        return {}
    edges = windows.edges.names.assign(way=by)
    answered = (edges["client"] != "") & (edges["server"] != "") & (edges["peer"] != "")
    counts = _counts(windows, edges, before, during)
    as_long = (during[1] - during[0]) / max(before[1] - before[0], 1.0)
    theirs = answered & edges["server"].isin([server for _, _, server in between])
    shared = [way for _, way, _ in between]
    silent = edges["way"].isin(shared) & (edges["client"] != "") & (edges["server"] == "")
    every, missing = _by_way(counts[theirs], counts[silent], as_long)
    meant = _meant(missing[missing.index.isin(shared, level="way")])
    calls = every[every.index.isin([way for peer, way, _ in between if way == peer], level="way")]  # no machine's own
    return {(way, ""): server for way, server in meant.items()} | _not_theirs(windows, counts, every, calls, during)


def ways(windows: Windows) -> list[str]:
    """[edges] The name by which the callee is called; behind a loopback address it is another one for each caller."""
    told, local = windows.edges.told, {name for name in set(windows.edges.told["peer"]) if is_loopback(name)}
    if not local:
        return told["peer"]
    pairs = zip(told["client"], told["peer"], strict=True)
    return [f"{client} at {peer}" if peer in local else peer for client, peer in pairs]


def _meant(missing: pd.DataFrame) -> dict[str, str]:
    """Who is missing: the only one who answers fewer than of as many calls is usual, but for chance.

    Where several do, what they share may be why, or that a request ends at the first call that fails: it stays with the
    name.
    """
    short = missing[missing["calls"] > CHANCE * np.sqrt(missing["expected"])]
    return {str(way): str(few.index[0][1]) for way, few in short.groupby(level="way") if len(few) == 1}


def _not_theirs(
    windows: Windows, counts: pd.DataFrame, every: pd.DataFrame, calls: pd.DataFrame, during: tuple[float, float]
) -> dict[tuple[str, str], str]:
    """Of calls by shared names those that their servers do not fail themselves: if none does, they are the name's own,
    else that one's who fails others as well. every: calls by all names, of which these are some."""
    calls = calls[calls["attempts"] >= LEAST_REQUESTS]
    share = calls["failed"] / calls["attempts"]
    by_name = share.groupby(level="way")
    least, most = by_name.transform("min"), by_name.transform("max")
    alike = (most >= LEAST_RISE) & (least >= ALIKE * most)
    if not alike.any():
        return {}
    rest = every.groupby(level="server").sum().reindex(calls.index, level="server") - calls
    told = (rest["attempts"] >= LEAST_REQUESTS) | (np.array(_by_chance(rest, ALIKE * share)) < HARDLY)
    well = rest["failed"] < ALIKE * share * rest["attempts"]
    server = calls.index.get_level_values("server")
    explained = ALIKE * share <= _worst_callee(counts).reindex(server).to_numpy()
    mine = alike & told & well & ~explained & ~server.isin(released(windows, during))
    sick = share[alike & told & ~well]
    out: dict[tuple[str, str], str] = {}
    for name, itself in mine.groupby(level="way"):
        others = sick[sick.index.get_level_values("way") == name]
        to = str(name) if itself.all() else str(others.idxmax()[1]) if len(others) else ""
        out |= {(str(name), str(one)): to for _, one in itself.index[itself] if to}
        out |= {(str(name), ""): to} if to == name else {}
    return out


def _by_chance(calls: pd.DataFrame, rate: pd.Series[float]) -> list[float]:
    """[calls] How likely so few of them fail, or fewer, where this share of them fails; 1 for as many as need no such
    proof."""
    told = zip(calls["failed"], calls["attempts"], rate.clip(0.0, 1.0), strict=True)
    return [1.0 if n >= LEAST_REQUESTS else _at_most(ceil(failed), int(n), float(part)) for failed, n, part in told]


def _at_most(failed: int, made: int, rate: float) -> float:
    """The binomial chance of so many failures or fewer."""
    return sum(comb(made, n) * rate**n * (1.0 - rate) ** (made - n) for n in range(failed + 1))


def _by_way(answered: pd.DataFrame, silent: pd.DataFrame, as_long: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """[way, server] Calls by a name as far as they were one's; and how many (calls) are missing of those expected.

    Of as many calls as were made each server should have answered its usual share: what failed unanswered is missing.
    as_long: the length of the stretch, in those of the time before.
    """
    calls = answered.groupby(["way", "server"])[["attempts", "failed", "earlier"]].sum()
    lost = silent.groupby("way")[["attempts", "failed", "earlier"]].sum()
    lost = lost.reindex(calls.index, level="way", fill_value=0.0)
    made = calls.groupby(level="way").transform("sum") + lost
    share = calls["earlier"] * made["attempts"] / made["earlier"].clip(lower=1.0)
    as_ever = calls["earlier"] * as_long
    expected = share.where(share < as_ever, as_ever)  # who is asked as often as ever misses nothing
    missing = (expected - calls["attempts"]).clip(lower=0.0)
    part = (missing / missing.groupby(level="way").transform("sum")).fillna(0.0)
    return calls[_COUNTS].add(part * lost["failed"], axis=0), pd.DataFrame({"calls": missing, "expected": expected})


def _counts(
    windows: Windows, edges: pd.DataFrame, before: tuple[float, float], during: tuple[float, float]
) -> pd.DataFrame:
    """[edges] Who calls whom by which name: attempts, earlier ones, and the failures above the usual."""

    def total(column: str, stretch: tuple[float, float]) -> Floats:
        inside = within(windows.calls, *stretch)
        values = windows.calls[column].to_numpy()[inside]
        return np.bincount(windows.edges.of[inside], values, len(windows.edges)).astype(np.float64)

    attempts, earlier = total("attempts", during), total("attempts", before)
    errors = total("errors", during) - total("errors", before) * attempts / np.maximum(earlier, 1.0)
    return edges.assign(attempts=attempts, earlier=earlier, failed=np.maximum(errors, 0.0))


def _worst_callee(counts: pd.DataFrame) -> pd.Series[float]:
    """By client the greatest failing share of those whom it calls often enough to tell, answered or not."""
    callee = counts["server"].where(counts["server"] != "", counts["peer"])
    made = counts.assign(callee=callee).groupby(["client", "callee"])[_COUNTS].sum()
    made = made[made["attempts"] >= LEAST_REQUESTS]
    return (made["failed"] / made["attempts"]).groupby(level="client").max()


def released(windows: Windows, during: tuple[float, float]) -> set[str]:
    """What somebody released or started anew as the stretch began, by name and by its first label."""
    changes = windows.changes
    recent = lately(windows, during[0]) & changes["Kind"].isin(["deploy", "restart"])
    targets = changes["Target"][recent].astype(str)
    return {*targets, *(target.partition(".")[0] for target in targets)}
