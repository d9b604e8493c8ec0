"""Repeats that kept nothing going: few, as under a retry budget, or of failures too quick to overload anybody.

Where most attempts fail and clients repeat hardly any, it is worth knowing before somebody blames retries. A client
that repeats most failures while these are few, and hardly any when most attempts fail, is held by something (Google
SRE, "Handling Overload": a budget of a tenth; gRPC A6; Finagle and Envoy: a fifth); one that always repeats few may be
made so. Repeats that are lost before they arrive, or that are answered at once with an error, multiply calls and are no
storm: amplification alone proves nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import DNS_CLASSES, Windows
from .base import MOSTLY, Evidence
from .cusum import ENOUGH
from .edges import LEAST_REQUESTS
from .graph import asked
from .grouping import LOOPS, Group
from .metric_calls import from_metrics
from .queries import sql
from .queueing import OLD_S
from .retry_storm import AMPLIFIED
from .series import Flags, calls_over

BUDGET = 1.2
"""A budget of a fifth, the widest that is usual, allows so many attempts per request."""

NEARLY = 0.95
"""Of so many failures alike the rest is noise."""

SHOWN = 3
"""Edges told of, the busiest first."""

_LOST = ("errors_connect", *(f"errors_dns_{name}" for name in DNS_CLASSES))
_COUNTS = ["attempts", "originals", "answered", "errors", "errors_deadline", "wasted", "client_ns", *_LOST]


def harmless_repeats(windows: Windows, group: Group) -> list[Evidence]:
    """What repeats did over the edges on which most attempts failed during an incident, but for those of a loop."""
    during = group.started_at, group.until(windows.end)
    loops = [f for f in group.findings if f.kind in LOOPS]
    looping = {edge for f in loops for edge in f.edges}
    drowned = {f.component for f in loops}
    found: list[Evidence] = []
    failing = _failing(windows, during).sort_values("attempts", ascending=False, kind="stable")
    counts = {name: failing[name].tolist() for name in _COUNTS}
    names = (failing.index.get_level_values(side).astype(str).tolist() for side in ("client", "callee"))
    for row, (client, callee) in enumerate(zip(*names, strict=True)):
        if (client, callee) not in looping and callee not in drowned:
            count = {name: float(values[row]) for name, values in counts.items()}
            statement = _told(windows, client, callee, count)
            found += [_evidence(statement, client, count, during)] if statement else []
        if len(found) == SHOWN:
            break
    return found


def _failing(windows: Windows, during: tuple[float, float]) -> pd.DataFrame:
    """Counts by client and callee over the windows in which most attempts failed, where enough were repeated."""
    client, callee = windows.edges.categories["client"], asked(windows)
    by_window = _by_window(windows, np.asarray((client != "") & (callee != ""), np.bool_), *during)
    bad = by_window[by_window["errors"] > MOSTLY * by_window["attempts"]]
    total = bad.groupby(["client", "callee"], observed=True).sum()
    repeats = total["attempts"] - total["originals"]
    return total[(total["originals"] >= LEAST_REQUESTS) & (repeats >= ENOUGH)]


def _by_window(windows: Windows, told: Flags, start: float, end: float) -> pd.DataFrame:
    """Counts by client, callee and window over those of the edges on which anything failed."""
    edges = windows.edges
    failed = told & (edges.total(windows.calls["errors"]) > 0)
    names = {"client": edges.categories["client"], "callee": asked(windows)}
    spans = (~from_metrics(windows)).to_numpy(np.bool_)  # counters know no repeats of one request
    rows = calls_over(windows, failed, ["window", *_COUNTS], start, end, where=spans, **names)
    return rows.groupby(["client", "callee", "window"], observed=True)[_COUNTS].sum()


def _told(windows: Windows, client: str, callee: str, count: dict[str, float]) -> str:
    """What repeats of the client did, or did not; "" where that cannot be said."""
    amplification = count["attempts"] / count["originals"]
    if amplification <= BUDGET:
        share, failed = f"{amplification - 1:.0%}", f"{count['errors'] / count['attempts']:.0%} of its attempts failed"
        if _repeats_else(windows, client, callee):
            return f"{client}'s retries to {callee} were held to {share} of its requests, though {failed}"
        return f"{client} made repeats for {share} of its requests to {callee}, though {failed}"
    if amplification >= AMPLIFIED and (why := _harmless(count)):
        return (
            f"{client} made {amplification:.1f} attempts for each request to {callee}, which overloaded nobody: {why}"
        )
    return ""


def _repeats_else(windows: Windows, client: str, callee: str) -> bool:
    """Whether a client repeats most of its failures in windows in which these are few, so that a lack of repeats is no
    habit of its."""
    names = windows.edges.categories["client"], asked(windows)
    told = np.asarray((names[0] == client) & (names[1] == callee), np.bool_)
    by_window = _by_window(windows, told, windows.start, windows.end)
    total = by_window[by_window["errors"] <= MOSTLY * by_window["attempts"]].sum()
    repeats = float(total["attempts"] - total["originals"])
    return repeats >= ENOUGH and repeats > MOSTLY * float(total["errors"])


def _evidence(statement: str, client: str, count: dict[str, float], during: tuple[float, float]) -> Evidence:
    return Evidence(
        statement=statement,
        query=sql("calls", "attempts, originals, answered, errors, wasted", during, client=client),
        window=during,
        observed=count["attempts"] / count["originals"],
        expected=1.0,
    )


def _harmless(count: dict[str, float]) -> str:
    """Why repeats overloaded nobody; "" where they may have."""
    if max(count["errors_deadline"], count["wasted"]) > (1 - NEARLY) * count["errors"]:
        return ""
    if sum(count[name] for name in _LOST) >= NEARLY * count["errors"]:
        return "they failed on the way"
    at_once = count["client_ns"] < OLD_S * 1e9 * count["attempts"]
    return "they were answered at once" if at_once and count["answered"] >= NEARLY * count["attempts"] else ""
