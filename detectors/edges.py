"""Calls over the edges on which time ran out, thick enough to tell ratios from, and whether users ask for more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..collector.model import DNS_ERRORS, Windows
from .graph import asked
from .once import Once
from .series import Flags, Floats, calls_over, tables, tally

LEAST_REQUESTS = 20.0
"""Requests below which ratios are noise: one failure moves them by a twentieth."""

LONGEST_S = 120.0
"""Windows are added up, backwards, until they hold so many requests, for so long at the most: a storm that is told two
minutes late is still told, one of three requests a minute is not."""

LEAST_LATE = LEAST_REQUESTS / 8
"""Calls out of time below which nobody drowns: that is when of half of so many requests half fail, and most of these
too late."""

FLAT = 1.5
"""Requests may grow by half within a day's rhythm; more is an organic surge, which needs capacity instead."""

CHANCE = 3.0
"""Standard deviations, the root of a Poisson count, that chance exceeds in one window of seven hundred."""


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
    "client_ns",
    "unresolved",
)


def late_edges(windows: Windows) -> Iterator[EdgeCounts]:
    """The edges over which calls ran out of time, by client and callee: over no other does anybody drown."""
    rows = _late_rows(windows)
    for table in tables(windows, rows, ("client", "callee"), QUANTITIES):
        for row, (client, callee) in enumerate(zip(table.names("client"), table.names("callee"), strict=True)):
            counts = {name: table[name][row] for name in QUANTITIES}
            silent = not counts["answered"].any()
            sent = counts["attempts"] - counts["unresolved"] - counts["errors_connect"]
            counts["reached"] = sent if silent else counts["answered"]
            width = _width(windows, counts["originals"])
            yield EdgeCounts(client, callee, width, {name: summed(values, width) for name, values in counts.items()})


def _late_rows(windows: Windows) -> pd.DataFrame:
    """All calls over these edges, with their callees."""
    calls, edges = windows.calls, windows.edges
    client, callee = edges.categories["client"], asked(windows)
    late = edges.total(calls["errors_deadline"]) + edges.total(calls["wasted"])
    counts = [name for name in QUANTITIES if name in calls.columns]
    # Of a call without a name that nobody answered, nothing tells whom it was for.
    told = np.asarray((client != "") & (callee != ""), np.bool_)
    pair = client.codes.astype(np.int64) * len(callee.categories) + callee.codes
    _, place = np.unique(pair, return_inverse=True)
    near = told & (np.bincount(place, late)[place] >= LEAST_LATE)
    rows = calls_over(windows, near, ["window", *counts, *DNS_ERRORS], client=client, callee=callee)
    return rows.assign(unresolved=sum(rows[name] for name in DNS_ERRORS))


@Once
def users_flat(windows: Windows) -> Flags:
    """[windows] Whether users ask for no more than they are used to ask for."""
    entered = windows.calls[["window", "entries"]][windows.calls["entries"] > 0]
    everybody = tally(windows, entered.assign(all=""), ("all",), ("entries",))
    if not len(everybody):
        return np.ones((windows.end - windows.start) // windows.window_s, np.bool_)
    entries = everybody["entries"][0]
    return entries <= FLAT * usual(entries, np.ones(len(entries), np.bool_)) + CHANCE * np.sqrt(entries)


def usual(counts: Floats, teaching: Flags) -> Floats:
    """[windows] The median of the teaching windows until then: a storm that lasted would become the usual."""
    seen = np.where(teaching & (counts > 0), counts, np.nan)
    middle = np.nan_to_num(pd.Series(seen).expanding().median().to_numpy(np.float64))
    window = np.arange(len(counts))
    return np.maximum(middle[np.where(window < _STEP, window, window // _STEP * _STEP)], 1.0)


_STEP = 30
"""The median moves slowly: once it has seen thirty windows it is taken anew every thirty."""


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
