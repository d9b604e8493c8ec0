"""Findings of loops -> the sustaining part of an incident."""

from __future__ import annotations

from math import inf

from ..collector.model import Windows
from .analysis import Sustaining, SustainingKind, Trigger
from .backlog import backlogs
from .base import Finding
from .graph import Graph
from .grouping import FAILING, LOOPS, Group
from .ledger import Ledger
from .retry_storm import persist_s
from .suspects import overlaps
from .ties import keeps_load_from, shown_before

WASTED = 0.5
"""While the trigger lasts, callees may be slow because theirs are: a loop shows only where most work is wasted."""


def sustaining(
    windows: Windows, group: Group, graph: Graph, trigger: Trigger, ledger: Ledger
) -> tuple[Sustaining, ...]:
    """List the loops of an incident, by start; one that outlives the trigger is metastable, but for a backlog.

    (Bronson et al., "Metastable failures in distributed systems", HotOS 2021.)
    """
    found: list[tuple[SustainingKind, Finding]] = [
        (kind, f)
        for f in group.findings
        for kind in LOOPS
        if f.kind == kind and _keeps_going(windows, f, trigger, group, graph)
    ]
    if trigger.ended_at is not None:
        worked_off: list[tuple[SustainingKind, Finding]] = [
            ("backlog", f) for f in backlogs(windows, group, graph, trigger.ended_at)
        ]
        found += worked_off
    loops = [
        Sustaining(
            kind=kind,
            component=f.component,
            edges=f.edges,
            started_at=f.started_at,
            ended_at=f.ended_at,
            amplification=float(f.facts.get("amplification", 1.0)),
            wasted_share=float(f.facts.get("wasted_share", 0.0)),
            metastable=kind != "backlog" and _outlives(windows, f, trigger),
            evidence=ledger.cite(f.detector, f.evidence),
        )
        for kind, f in found
    ]
    return tuple(sorted(loops, key=lambda loop: (loop.started_at, loop.kind, loop.component)))


def _keeps_going(windows: Windows, finding: Finding, trigger: Trigger, group: Group, graph: Graph) -> bool:
    """Whether a finding is a loop of its own, and not the trigger, nor what the trigger alone explains."""
    if finding.kind == trigger.kind and finding.component == trigger.component and finding.kind != "cache_loss":
        return False
    if finding.kind == "restart_herd":  # of the same calls, repeats of one request explain more than a herd does
        storms = {edge for f in group.findings if f.kind == "retry_storm" for edge in f.edges}
        if storms & set(finding.edges):
            return False
    if finding.kind not in ("retry_storm", "restart_herd"):
        return finding.component == trigger.component or _set_off(windows, finding, trigger, group, graph)
    if _outlives(windows, finding, trigger):
        return True
    # While the trigger lasts, who depends on it is slow because of it, and asked again because it is slow. Only work
    # that waits in its own queue shows that it cannot do what is asked of it.
    if graph.path(finding.component, trigger.component):
        return any(
            f.kind == "queueing"
            and f.component == finding.component
            and overlaps(f, (finding.started_at, finding.until(inf)))
            for f in group.findings
        )
    return float(finding.facts.get("wasted_share", 0.0)) > WASTED


def _set_off(windows: Windows, finding: Finding, trigger: Trigger, group: Group, graph: Graph) -> bool:
    """Whether the trigger may have set it off: it did not go on before, as far as windows can tell; and a cache kept
    load from something that fails, and does not miss like this every now and then."""
    if finding.started_at < trigger.started_at - windows.window_s and finding.kind in (
        "health_check_flapping",
        "cache_loss",
    ):
        return False
    if finding.kind != "cache_loss":
        return True
    failing = {trigger.component, *(f.component for f in (*group.symptoms, *group.findings) if f.kind in FAILING)}
    since = trigger.started_at
    tied = any(keeps_load_from(windows, graph, finding.component, {node}, since, slow=True) for node in sorted(failing))
    return tied and not shown_before(windows, finding)


def _outlives(windows: Windows, finding: Finding, trigger: Trigger) -> bool:
    """Whether it went on for so long after the trigger's end that it holds by itself."""
    return trigger.ended_at is not None and finding.until(inf) > trigger.ended_at + persist_s(windows, finding)
