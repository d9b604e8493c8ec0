"""A snapshot -> alerts: one for each open incident's cause, for each symptom, and for each loop that goes on.

Labels are the identity of an alert in Alertmanager, so they hold nothing that changes while it fires. Their names are
those that `deploy/alertmanager/alertmanager.yml` groups and silences by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from ..detectors.analysis import Incident
from ..report import sentences, words
from .feed import Snapshot, Tracked

SYMPTOMS = 50
"""Symptoms of one incident that are told of, the earliest; they are silenced by the cause anyway."""

RUNBOOK = "docs/alertmanager.md"
"""The page with a part for each alert, from the root of the project, as the rules write it."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Alert:
    """What fires: its labels by name, its annotations, where it is shown, and since when in Unix seconds."""

    labels: Labels
    annotations: Labels
    link: str
    started_at: float


def alerts_of(snapshot: Snapshot, page_url: str, runbook_url: str = RUNBOOK) -> list[Alert]:
    """Every alert that should fire now; what is not among them any more is over.

    page_url: where the live page is for those who are told, without a slash at the end.
    """
    alerts: dict[Labels, Alert] = {}
    for tracked in snapshot.open:
        for alert in _of_incident(tracked, page_url, runbook_url):
            # a component that failed twice is one alert, since its first failure
            alerts.setdefault(alert.labels, alert)
    return list(alerts.values())


def _of_incident(tracked: Tracked, page_url: str, runbook_url: str) -> Iterator[Alert]:
    incident, trigger = tracked.incident, tracked.incident.trigger
    link = f"{page_url}/incidents/{quote(tracked.id, safe='')}"

    def alert(name: str, said: tuple[str, str], started_at: float, **labels: str) -> Alert:
        annotations = {
            "summary": said[0],
            "description": said[1],
            "runbook_url": f"{runbook_url}#{name.lower()}",
            "page_url": link,
        }
        all_labels = {"alertname": name, "incident_id": tracked.id} | labels
        return Alert(_sorted(all_labels), _sorted(annotations), link, started_at)

    known = incident.verdict != "unknown"
    yield alert(
        "EpicenterIncident",
        _explained(incident),
        sentences.zero(incident),
        stage="cause",
        # what nobody is sure of must not silence the symptoms
        severity="critical" if known else "warning",
        peer=trigger.component if known else "",
        service=trigger.service if known else "",
        kind=trigger.kind if known else "unknown",
    )
    down = (step for step in incident.cascade if step.recovered_at is None and step.component != trigger.component)
    for step in sorted(down, key=lambda step: (step.onset_at, step.component))[:SYMPTOMS]:
        reason = words.plain(step.because_of) or "something not known"
        how = "is slow" if sentences.waited(incident) else "fails"
        text = f"{words.plain(step.component)} {how} because of {reason}"
        since = f"{text}, since {words.utc(step.onset_at)}."
        labels = {"stage": "dependency", "severity": "warning", "peer": step.component, "service": step.component}
        yield alert("EpicenterSymptom", (text, since), step.onset_at, **labels)
    for loop in (loop for loop in incident.sustaining if loop.ended_at is None):
        text = f"{sentences.LOOP[loop.kind].capitalize()} in {words.plain(loop.component)} keeps the outage going"
        measured = sentences.strength(loop)
        since = f"{text}, since {words.utc(loop.started_at)}{f' ({measured})' if measured else ''}."
        labels = {"stage": "recovery", "severity": "critical", "peer": loop.component, "service": loop.component}
        yield alert("EpicenterSustainingLoop", (text, since), loop.started_at, kind=loop.kind, **labels)


def _explained(incident: Incident) -> tuple[str, str]:
    trigger = incident.trigger
    if incident.verdict == "unknown":
        return sentences.untold(incident), f"{sentences.lead(incident)} {sentences.standing(incident)}"
    summary = f"{words.plain(trigger.component)} {sentences.broke(incident)}"
    sure = f"{summary} at {words.utc(trigger.started_at)} ({words.percent(trigger.confidence)} sure)."
    parts = (sure, sentences.standing(incident), sentences.impact(incident), sentences.dns_part(incident))
    seen = [words.plain(item.statement) for item in incident.evidence if item.id in trigger.evidence]
    return summary, "\n".join((" ".join(parts), *(f"- {statement}" for statement in seen)))


def _sorted(pairs: dict[str, str]) -> Labels:
    """Without empty ones, which Alertmanager takes for none."""
    return tuple(sorted((key, value) for key, value in pairs.items() if value))
