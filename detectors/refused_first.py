"""Names that failed to resolve only after their process had refused calls: it died first, and its record followed.

The name of a headless service resolves to the processes that are ready. Where they crash, calls are refused until their
checks fail; then the record is emptied, and all look-ups of it fail because of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import pandas as pd

from ..collector.model import DNS_ERRORS, Windows
from .base import ALIKE, MOSTLY
from .cusum import ENOUGH, LEAST_RISE
from .record_writes import by_target, writes
from .series import calls_over

CACHED_S = 30.0
"""What a client or a resolver's cache remembers hides so long that a record is empty (CoreDNS's `cache` in Kubernetes,
the JVM), while whatever took it away may take the way to the process as well: calls refused no longer prove nothing."""

WAITED_S = 0.3
"""A refused connection or a failed look-up is over within a few round trips; a time-out is set to a second or more."""

GONE = ("errors_dns_nodata", "errors_dns_nxdomain", "errors_dns_unspecified")
"""What is said of a record that somebody emptied or took away; other failures are the name servers' own."""


def refused_first(windows: Windows, during: tuple[float, float], gone: Mapping[str, float]) -> set[str]:
    """The names of which that is so in the stretch (from, to; Unix seconds).

    gone: since when something other than calls saw names fail to resolve. Only clients count that say of the same name
    later that it does not resolve: what others call a failed connection may have been a look-up all along.
    """
    told = ["attempts", "answered", "unanswered", "unanswered_ns", "errors_connect", "refused"]
    columns = ["window", *told, *DNS_ERRORS]
    ends, names = ["client", "peer"], windows.edges.categories
    named = windows.edges.names["peer"] != ""
    rows = calls_over(windows, named, columns, *during, client=names["client"], peer=names["peer"])
    quick = (rows["answered"] == 0) & (rows["unanswered_ns"] < WAITED_S * 1e9 * rows["unanswered"])
    refused = rows["errors_connect"].where(quick, rows["refused"])
    rows = rows.assign(refused=refused, looked_up=rows[list(DNS_ERRORS)].sum(axis=1))
    if not (rows["refused"].any() and rows["looked_up"].any()):
        return set()
    rows = rows.assign(empty=rows[list(GONE)].sum(axis=1))
    counts = rows.groupby([*ends, "window"], observed=True)[["attempts", "refused", "looked_up", "empty"]].sum()
    both = counts[["refused", "looked_up"]].groupby(level=ends).transform("sum").gt(0).all(axis=1)
    told = counts[both].groupby(level=["peer", "window"]).sum()
    found: set[str] = set()
    for peer, by_window in told.groupby(level="peer", observed=True):
        name, began = str(peer), _began(by_window.droplevel("peer"))
        first = inf if began is None else began + windows.window_s
        if first < gone.get(name, inf) and not _emptied(windows, name, first):
            found.add(name)
    return found


def _began(by_window: pd.DataFrame) -> float | None:
    """The window in which calls began to be refused, if it was clearly before any failed to resolve and about as many
    were refused as are then lost to the record; else None."""
    attempts, looked_up = by_window["attempts"], by_window["looked_up"]
    failing = by_window.index[(looked_up > 0) & (looked_up >= LEAST_RISE * attempts)]
    if failing.empty or by_window["empty"].sum() < MOSTLY * looked_up.sum():
        return None
    before, after = by_window[by_window.index < failing[0]], by_window[by_window.index >= failing[0]]
    refused = before["refused"] / before["attempts"]
    least = max(LEAST_RISE, ALIKE * (after["looked_up"] / after["attempts"]).max())
    if before["refused"].sum() < ENOUGH or refused.iloc[-1] < least:
        return None
    began = float(refused.index[refused >= LEAST_RISE][0])
    return began if failing[0] - began > CACHED_S else None


def _emptied(windows: Windows, name: str, until: float) -> bool:
    """Whether the record was left without addresses by its last change that is known up to then (Unix seconds)."""
    made = [write for write in by_target(writes(windows)).get(name, []) if write.time <= until]
    return bool(made) and (made[-1].empties or made[-1].deletes)
