"""Findings of loops -> the sustaining part of an incident."""

from __future__ import annotations

from .analysis import Sustaining, SustainingKind, Trigger
from .base import Finding
from .grouping import LOOPS, Group
from .ledger import Ledger


def sustaining(group: Group, trigger: Trigger, ledger: Ledger) -> tuple[Sustaining, ...]:
    """List the loops of an incident, by start; one that outlives the trigger is metastable.

    (Bronson et al., "Metastable failures in distributed systems", HotOS 2021.)
    """
    found: list[tuple[SustainingKind, Finding]] = [
        (kind, f) for f in group.findings for kind in LOOPS if f.kind == kind and f.component != trigger.component
    ]
    loops = [
        Sustaining(
            kind=kind,
            component=f.component,
            edges=f.edges,
            started_at=f.started_at,
            ended_at=f.ended_at,
            amplification=float(f.facts.get("amplification", 1.0)),
            wasted_share=float(f.facts.get("wasted_share", 0.0)),
            metastable=trigger.ended_at is not None and (f.ended_at is None or f.ended_at > trigger.ended_at),
            evidence=ledger.cite(f.detector, f.evidence),
        )
        for kind, f in found
    ]
    return tuple(sorted(loops, key=lambda loop: (loop.started_at, loop.kind, loop.component)))
