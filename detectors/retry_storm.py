"""Retry storm: repeats of the same requests, not more requests, overload a callee, and its work is thrown away.

Amplification alone proves nothing: a look-up that fails at once and is tried four times has amplification 4 and
harms nobody. A storm is the conjunction, edge by edge: repeats multiply, the callee is really reached far more often
than before, most of it times out and little of what was asked for succeeds, and the number of requests behind it has
not grown (Bronson et al., HotOS 2021; Huang et al., OSDI 2022; Google SRE, "Handling Overload"). What outlives the
trigger is metastable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..collector.model import Windows
from .base import MOSTLY, Evidence, Finding, stretch_of
from .cache_loss import clients_of_lost_caches
from .edges import LEAST_REQUESTS, EdgeCounts, late_edges, users_flat, usual
from .queries import sql
from .runs import Run, runs, sure_at
from .series import Flags, concept_of

AMPLIFIED = 1.5
"""Attempts per request. A retry budget of a tenth to a fifth, as gRPC, Envoy and Finagle have it, allows 1.2."""

POOR = 0.5
"""Less than half of the requests succeed in the end."""

PERSIST_S = 60.0
"""Five times a usual client time-out of some ten seconds: what is over sooner drained by itself. So where the time-out
of an edge is not known, and for how long a storm must be seen at the least."""

PERSIST = 5.0
"""Time-outs after which what still goes on holds by itself."""

LEAST_WINDOWS = 3
"""And no fewer windows: when the trigger ended is told to a window, and so is when the storm did."""

TIMED_OUT = 0.9
"""Where so many attempts run out of time, what attempts took on average is the time-out to within a tenth."""


def retry_storm(windows: Windows) -> list[Finding]:
    """Find edges on which repeats kept a callee from answering."""
    flat = users_flat(windows)
    found: list[Finding] = []
    behind_caches = clients_of_lost_caches(windows)  # what each request asks of the store multiplies for another reason
    for edge in late_edges(windows):
        if edge.client in behind_caches:
            continue
        storming = _storming(edge, flat)
        found += [_finding(windows, edge, run) for run in sharpened(storming, edge.width) if lasts(windows, run)]
    return sorted(found, key=lambda f: (f.started_at, f.component, f.edges))


def sharpened(flags: Flags, width: int) -> list[Run]:
    """Runs of a condition on sums over `width` windows: such a sum remembers for so long what is over."""
    found = [replace(run, end=None if run.end is None else run.end - width + 1) for run in runs(flags, flags)]
    return [run for run in found if run.end is None or run.end > run.start]


def lasts(windows: Windows, run: Run) -> bool:
    """Whether a run is long enough to be a loop."""
    end = (windows.end - windows.start) // windows.window_s if run.end is None else run.end
    return (end - run.start) * windows.window_s >= PERSIST_S


def persist_s(windows: Windows, storm: Finding) -> float:
    """For how long after the trigger's end a storm must go on to hold by itself, in seconds."""
    if "timeout_s" not in storm.facts:
        return PERSIST_S
    return max(PERSIST * float(storm.facts["timeout_s"]), LEAST_WINDOWS * windows.window_s)


def _storming(edge: EdgeCounts, flat: Flags) -> Flags:
    """Windows in which every condition on the edge itself holds, while users are `flat`."""
    originals = np.maximum(edge["originals"], 1.0)
    good = edge["attempts"] - edge["errors"]
    in_vain = (edge["attempts"] >= AMPLIFIED * originals) & (good < POOR * originals)
    # who is overloaded answers too late, who is broken answers with an error at once
    late = np.maximum(edge["errors_deadline"], edge["wasted"]) > MOSTLY * edge["errors"]
    storming = in_vain & late & flat & (edge["originals"] >= LEAST_REQUESTS / 2)
    if not storming.any():  # what is usual is the dearest to tell
        return storming
    return storming & (edge["reached"] >= AMPLIFIED * usual(edge["reached"], ~in_vain))


def _finding(windows: Windows, edge: EdgeCounts, run: Run) -> Finding:
    lasted = stretch_of(windows, run.start, run.end)
    during = lasted.up_to(windows.end)
    total = {name: float(values[run.start : run.end].sum()) for name, values in edge.counts.items()}
    amplification = total["attempts"] / max(total["originals"], 1.0)
    goodput = (total["attempts"] - total["errors"]) / max(total["originals"], 1.0)
    timeout_s = _timeout_s(edge, run)
    known: dict[str, float | str] = {} if timeout_s is None else {"timeout_s": timeout_s}
    evidence = Evidence(
        statement=f"{edge.client} made {amplification:.1f} attempts for each request to {edge.callee}, "
        f"and {goodput:.0%} of the requests succeeded; users had not asked for more",
        query=sql("calls", "attempts, originals, answered, errors, wasted", during, client=edge.client),
        window=during,
        observed=amplification,
        expected=1.0,
    )
    return Finding(
        detector="retry_storm",
        kind="retry_storm",
        component=edge.callee,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0 - goodput,
        evidence=(evidence, *_standing(windows, edge.callee, during, timeout_s)),
        edges=((edge.client, edge.callee),),
        facts=known
        | {
            "amplification": amplification,
            "wasted_share": total["wasted"] / max(total["answered"], 1.0),
            "alarm_at": sure_at(windows, run),
        },
    )


def _timeout_s(edge: EdgeCounts, run: Run) -> float | None:
    """After how long the client gives up, by the calls that ran out of time; None where too few of all did."""
    inside = slice(run.start, run.end)
    late = edge["errors_deadline"][inside] >= TIMED_OUT * edge["attempts"][inside]
    tried, took_ns = (float(edge[name][inside][late].sum()) for name in ("attempts", "client_ns"))
    return took_ns / tried / 1e9 if took_ns > 0 else None


def _standing(
    windows: Windows, callee: str, during: tuple[float, float], timeout_s: float | None
) -> Iterator[Evidence]:
    """The age of the callee's queue against the time-out: what waits for longer is wasted when it is done."""
    rows = concept_of(windows, "queue_age_s", {callee})
    ages = rows["value"][(rows["window"] >= during[0]) & (rows["window"] < during[1])]
    if timeout_s is None or ages.empty or float(ages.median()) <= timeout_s:
        return
    yield Evidence(
        statement=f"the oldest work in {callee}'s queue was {float(ages.median()):.0f} s old, "
        f"where its callers give up after {timeout_s:.1f} s",
        query=sql("signals", "value, low", during, component=callee, concept="queue_age_s"),
        window=during,
        observed=float(ages.median()),
        expected=timeout_s,
    )
