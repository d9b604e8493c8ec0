"""Which incident is about the true one, and whether it names the true root."""

from __future__ import annotations

from ..detectors.analysis import Analysis, Candidate, Incident, Trigger
from ..synthetic.truth import Truth

TOP = 3


def matched(truth: Truth, analysis: Analysis) -> Incident | None:
    """The incident that is about the true one: of those at its time the one with the greatest impact."""
    return next((incident for incident in analysis.incidents if overlaps(truth, incident)), None)


def overlaps(truth: Truth, incident: Incident) -> bool:
    """Whether the incident went on while the true one did."""
    if truth.incident is None:
        return False
    start, end = truth.incident
    return incident.started_at < end and (incident.ended_at is None or incident.ended_at > start)


def names_root(truth: Truth, said: Trigger | Candidate) -> bool:
    """Whether it names what broke first, by the component's or its service's name or any alias."""
    names = {truth.root_component, *truth.root_aliases}
    return said.component in names or said.service in names


def is_explained(truth: Truth, analysis: Analysis) -> bool:
    """Whether the analysis names the root of the true incident, and stands by it."""
    incident = matched(truth, analysis)
    return incident is not None and incident.verdict != "unknown" and names_root(truth, incident.trigger)
