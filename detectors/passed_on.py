"""Names that pass calls on to several services, and fail them themselves.

Such a name is a gateway's, or that of a service that hands traces on and sends no spans: who answers is known, and not
that somebody stands between. What fails there is booked on those who answer, unless all of them fail alike by the
name, are well for whoever calls them by others, have no callee that fails them, and were not changed just then.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import ALIKE
from .cusum import LEAST_RISE
from .edges import LEAST_REQUESTS
from .graph import label_owner
from .series import Floats, within

_COUNTS = ["attempts", "failed"]


def failing_names(windows: Windows, before: tuple[float, float], during: tuple[float, float]) -> frozenset[str]:
    """The names that fail of themselves in a stretch; both stretches are (from, to) in Unix seconds."""
    names = windows.edges.names
    answered = (names["client"] != "") & (names["server"] != "") & (names["peer"] != "")
    if not names.loc[answered, ["peer", "server"]].drop_duplicates()["peer"].duplicated().any():
        return frozenset()
    counts = _counts(windows, before, during)
    calls = counts[answered & (counts["attempts"] > 0)]
    named = calls.groupby(["peer", "server"])[_COUNTS].sum()
    named = named[named["attempts"] >= LEAST_REQUESTS]
    share = named["failed"] / named["attempts"]
    by_name = share.groupby(level="peer")
    least, most = by_name.transform("min"), by_name.transform("max")
    alike = (by_name.transform("size") > 1) & (most >= LEAST_RISE) & (least >= ALIKE * most)
    if not alike.any():
        return frozenset()
    every = calls.groupby("server")[_COUNTS].sum().reindex(named.index, level="server")
    rest = every - named
    well = (rest["attempts"] >= LEAST_REQUESTS) & (rest["failed"] < ALIKE * share * rest["attempts"])
    server = named.index.get_level_values("server")
    explained = ALIKE * share <= _worst_callee(counts).reindex(server).to_numpy()
    itself = alike & well & ~explained & ~server.isin(_changed(windows, during))
    failing = itself.groupby(level="peer").all()
    servers = {str(peer): [str(s) for _, s in group] for peer, group in named.groupby(level="peer").groups.items()}
    return frozenset(str(name) for name in failing.index[failing] if _is_between(str(name), servers[str(name)]))


def _counts(windows: Windows, before: tuple[float, float], during: tuple[float, float]) -> pd.DataFrame:
    """[edges] Who calls whom by which name, with attempts, and failures above the usual."""

    def total(column: str, stretch: tuple[float, float]) -> Floats:
        inside = within(windows.calls, *stretch)
        values = windows.calls[column].to_numpy()[inside]
        return np.bincount(windows.edges.of[inside], values, len(windows.edges)).astype(np.float64)

    attempts, usual = total("attempts", during), total("attempts", before)
    errors = total("errors", during) - total("errors", before) * attempts / np.maximum(usual, 1.0)
    return windows.edges.names.assign(attempts=attempts, failed=np.maximum(errors, 0.0))


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


def _is_between(name: str, servers: Collection[str]) -> bool:
    """Whether a name may be that of somebody else than who answers, on another machine than who calls."""
    try:
        return not ip_address(name).is_loopback
    except ValueError:
        return name.partition(".")[0] != "localhost" and not label_owner(name, servers)
