"""Calls over the edges on which time ran out, thick enough to tell ratios from, and whether users ask for more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..collector.model import DNS_CLASSES, Windows
from .graph import each, instead
from .series import Flags, Floats, tables, tally

LEAST_REQUESTS = 20.0
"""Requests below which ratios are noise: one failure moves them by a twentieth."""

LONGEST_S = 120.0
"""Windows are added up, backwards, until they hold so many requests, for so long at the most: a storm that is told two
minutes late is still told, one of three requests a minute is not."""

FLAT = 1.5
"""Requests may grow by half within a day's rhythm; more is an organic surge, which needs capacity instead."""


@dataclass(frozen=True)
class EdgeCounts:
    """One caller's calls to one callee, whatever name it used: quantity -> [windows], sums over `width` windows each.

    reached: attempts that got to the callee; where it sends no spans, those that no look-up and no connection stopped.
    """

    client: str
    callee: str
    width: int
    counts: dict[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.counts[name]


QUANTITIES = (
    "attempts",
    "originals",
    "answered",
    "errors",
    "errors_deadline",
    "errors_connect",
    "wasted",
    "unresolved",
)
_DNS = tuple(f"errors_dns_{name}" for name in DNS_CLASSES)


def late_edges(windows: Windows) -> Iterator[EdgeCounts]:
    """The edges over which calls ran out of time at all, by client and callee: over no other does anybody drown."""
    rows = _late_rows(windows.calls)
    for table in tables(windows, rows, ("client", "callee"), QUANTITIES):
        for row, (client, callee) in enumerate(zip(table.names("client"), table.names("callee"), strict=True)):
            counts = {name: table[name][row] for name in QUANTITIES}
            silent = not counts["answered"].any()
            sent = counts["attempts"] - counts["unresolved"] - counts["errors_connect"]
            counts["reached"] = sent if silent else counts["answered"]
            width = _width(windows, counts["originals"])
            yield EdgeCounts(client, callee, width, {name: summed(values, width) for name, values in counts.items()})


def _late_rows(calls: pd.DataFrame) -> pd.DataFrame:
    """All calls over these edges, with their callees."""
    late = (calls["client"] != "") & ((calls["errors_deadline"] > 0) | (calls["wasted"] > 0))
    answer = calls["server"].isin(callees(calls, late.to_numpy(np.bool_)).unique()) | (calls["server"] == "")
    near = (calls["client"].isin(calls["client"][late].unique()) & answer).to_numpy(np.bool_)
    # names by their numbers: a day has millions of rows and few names
    client, callee = (names.astype("category") for names in (calls["client"][near], callees(calls, near)))
    edge = client.cat.codes.to_numpy(np.int64) * len(callee.cat.categories) + callee.cat.codes.to_numpy(np.int64)
    mine = np.isin(edge, np.unique(edge[late[near]]))
    at = np.flatnonzero(near)[mine]
    counts = [name for name in QUANTITIES if name in calls.columns]
    rows = pd.DataFrame({name: calls[name].iloc[at] for name in ("window", *counts)}, copy=False)
    unresolved = sum((calls[name].iloc[at] for name in _DNS), start=0 * rows["attempts"])
    return rows.assign(client=client[mine], callee=callee[mine], unresolved=unresolved)


def callees(calls: pd.DataFrame, where: Flags) -> pd.Series[str]:
    """Who is called in these rows of `calls`: unanswered attempts only have a name, answered ones tell whose it is."""
    server = calls["server"][where]
    silent = (server == "").to_numpy(np.bool_)
    names = calls["peer"].iloc[np.flatnonzero(where)[silent]]
    answered = (calls["client"] != "") & (calls["server"] != "") & calls["peer"].isin(names.unique())
    pairs = calls[["peer", "server"]][answered].drop_duplicates("peer")
    owners = dict(zip(pairs["peer"].astype(str), pairs["server"].astype(str), strict=True))
    return instead(server, silent, each(names, lambda name: owners.get(name, name)))


def users_flat(windows: Windows) -> Flags:
    """[windows] Whether users ask for no more than they are used to ask for."""
    entered = windows.calls[["window", "entries"]][windows.calls["entries"] > 0]
    everybody = tally(windows, entered.assign(all=""), ("all",), ("entries",))
    if not len(everybody):
        return np.ones((windows.end - windows.start) // windows.window_s, np.bool_)
    entries = everybody["entries"][0]
    return entries <= FLAT * usual(entries, np.ones(len(entries), np.bool_)) + 3.0 * np.sqrt(entries)


def usual(counts: Floats, teaching: Flags) -> Floats:
    """[windows] The median of the teaching windows until then: a storm that lasted would become the usual."""
    seen = np.where(teaching & (counts > 0), counts, np.nan)
    middle = np.nan_to_num(pd.Series(seen).expanding().median().to_numpy(np.float64)[::_STEP])
    return np.maximum(np.repeat(middle, _STEP)[: len(counts)], 1.0)


_STEP = 30
"""The median moves slowly: it is taken anew every thirty windows."""


def _width(windows: Windows, originals: Floats) -> int:
    busy = originals[originals > 0]
    middle = float(np.median(busy)) * len(busy) / len(originals) if len(busy) else 0.0
    most = max(1, int(LONGEST_S // windows.window_s))
    return most if middle <= 0 else int(min(most, max(1, np.ceil(LEAST_REQUESTS / middle))))


def summed(values: Floats, width: int) -> Floats:
    """[windows] Sums over so many windows, backwards."""
    total = np.concatenate((np.zeros(1), np.cumsum(values)))
    ends = np.arange(1, len(values) + 1)
    return total[ends] - total[np.maximum(0, ends - width)]
