"""Instances that ask for their state all at once, and ask again while the answer to the last time still waits.

What users ask for has not grown, and nobody retries one request; yet a callee is asked far more often than before by
those who need something from it before they can serve, most of it comes too late, and little succeeds. (AWS DynamoDB,
20 September 2015; Google Cloud, 12 June 2025. Collapse above N / (C * T) = 2, see `lease_collapse`.) A retry storm is
told apart by its repeats of one request, an organic surge by its users, a lost cache by the cache's own counters, a
fallback by the calls that its clients lose elsewhere.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from ..collector.model import Windows
from .base import MOSTLY, Evidence, Finding, stretch_of
from .cache_loss import clients_of_lost_caches
from .edges import LEAST_REQUESTS, EdgeCounts, late_edges, summed, users_flat, usual
from .graph import callees
from .metric_calls import of_spans
from .queries import sql
from .retry_storm import AMPLIFIED, POOR, lasts, sharpened
from .runs import Run, sure_at
from .series import Flags, Floats, calls_over, tally, window_count


def restart_herd(windows: Windows) -> list[Finding]:
    """Find edges over which a herd asks."""
    windows = of_spans(windows)
    flat, incoming = users_flat(windows), cache(partial(_incoming, windows))
    behind_caches = clients_of_lost_caches(windows)
    found: list[Finding] = []
    for edge in late_edges(windows):
        bad = _failing(edge)
        herd = bad & flat & _late(edge)
        if edge.client in behind_caches or not herd.any():
            continue
        before = usual(edge["originals"], ~bad)
        asked = AMPLIFIED * before * incoming(edge.client, edge.width)
        herd &= edge["originals"] >= asked
        if herd.any():  # of most clients it need not be known
            herd &= edge["originals"] >= asked + _lost_elsewhere(windows, edge)
        found += [_finding(windows, edge, before, run) for run in sharpened(herd, edge.width) if lasts(windows, run)]
    return sorted(found, key=lambda f: (f.started_at, f.component, f.edges))


def _incoming(windows: Windows, service: str, width: int) -> Floats:
    """[windows] How many times as much as usual is asked of a service: that alone makes it ask its callees more.

    width: the windows that the calls to the callee are summed over. A longer sum would lag behind a step in what is
    asked of the service and call its first minute a herd; one window alone is noise where spans are few.
    """
    served = windows.calls[["window", "server", "attempts"]][windows.calls["server"] == service]
    table = tally(windows, served, ("server",), ("attempts",))
    if not len(table):
        return np.ones(window_count(windows))
    asked = summed(table["attempts"][0], width)
    return np.maximum(1.0, asked / usual(asked, np.ones(len(asked), np.bool_)))


def _lost_elsewhere(windows: Windows, edge: EdgeCounts) -> Floats:
    """[windows] Requests of the client to its other callees that fail beyond the usual: each may fall back on this one.

    Of each callee no more than are usually made to it: what its own herd adds is no reason for this one.
    """
    to = callees(windows)
    others = np.asarray((windows.edges.names["client"] == edge.client) & (to != edge.callee), np.bool_)
    rows = calls_over(windows, others, ["window", "attempts", "originals", "errors"], callee=to)
    table = tally(windows, rows, ("callee",), ("attempts", "originals", "errors"))
    total = np.zeros(window_count(windows))
    for attempts, made, errors in zip(table["attempts"], table["originals"], table["errors"], strict=True):
        requests, lost = (summed(counts, edge.width) for counts in (made, (errors - (attempts - made)).clip(0)))
        well = lost < POOR * requests
        total += np.minimum(lost - np.minimum(lost, usual(lost, well)), usual(requests, well))
    return total


def _failing(edge: EdgeCounts) -> Flags:
    """[windows] Whether most requests fail, however often they are tried."""
    repeats = edge["attempts"] - edge["originals"]
    good = edge["originals"] - np.maximum(0.0, edge["errors"] - repeats)
    return good < POOR * edge["originals"]


def _late(edge: EdgeCounts) -> Flags:
    """[windows] Whether most failures come too late, among requests enough to tell."""
    late = np.maximum(edge["errors_deadline"], edge["wasted"]) > MOSTLY * edge["errors"]
    return late & (edge["originals"] >= LEAST_REQUESTS / 2)


def _finding(windows: Windows, edge: EdgeCounts, before: Floats, run: Run) -> Finding:
    lasted = stretch_of(windows, run.start, run.end)
    during = lasted.up_to(windows.end)
    part = slice(run.start, run.end)
    asked, expected = float(edge["originals"][part].sum()), float(before[part].sum())
    failed = float(edge["errors"][part].sum()) / max(1.0, float(edge["attempts"][part].sum()))
    evidence = Evidence(
        statement=f"{edge.client} asked {edge.callee} {asked / max(expected, 1.0):.1f} times as often as before, "
        f"while users did not ask for more, and {failed:.0%} of it failed",
        query=sql("calls", "attempts, originals, errors, wasted", during, client=edge.client),
        window=during,
        observed=asked,
        expected=expected,
    )
    return Finding(
        detector="restart_herd",
        kind="restart_herd",
        component=edge.callee,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=failed,
        evidence=(evidence,),
        edges=((edge.client, edge.callee),),
        facts={
            "amplification": asked / max(expected, 1.0),
            "wasted_share": failed,
            "alarm_at": sure_at(windows, run),
        },
    )
