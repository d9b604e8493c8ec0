"""When others left a queue that stays full, or it was given room: a device shared with traffic which no span tells of.

A full queue works at its capacity C, so of what its callers offer the share C / (own + others) passes. Where that share
grows while the queue stays as full, and its callers ask and try for about as much as before, traffic of others went
away, or C grew: the two look alike from here. What then keeps it full are the callers' own repeats, of calls that pass
too late (Bronson et al., HotOS 2021; AWS post-event summary of 7 December 2021, on its internal network). That none of
the others are left cannot be told, only that no more of them leave.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import DNS_CLASSES, Windows
from .base import MOSTLY, Evidence, Finding, Stretch, stretch_of
from .change_point import LEAST_FACTOR, change_point
from .graph import callees
from .queries import sql
from .retry_storm import AMPLIFIED, PERSIST_S, POOR
from .series import Floats, calls_over, tally, window_count
from .suspects import Suspect

DETECTOR = "shared_queue"

LOST = ("connect", "other", *(f"dns_{name}" for name in DNS_CLASSES))
"""How calls fail that never reach anybody. Who is reached and drowns fails them by time-out, long after a network, a
name or a process is back."""

_EDGE = ["client", "callee"]

ASKED = ("attempts", "originals")
"""Where callers ask or try for less, more of it passes although nobody else left."""


def calls_to(windows: Windows, top: Suspect) -> pd.DataFrame:
    """The calls to the suspect and to those whose failures it explains, by window: client, callee, attempts, originals,
    errors, lost (on the way, as far as clients say), told (failed by an answer without a span of its own) and passed
    (answered, or where nobody there sends spans not lost).
    """
    names = sorted({top.component, top.service, *top.explains} - {""})
    edges, callee = windows.edges, callees(windows)
    about = (edges.names["client"] != "") & (callee.isin(names) | edges.names["peer"].isin(names))
    errors = [f"errors_{name}" for name in LOST]
    columns = ["window", "client", "server", "attempts", "originals", "answered", "errors", "errors_server", *errors]
    rows = calls_over(windows, about, columns, callee=callee)
    silent = rows["server"] == ""
    lost, told = rows[errors].sum(axis=1).where(silent, 0), rows["errors_server"].where(silent, 0)
    speaks = rows["callee"].isin(rows["callee"][rows["answered"] > 0].unique())
    return rows.assign(lost=lost, told=told, passed=rows["answered"].where(speaks, rows["attempts"] - lost))


def kept_full(windows: Windows, top: Suspect) -> Finding | None:
    """The retry storm of its callers that kept the suspect's queue full for a minute or more after others had left it
    or it had been given room, from then on; None where nothing tells of it."""
    queues = [f for f in top.findings if f.kind == "queueing"]
    rows = calls_to(windows, top) if queues and top.how == "behind" else pd.DataFrame()
    if rows.empty:
        return None
    everything = _summed(windows, rows)
    full = min(queues, key=lambda f: f.started_at)
    first, after = (int((at - windows.start) // windows.window_s) for at in full.up_to(windows.end))
    split = change_point(everything["passed"][first:after], everything["attempts"][first:after])
    if split is None or (after - first - split) * windows.window_s < PERSIST_S:
        return None
    before, since = slice(first, first + split), slice(first + split, after)
    if any(everything[name][since].mean() * LEAST_FACTOR < everything[name][before].mean() for name in ASKED):
        return None
    was, passed = (_share(everything, "passed", stretch) for stretch in (before, since))
    begun, over = (windows.start + place * windows.window_s for place in (since.start, since.stop))
    edges = _storming(rows[(rows["window"] >= begun) & (rows["window"] < over)])
    mine = _summed(windows, rows.merge(edges, on=_EDGE))
    if passed < LEAST_FACTOR * was or mine["attempts"][since].sum() <= MOSTLY * everything["attempts"][since].sum():
        return None
    well = mine["attempts"][since] - mine["errors"][since] >= POOR * mine["originals"][since]
    last = since.start + int(np.flatnonzero(~well).max(initial=0)) + 1
    lasted = stretch_of(windows, since.start, None if full.ended_at is None and last == after else last)
    wasted = 1.0 - (1.0 - _share(everything, "errors", since)) / max(passed, 1e-9)
    total = {name: float(values[since].sum()) for name, values in mine.items()}
    return _finding(windows, top.component, lasted, edges, total, (was, passed, max(0.0, wasted)))


def _finding(
    windows: Windows,
    component: str,
    lasted: Stretch,
    edges: pd.DataFrame,
    total: dict[str, float],
    shares: tuple[float, float, float],
) -> Finding:
    """total: of the calls over the edges that storm; shares: of all calls, how many passed before and since, and of
    those since, how many in vain."""
    was, passed, wasted = shares
    amplification = total["attempts"] / max(total["originals"], 1.0)
    evidence = Evidence(
        statement=f"{passed:.0%} of the calls through {component} passed, {was:.0%} "
        "before, while its queue stayed full: others left, or room was added, and its callers' "
        f"{amplification:.1f} attempts for each request kept it so",
        query=sql("calls", "client, server, peer, attempts, originals, answered, errors", lasted.up_to(windows.end)),
        window=lasted.up_to(windows.end),
        observed=passed,
        expected=was,
    )
    return Finding(
        detector=DETECTOR,
        kind="retry_storm",
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0 - (total["attempts"] - total["errors"]) / max(total["originals"], 1.0),
        evidence=(evidence,),
        edges=tuple(sorted(zip(edges["client"].astype(str), edges["callee"].astype(str), strict=True))),
        facts={
            "amplification": amplification,
            "wasted_share": wasted,
            "alarm_at": lasted.started_at + PERSIST_S,
        },
    )


def _summed(windows: Windows, rows: pd.DataFrame) -> dict[str, Floats]:
    """[windows] Counts of these calls; of none, zeros."""
    counts = ("attempts", "originals", "errors", "passed")
    if rows.empty:
        return dict.fromkeys(counts, np.zeros(window_count(windows)))
    table = tally(windows, rows.assign(all=""), ("all",), counts)
    return {name: table[name][0] for name in counts}


def _share(counts: dict[str, Floats], name: str, stretch: slice) -> float:
    return float(counts[name][stretch].sum() / max(counts["attempts"][stretch].sum(), 1.0))


def _storming(calls: pd.DataFrame) -> pd.DataFrame:
    """Client and callee of the calls that are repeated and mostly fail all the same. Callers that wait for longer get
    what they asked for out of the same queue."""
    edges = calls.groupby(_EDGE, observed=True)[["attempts", "originals", "errors"]].sum()
    repeated = (edges["attempts"] > 0) & (edges["attempts"] >= AMPLIFIED * edges["originals"])
    poor = edges["attempts"] - edges["errors"] < POOR * edges["originals"]
    return edges[repeated & poor].reset_index()[_EDGE]
