"""Repeats that kept nothing going: held by a retry budget, or of failures too quick to overload anybody.

Where most attempts fail and clients repeat hardly any, something holds them (Google SRE, "Handling Overload": a budget
of a tenth; gRPC A6; Finagle and Envoy: a fifth), which is worth knowing before somebody blames retries or lifts the
limit. Repeats that are lost before they arrive, or that are answered at once with an error, multiply calls and are no
storm: amplification alone proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..collector.model import DNS_CLASSES, Windows
from .base import Evidence
from .cusum import ENOUGH
from .edges import LEAST_REQUESTS
from .graph import callees
from .grouping import LOOPS, Group
from .metric_calls import from_metrics
from .queries import sql
from .queueing import OLD_S
from .retry_storm import AMPLIFIED, MOSTLY
from .series import calls_over

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
            found += _told(client, callee, {name: float(count[row]) for name, count in counts.items()}, during)
    return found[:SHOWN]


def _failing(windows: Windows, during: tuple[float, float]) -> pd.DataFrame:
    """Counts by client and callee over the windows in which most attempts failed, where enough were repeated."""
    edges = windows.edges
    client, callee = edges.categories["client"], callees(windows)
    told = np.asarray((client != "") & (callee != ""), np.bool_) & (edges.total(windows.calls["errors"]) > 0)
    spans = (~from_metrics(windows)).to_numpy(np.bool_)  # counters know no repeats of one request
    rows = calls_over(windows, told, ["window", *_COUNTS], *during, where=spans, client=client, callee=callee)
    by_window = rows.groupby(["client", "callee", "window"], observed=True)[_COUNTS].sum()
    bad = by_window[by_window["errors"] > MOSTLY * by_window["attempts"]]
    total = bad.groupby(["client", "callee"], observed=True).sum()
    repeats = total["attempts"] - total["originals"]
    return total[(total["originals"] >= LEAST_REQUESTS) & (repeats >= ENOUGH)]


def _told(client: str, callee: str, count: dict[str, float], during: tuple[float, float]) -> Iterator[Evidence]:
    amplification = count["attempts"] / count["originals"]
    statement = ""
    if amplification <= BUDGET:
        statement = (
            f"{client}'s retries to {callee} were held to {amplification - 1:.0%} of its requests, "
            f"though {count['errors'] / count['attempts']:.0%} of its attempts failed"
        )
    elif amplification >= AMPLIFIED and (why := _harmless(count)):
        statement = (
            f"{client} made {amplification:.1f} attempts for each request to {callee}, which overloaded nobody: {why}"
        )
    if statement:
        yield Evidence(
            statement=statement,
            query=sql("calls", "attempts, originals, answered, errors, wasted", during, client=client),
            window=during,
            observed=amplification,
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
