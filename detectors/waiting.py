"""Incidents in which users wait: by themselves, before their requests fail, or as a part of what fails."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..collector.model import Windows
from .analysis import Incident
from .around import suspects_around
from .base import HORIZON, Finding, last
from .graph import Graph
from .grouping import Group, group_of
from .incident import explain
from .levels import LEARNS
from .suspects import Suspect
from .waits import users_waited


@dataclass(frozen=True)
class Told:
    """A group of findings, the incident that it was explained as, and its likeliest suspect, where there is any."""

    group: Group
    incident: Incident
    top: Suspect | None


def with_waits(
    windows: Windows, graph: Graph, findings: list[Finding], failed: list[Told], normal_until: float
) -> list[Told]:
    """The incidents in which requests of users failed, and those in which users waited.

    What times out is slow before and after that too, so a wait that leads back to the same as failures within ten
    windows of it, or that was met where these were, belongs to them. If it came long before them and leads to what they
    lead to, or they to nothing that is known, the incident began with it. normal_until: waits from before are usual.
    """
    told = list(failed)
    explained = {id(finding) for other in failed for finding in other.group.findings}
    apart = [finding for finding in findings if id(finding) not in explained]
    waits = [wait for wait in users_waited(windows) if wait.started_at >= normal_until]
    for group in _gathered(waits, apart, windows):
        since = _well_since(windows, group.started_at, told)
        ranked, _ = suspects_around(windows, graph, findings, group.started_at, surely=False, since=since)
        ranked = [replace(suspect, onset=group.started_at) for suspect in ranked]
        incident = explain(windows, graph, group, ranked)
        horizon_s = HORIZON * windows.window_s
        during = (group.started_at - horizon_s, group.until(windows.end) + horizon_s)
        near = [other for other in told if other.group.symptoms and _near(other.group, during, windows)]
        same = next((other for other in near if _one_story(group, incident, other.incident)), None)
        if same is None:
            told.append(Told(group, incident, next(iter(ranked), None)))
        elif group.started_at < same.group.started_at - horizon_s and _leads(incident, same.incident):
            told[told.index(same)] = _taken_over(windows, graph, findings, group, same, ranked)
    return told


def _well_since(windows: Windows, began: float, told: list[Told]) -> float:
    """The end of the last incident before, if enough is known of the time after it: within it nothing was as usual."""
    ends = (other.group.until(windows.end) for other in told)
    return max((end for end in ends if end <= began - LEARNS * windows.window_s), default=float("-inf"))


def _gathered(waits: list[Finding], findings: list[Finding], windows: Windows) -> list[Group]:
    """Waits that overlap are one group, which begins where that with most extra seconds in all does.

    A service that few ask is slow now and then: what it met before is cut off, and dates nothing.
    """
    clusters: list[list[Finding]] = []
    reach = float("-inf")
    for wait in waits:
        if wait.started_at > reach + windows.window_s:
            clusters.append([])
        clusters[-1].append(wait)
        reach = max(reach, wait.until(windows.end))
    return [_group(cluster, findings, windows) for cluster in clusters]


def _group(waits: list[Finding], findings: list[Finding], windows: Windows) -> Group:
    began = max(waits, key=lambda wait: (float(wait.facts["extra_s"]), wait.component)).started_at
    late = [wait for wait in waits if wait.until(windows.end) > began]
    symptoms = tuple(
        replace(
            wait,
            started_at=max(wait.started_at, began),
            facts={**wait.facts, "alarm_at": max(float(wait.facts["alarm_at"]), began)},
        )
        for wait in late
    )
    return group_of(windows, began, last(wait.ended_at for wait in late), symptoms, findings)


def _near(group: Group, during: tuple[float, float], windows: Windows) -> bool:
    return group.started_at < during[1] and group.until(windows.end) > during[0]


def _one_story(group: Group, wait: Incident, failed: Incident) -> bool:
    """Whether the wait was met where requests failed, leads back to what these lead to, or to nothing that is known."""
    hit = {failed.trigger.component, failed.trigger.service, *(step.component for step in failed.cascade)}
    hit |= {loop.component for loop in failed.sustaining}
    blamed = {wait.trigger.component, wait.trigger.service}
    return wait.verdict == "unknown" or not hit.isdisjoint(blamed | {symptom.component for symptom in group.symptoms})


def _leads(wait: Incident, failed: Incident) -> bool:
    if wait.verdict == "unknown":
        return False
    mine, theirs = ({i.trigger.component, i.trigger.service} for i in (wait, failed))
    return failed.verdict == "unknown" or not mine.isdisjoint(theirs)


def _taken_over(
    windows: Windows, graph: Graph, findings: list[Finding], group: Group, failed: Told, ranked: list[Suspect]
) -> Told:
    """The failures as a part of what began as a wait."""
    symptoms = (*group.symptoms, *failed.group.symptoms)
    whole = group_of(windows, group.started_at, last((group.ended_at, failed.group.ended_at)), symptoms, findings)
    return Told(whole, explain(windows, graph, whole, ranked), next(iter(ranked), None))
