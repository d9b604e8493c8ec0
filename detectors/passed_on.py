"""Names that pass calls on to services of other names, and fail them themselves.

Such a name is a gateway's, or that of a service that hands traces on and sends no spans: who answers is known, and not
that somebody stands between. What fails there is booked on those who answer, unless all of them fail alike by the
name, are well for whoever calls them by others, have no callee that fails them, and were not changed just then.
Calls by the name that nobody answers are those that are missing of who used to answer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import ALIKE, MOSTLY
from .cusum import LEAST_RISE
from .edges import LEAST_REQUESTS
from .graph import is_loopback
from .series import Floats, within

_COUNTS = ["attempts", "failed"]


def passed_on(windows: Windows, before: tuple[float, float], during: tuple[float, float]) -> dict[tuple[str, str], str]:
    """(name, who answers or "") of calls that are booked on somebody else, and on whom: the name itself or one of those
    behind it. Both stretches are (from, to) in Unix seconds.

    A name by which only one is reached is somebody else's where that one is called by its own as well.
    """
    edges = windows.edges.names
    answered = (edges["client"] != "") & (edges["server"] != "") & (edges["peer"] != "")
    pairs = edges.loc[answered, ["peer", "server"]].drop_duplicates()
    own = pairs["peer"].str.split(".").str[0] == pairs["server"]
    named = pairs["server"].isin(pairs["server"][own])
    foreign = ~pairs["peer"].isin([*pairs["peer"][own], *filter(is_loopback, pairs["peer"])])
    between = pairs["peer"][foreign & (named | pairs["peer"].duplicated(keep=False))].unique()
    if not len(between):
        return {}
    counts = _counts(windows, before, during)
    every, missing = _by_name(counts[answered], counts[(edges["client"] != "") & (edges["server"] == "")])
    calls = every[every.index.get_level_values("peer").isin(between)]
    meant = missing[(missing > MOSTLY) & missing.index.isin(calls.index)].index
    return {(str(name), ""): str(server) for name, server in meant} | _not_theirs(windows, counts, every, calls, during)


def _not_theirs(
    windows: Windows, counts: pd.DataFrame, every: pd.DataFrame, calls: pd.DataFrame, during: tuple[float, float]
) -> dict[tuple[str, str], str]:
    """Of calls by shared names those that their servers do not fail themselves: if none does, they are the name's own,
    else that one's who fails others as well. every: calls by all names, of which these are some."""
    calls = calls[calls["attempts"] >= LEAST_REQUESTS]
    share = calls["failed"] / calls["attempts"]
    by_name = share.groupby(level="peer")
    least, most = by_name.transform("min"), by_name.transform("max")
    alike = (most >= LEAST_RISE) & (least >= ALIKE * most)
    if not alike.any():
        return {}
    rest = every.groupby(level="server").sum().reindex(calls.index, level="server") - calls
    told = rest["attempts"] >= LEAST_REQUESTS
    well = rest["failed"] < ALIKE * share * rest["attempts"]
    server = calls.index.get_level_values("server")
    explained = ALIKE * share <= _worst_callee(counts).reindex(server).to_numpy()
    mine = alike & told & well & ~explained & ~server.isin(_changed(windows, during))
    sick = share[alike & told & ~well]
    out: dict[tuple[str, str], str] = {}
    for name, itself in mine.groupby(level="peer"):
        others = sick[sick.index.get_level_values("peer") == name]
        to = str(name) if itself.all() else str(others.idxmax()[1]) if len(others) else ""
        out |= {(str(name), str(one)): to for _, one in itself.index[itself] if to}
        out |= {(str(name), ""): to} if to == name else {}
    return out


def _by_name(answered: pd.DataFrame, silent: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[float]]:
    """[name, server] Calls by a name as far as they were one's, and which share of those that nobody answered was.

    Of as many calls as were made each server should have answered its usual share: what failed unanswered is missing.
    """
    calls = answered.groupby(["peer", "server"])[["attempts", "failed", "earlier"]].sum()
    lost = silent.groupby("peer")[["attempts", "failed", "earlier"]].sum()
    lost = lost.reindex(calls.index, level="peer", fill_value=0.0)
    made = calls.groupby(level="peer").transform("sum") + lost
    missing = calls["earlier"] * made["attempts"] / made["earlier"].clip(lower=1.0) - calls["attempts"]
    missing = missing.clip(lower=0.0)
    share = (missing / missing.groupby(level="peer").transform("sum")).fillna(0.0)
    return calls[_COUNTS].add(share * lost["failed"], axis=0), share


def _counts(windows: Windows, before: tuple[float, float], during: tuple[float, float]) -> pd.DataFrame:
    """[edges] Who calls whom by which name: attempts, earlier ones, and the failures above the usual."""

    def total(column: str, stretch: tuple[float, float]) -> Floats:
        inside = within(windows.calls, *stretch)
        values = windows.calls[column].to_numpy()[inside]
        return np.bincount(windows.edges.of[inside], values, len(windows.edges)).astype(np.float64)

    attempts, earlier = total("attempts", during), total("attempts", before)
    errors = total("errors", during) - total("errors", before) * attempts / np.maximum(earlier, 1.0)
    return windows.edges.names.assign(attempts=attempts, earlier=earlier, failed=np.maximum(errors, 0.0))


def _worst_callee(counts: pd.DataFrame) -> pd.Series[float]:
    """By client the greatest failing share of those whom it calls often enough to tell, answered or not."""
    callee = counts["server"].where(counts["server"] != "", counts["peer"])
    made = counts.assign(callee=callee).groupby(["client", "callee"])[_COUNTS].sum()
    made = made[made["attempts"] >= LEAST_REQUESTS]
    return (made["failed"] / made["attempts"]).groupby(level="client").max()


def _changed(windows: Windows, during: tuple[float, float]) -> set[str]:
    """What somebody released or started anew as the stretch began, by name and by its first label."""
    changes, length = windows.changes, during[1] - during[0]
    recent = changes["time"].between(during[0] - length, during[0] + windows.window_s)
    targets = changes["Target"][recent & changes["Kind"].isin(["deploy", "restart"])].astype(str)
    return {*targets, *(target.partition(".")[0] for target in targets)}
