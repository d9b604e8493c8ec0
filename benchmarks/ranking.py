"""What benchmarks over labelled faults share: a case, the figures of many, and how they are told."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from epicenter.collector.model import Windows
from epicenter.detectors.analysis import Analysis

from .memory import forget_peak, memory_mib
from .yardsticks import baro, traversal

AIM_S, AIM_MIB = 1.0, 500e6 / 2**20
Case = dict[str, Any]


def judged(root: str, at: float, seen: Windows, explain: Callable[[], Analysis], **told: object) -> Case:
    """One case: whom the analysis names, in what time and memory, and where the others rank the root.

    Where it tells of no incident, its deviations are the ranking, and the case is `silent`.
    seen: what the yardsticks look at, with calls that end with the case.
    """
    gc.collect()
    forget_peak()
    before, clock = memory_mib("VmRSS"), time.perf_counter()
    explained = explain()
    seconds = time.perf_counter() - clock
    grew = memory_mib("VmHWM") - before
    incidents = explained.incidents
    candidates = incidents[0].candidates if incidents else explained.deviations
    names = [candidate.service for candidate in candidates]
    rank = names.index(root) + 1 if root in names else 0
    scores = {candidate.service: candidate.score for candidate in reversed(candidates)}
    case: Case = {**told, "root": root, "rank": rank, "named": names[0] if names else ""}
    trigger = incidents[0].trigger if incidents else None
    case |= {"confidence": trigger.confidence if trigger else 0.0, "kind": trigger.kind if trigger else "-"}
    case |= {"silent": not incidents, "why": _why(root, names, scores)}
    case |= {"seconds": round(seconds, 3), "mib": round(grew)}
    for name, ranked in (("baro", baro(seen, at)), ("traversal", traversal(seen, at))):
        case[name] = ranked.index(root) + 1 if root in ranked else 0
    return case


def _why(root: str, names: Sequence[str], scores: dict[str, float]) -> str:
    """One line on a miss; "" on none."""
    if names and names[0] == root:
        return ""
    if not names:
        return "nothing lies beyond what is usual for it"
    if root not in names:
        return f"{names[0]} changed ({scores[names[0]]:.2f} of all that did), and nothing of {root} beyond its usual"
    return f"{names[0]} changed more: {scores[names[0]]:.2f} against {scores[root]:.2f} of all that did"


def figures(cases: Sequence[Case], silence: float | None) -> dict[str, Any]:
    """The figures of some cases, with the yardsticks' beside them."""
    sure = [case for case in cases if case["confidence"] >= 0.8]
    told: dict[str, Any] = tops([case["rank"] for case in cases])
    told["precision_at_confidence_08"] = float(np.mean([case["rank"] == 1 for case in sure])) if sure else None
    told["told_as_no_incident"] = sum(case["silent"] for case in cases)
    told |= {"silence": silence, "seconds": max(case["seconds"] for case in cases), "mib": max(c["mib"] for c in cases)}
    return told | {name: tops([case[name] for case in cases]) for name in ("baro", "traversal")}


def tops(ranks: Sequence[int]) -> dict[str, float]:
    """Shares of the ranks within the first k; rank 0 is never."""
    at = {k: float(np.mean([0 < rank <= k for rank in ranks])) for k in range(1, 6)}
    return {"top1": at[1], "top3": at[3], "top5": at[5], "avg5": float(np.mean(list(at.values())))}


def tell(name: str, told: dict[str, Any], cases: Sequence[Case]) -> None:
    """Print the figures, every miss with its reason, and who was taken for whom."""
    print(f"{name}: {len(cases)} cases, of which each may take {AIM_S:g} s and {AIM_MIB:.0f} MiB")
    for figure, value in told.items():
        shown = " ".join(f"{k} {v:.2f}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"  {figure:28} {shown:.2f}" if isinstance(shown, float) else f"  {figure:28} {shown}")
    for case in cases:
        if case["rank"] != 1:
            print(f"  missed: {case['case']} {case['root']}: {case['why']}")
    confused = sorted({(case["root"], case["named"]) for case in cases if case["rank"] != 1})
    for root, named in confused:
        count = sum((case["root"], case["named"]) == (root, named) for case in cases)
        print(f"  {count} times {named or 'nobody'} for {root}")
