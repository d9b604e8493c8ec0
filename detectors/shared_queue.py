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
from .base import Evidence, Finding, stretch_of
from .change_point import LEAST_FACTOR, change_point
from .graph import callees
from .queries import sql
from .retry_storm import AMPLIFIED, PERSIST_S, POOR
from .series import calls_over, tally
from .suspects import Suspect

DETECTOR = "shared_queue"

LOST = ("connect", "other", *(f"dns_{name}" for name in DNS_CLASSES))
"""How calls fail that never reach anybody. Who is reached and drowns fails them by time-out, long after a network, a
name or a process is back."""

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
    table = tally(windows, rows.assign(all=""), ("all",), ("attempts", "originals", "errors", "passed"))
    full = min(queues, key=lambda f: f.started_at)
    first, after = (int((at - windows.start) // windows.window_s) for at in full.up_to(windows.end))
    split = change_point(table["passed"][0, first:after], table["attempts"][0, first:after])
    if split is None or (after - first - split) * windows.window_s < PERSIST_S:
        return None
    before, since = slice(first, first + split), slice(first + split, after)
    was = float(table["passed"][0, before].sum() / max(table["attempts"][0, before].sum(), 1.0))
    if any(table[name][0, since].mean() * LEAST_FACTOR < table[name][0, before].mean() for name in ASKED):
        return None
    total = {name: float(values[0, since].sum()) for name, values in table.values.items()}
    good = total["attempts"] - total["errors"]
    grown = total["passed"] >= LEAST_FACTOR * was * total["attempts"]
    if not grown or total["attempts"] < AMPLIFIED * total["originals"] or good >= POOR * total["originals"]:
        return None
    well = table["attempts"][0, since] - table["errors"][0, since] >= POOR * table["originals"][0, since]
    last = first + split + int(np.flatnonzero(~well).max(initial=0)) + 1
    lasted = stretch_of(windows, first + split, None if full.ended_at is None and last == after else last)
    amplification = total["attempts"] / max(total["originals"], 1.0)
    evidence = Evidence(
        statement=f"{total['passed'] / total['attempts']:.0%} of the calls through {top.component} passed, {was:.0%} "
        "before, while its queue stayed full: others left, or room was added, and its callers' "
        f"{amplification:.1f} attempts for each request kept it so",
        query=sql("calls", "client, server, peer, attempts, originals, answered, errors", lasted.up_to(windows.end)),
        window=lasted.up_to(windows.end),
        observed=total["passed"] / total["attempts"],
        expected=was,
    )
    told = rows[rows["window"] >= lasted.started_at]
    edges = zip(told["client"].astype(str), told["callee"].astype(str), strict=True)
    return Finding(
        detector=DETECTOR,
        kind="retry_storm",
        component=top.component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0 - good / max(total["originals"], 1.0),
        evidence=(evidence,),
        edges=tuple(sorted(set(edges))),
        facts={
            "amplification": amplification,
            "wasted_share": max(0.0, 1.0 - good / max(total["passed"], 1.0)),
            "alarm_at": lasted.started_at + PERSIST_S,
        },
    )
