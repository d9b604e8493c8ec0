"""Retry storm: repeats of the same requests, not more requests, overload a callee, and its work is thrown away.

Amplification alone proves nothing: a look-up that fails at once and is tried four times has amplification 4 and
harms nobody. A storm is the conjunction, edge by edge: repeats multiply, the callee is really reached far more often
than before, most of it times out and little of what was asked for succeeds, and the number of requests behind it has
not grown (Bronson et al., HotOS 2021; Huang et al., OSDI 2022; Google SRE, "Handling Overload"). What outlives the
trigger is metastable.
"""

from __future__ import annotations

import numpy as np

from ..collector.model import Windows
from .base import Evidence, Finding
from .queries import sql
from .runs import Run, runs
from .series import Flags, Floats, tally

AMPLIFIED = 1.5
"""Attempts per request. A retry budget of a tenth to a fifth, as gRPC, Envoy and Finagle have it, allows 1.2."""

FLAT = 1.5
"""Requests may grow by half within a day's rhythm; more is an organic surge, which needs capacity instead."""

POOR = 0.5
"""Less than half of the requests succeed in the end."""

MOSTLY = 0.5
"""Most failures are time-outs: who is overloaded answers too late, who is broken answers with an error at once."""

PERSIST_S = 60.0
"""Five times a usual client time-out of some ten seconds: what is over sooner drained by itself."""

LEAST_REQUESTS = 20
"""Requests in a window below which these ratios are noise: one failure moves them by a twentieth."""

QUANTITIES = ("attempts", "originals", "answered", "errors", "errors_deadline", "wasted")


def retry_storm(windows: Windows) -> list[Finding]:
    """Find edges on which repeats kept a callee from answering."""
    rows = windows.calls[windows.calls["client"] != ""]
    if rows.empty:
        return []
    # one row a callee however it is addressed: unanswered attempts only have its name
    owners = rows[rows["server"] != ""].groupby("peer")["server"].first().to_dict()
    callee = rows["server"].where(rows["server"] != "", rows["peer"].map(lambda name: owners.get(name, name)))
    table = tally(windows, rows.assign(callee=callee), ("client", "callee"), QUANTITIES)
    found: list[Finding] = []
    for row, edge in enumerate(zip(table.names("client"), table.names("callee"), strict=True)):
        counts = {name: table[name][row] for name in QUANTITIES}
        storming = _storming(counts)
        found += [_finding(windows, edge, counts, run) for run in runs(storming, storming) if _lasts(windows, run)]
    return sorted(found, key=lambda f: (f.started_at, f.component, f.edges))


def _lasts(windows: Windows, run: Run) -> bool:
    end = (windows.end - windows.start) // windows.window_s if run.end is None else run.end
    return (end - run.start) * windows.window_s >= PERSIST_S


def _storming(counts: dict[str, Floats]) -> Flags:
    """Windows in which every condition holds."""
    originals = np.maximum(counts["originals"], 1.0)
    good = counts["attempts"] - counts["errors"]
    in_vain = (counts["attempts"] >= AMPLIFIED * originals) & (good < POOR * originals)
    return (
        in_vain
        & (counts["originals"] >= LEAST_REQUESTS)
        & (counts["answered"] >= AMPLIFIED * _usual(counts["answered"], ~in_vain))
        & (counts["originals"] <= FLAT * _usual(counts["originals"], ~in_vain))
        & (np.maximum(counts["errors_deadline"], counts["wasted"]) > MOSTLY * counts["errors"])
    )


def _usual(counts: Floats, teaching: Flags) -> Floats:
    """The median of the teaching windows until then: a storm is none, or one that lasts would become the usual."""
    seen = np.where(teaching & (counts > 0), counts, np.nan)
    middle = np.array([np.nanmedian(seen[: i + 1]) if np.isfinite(seen[: i + 1]).any() else 0.0 for i in _grid(counts)])
    return np.maximum(np.repeat(middle, _STEP)[: len(counts)], 1.0)


_STEP = 30
"""The median moves slowly: it is taken anew every thirty windows, which keeps a day of windows cheap."""


def _grid(counts: Floats) -> range:
    return range(0, len(counts), _STEP)


def _finding(windows: Windows, edge: tuple[str, str], counts: dict[str, Floats], run: Run) -> Finding:
    client, callee = edge
    start = float(windows.start + run.start * windows.window_s)
    end = None if run.end is None else float(windows.start + run.end * windows.window_s)
    until = float(windows.end) if end is None else end
    total = {name: float(values[run.start : run.end].sum()) for name, values in counts.items()}
    amplification = total["attempts"] / max(total["originals"], 1.0)
    goodput = (total["attempts"] - total["errors"]) / max(total["originals"], 1.0)
    evidence = Evidence(
        statement=f"{client} made {amplification:.1f} attempts for each request to {callee}, "
        f"and {goodput:.0%} of the requests succeeded; the requests themselves had not grown",
        query=sql("calls", "attempts, originals, answered, errors, wasted", (start, until), client=client),
        window=(start, until),
        observed=amplification,
        expected=1.0,
    )
    return Finding(
        detector="retry_storm",
        kind="retry_storm",
        component=callee,
        started_at=start,
        ended_at=end,
        score=1.0 - goodput,
        evidence=(evidence,),
        edges=(edge,),
        facts={
            "amplification": amplification,
            "wasted_share": total["wasted"] / max(total["answered"], 1.0),
            "alarm_at": float(windows.start + (run.start + run.needed) * windows.window_s),
        },
    )
