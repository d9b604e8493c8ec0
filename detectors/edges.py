"""Calls edge by edge, thick enough to tell ratios from, and whether users asked for more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..collector.model import DNS_CLASSES, Windows
from .series import Flags, Floats, tally

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


def edges(windows: Windows) -> Iterator[EdgeCounts]:
    """All edges, by client and callee."""
    rows = windows.calls[windows.calls["client"] != ""]
    if rows.empty:
        return
    unresolved = rows[[f"errors_dns_{name}" for name in DNS_CLASSES]].sum(axis=1)
    table = tally(windows, rows.assign(callee=callees(rows), unresolved=unresolved), ("client", "callee"), QUANTITIES)
    for row, (client, callee) in enumerate(zip(table.names("client"), table.names("callee"), strict=True)):
        counts = {name: table[name][row] for name in QUANTITIES}
        silent = not counts["answered"].any()
        sent = counts["attempts"] - counts["unresolved"] - counts["errors_connect"]
        counts["reached"] = sent if silent else counts["answered"]
        width = _width(windows, counts["originals"])
        yield EdgeCounts(client, callee, width, {name: summed(values, width) for name, values in counts.items()})


def callees(rows: pd.DataFrame) -> pd.Series[str]:
    """Who is called in each row: unanswered attempts only have a name, answered ones tell whose it is."""
    owners = rows[rows["server"] != ""].groupby("peer")["server"].first().to_dict()
    return rows["server"].where(rows["server"] != "", rows["peer"].map(lambda name: owners.get(name, name)))


def users_flat(windows: Windows) -> Flags:
    """[windows] Whether users ask for no more than they are used to ask for."""
    everybody = tally(windows, windows.calls.assign(all=""), ("all",), ("entries",))
    if not len(everybody):
        return np.ones((windows.end - windows.start) // windows.window_s, np.bool_)
    entries = everybody["entries"][0]
    return entries <= FLAT * usual(entries, np.ones(len(entries), np.bool_)) + 3.0 * np.sqrt(entries)


def usual(counts: Floats, teaching: Flags) -> Floats:
    """[windows] The median of the teaching windows until then: a storm that lasted would become the usual."""
    seen = np.where(teaching & (counts > 0), counts, np.nan)
    middle = [np.nanmedian(seen[: i + 1]) if np.isfinite(seen[: i + 1]).any() else 0.0 for i in _grid(counts)]
    return np.maximum(np.repeat(np.array(middle), _STEP)[: len(counts)], 1.0)


_STEP = 30
"""The median moves slowly: it is taken anew every thirty windows, which keeps a day of windows cheap."""


def _grid(counts: Floats) -> Sequence[int]:
    return range(0, len(counts), _STEP)


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
