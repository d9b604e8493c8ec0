"""Windows -> analysis: the whole way, as one pure function."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from ..collector.errors import UsageError
from ..collector.model import Windows
from .analysis import SCHEMA, Analysis, Deviation, EarlyWarning, Incident, RecordingSummary, costliest_first
from .apart import parts, told_apart
from .around import LOOK_S, group_around, suspects_around
from .base import Finding
from .baseline import after_baseline
from .belonging import belonging
from .blind_spots import blind_spots
from .cause import suspects
from .gate import user_visible
from .graph import Graph, dependency_graph
from .grouping import LEADING, Group, groups
from .incident import explain
from .metric_calls import with_metric_calls
from .order import in_order
from .record_writes import STORY_S
from .registry import DETECTORS
from .releases import with_releases
from .suspects import Suspect
from .waiting import Told, with_waits
from .whole import held_to_all


def analyze(
    windows: Windows, summary: RecordingSummary, *, at: float | None = None, baseline: Windows | None = None
) -> Analysis:
    """Explain every incident in the windows, the one with the most failed requests first.

    at: Unix seconds; explain what went wrong around this moment even if users saw no failures.
    baseline: a time in which all was well, of the same window length, to learn from what is usual. With it a moment
    at which users would have noticed nothing is no incident; what was unusual there are its deviations.
    Rows may come in any order; the same rows give the same analysis.
    Raises UsageError for a moment outside of the data, and for a baseline with windows of another length.
    """
    if at is not None and not windows.start <= at <= windows.end:
        told = f"from {_utc(windows.start)} to {_utc(windows.end)}"
        raise UsageError(f"--at {_utc(at)} lies outside of the data, which runs {told}")
    since = -math.inf
    if baseline is not None:
        since, windows = windows.start, after_baseline(windows, baseline)
    windows, graph, findings, found = look(windows, since)
    deviations: tuple[Deviation, ...] = ()
    if at is None:
        failed = [told for group in found for told in _explained(windows, graph, group)]
        incidents = [told.incident for told in with_waits(windows, graph, findings, failed, since)]
    else:
        incidents, deviations = _around(windows, graph, found, findings, at, surely=baseline is not None)
    return Analysis(
        schema=SCHEMA,
        recording=summary,
        incidents=costliest_first(incidents),
        blind_spots=blind_spots(windows, graph, findings),
        deviations=deviations,
        warnings=_warnings(findings, incidents),
    )


def look(windows: Windows, since: float = -math.inf) -> tuple[Windows, Graph, list[Finding], list[Group]]:
    """All there is to explain: releases and what metrics tell of calls are added to the windows, and what detectors saw
    is grouped.

    since: what began before is normal by definition.
    """
    windows = with_metric_calls(with_releases(in_order(windows), since))
    findings = [f for detect in DETECTORS.values() for f in detect(windows) if f.started_at >= since]
    symptoms = [s for s in user_visible(windows) if s.started_at >= since]
    graph = dependency_graph(windows)
    return windows, graph, findings, groups(windows, symptoms, belonging(graph, symptoms, findings))


def _explained(windows: Windows, graph: Graph, group: Group) -> list[Told]:
    """The incident of a group, or where it is surely several that have nothing to do with each other, these."""
    apart = [failure(seen, graph, part) for seen, part in parts(windows, graph, group)]
    return apart if told_apart(graph, [told.incident for told in apart]) else [failure(windows, graph, group)]


def failure(windows: Windows, graph: Graph, group: Group) -> Told:
    """The group of users' failures, explained."""
    ranked = held_to_all(windows, graph, group, suspects(windows, graph, list(group.findings), group.started_at))
    return Told(group, explain(windows, graph, group, ranked), next(iter(ranked), None))


def _around(
    windows: Windows, graph: Graph, found: list[Group], findings: list[Finding], at: float, *, surely: bool
) -> tuple[list[Incident], tuple[Deviation, ...]]:
    """The incident that users noticed around the moment, else what changed there; with `surely`, maybe no incident."""
    near = [g for g in found if g.started_at - LOOK_S <= at <= g.until(windows.end)]
    if near:
        nearest = min(near, key=lambda g: (abs(g.started_at - at), g.started_at))
        incidents = (told.incident for told in _explained(windows, graph, nearest))
        return [min(incidents, key=lambda i: _distance(i, at))], ()
    ranked, noticed = suspects_around(windows, graph, findings, at, surely=surely)
    if not noticed:
        return [], tuple(_deviation(suspect) for suspect in ranked)
    return [explain(windows, graph, group_around(windows, findings, ranked[0] if ranked else None, at), ranked)], ()


def _distance(incident: Incident, at: float) -> tuple[bool, float, float]:
    """Sorts the incidents that go on at the moment before all others, and each by how far off it began."""
    goes_on = incident.started_at <= at < (math.inf if incident.ended_at is None else incident.ended_at)
    return not goes_on, abs(incident.started_at - at), incident.started_at


def _warnings(findings: list[Finding], incidents: list[Incident]) -> tuple[EarlyWarning, ...]:
    """What comes before harm, but for what the incidents themselves tell of, and what led to them."""
    early = [f for f in findings if f.kind in LEADING and not any(_belongs(f, incident) for incident in incidents)]
    return tuple(_warning(f) for f in sorted(early, key=lambda f: (f.started_at, f.component, f.detector)))


def _belongs(finding: Finding, incident: Incident) -> bool:
    """Whether an incident tells of it, or broke out where it was seen, within the hour."""
    told = {(item.detector, item.statement) for item in incident.evidence}
    if any((finding.detector, e.statement) in told for e in finding.evidence):
        return True
    over = math.inf if incident.ended_at is None else incident.ended_at
    near = finding.started_at <= over and finding.until(math.inf) >= incident.started_at - STORY_S
    return near and finding.component == incident.trigger.component


def _warning(finding: Finding) -> EarlyWarning:
    return EarlyWarning(
        component=finding.component,
        started_at=finding.started_at,
        ended_at=finding.ended_at,
        statement="; ".join(e.statement for e in finding.evidence),
        query=finding.evidence[0].query,
    )


def _deviation(suspect: Suspect) -> Deviation:
    return Deviation(
        component=suspect.component,
        service=suspect.service,
        score=suspect.score,
        statement=suspect.evidence.statement,
        query=suspect.evidence.query,
    )


def _utc(time: float) -> str:
    """As people write it; a time that no calendar holds as the number that it is."""
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(time)
