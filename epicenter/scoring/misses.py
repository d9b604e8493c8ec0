"""One line on each thing that was not right: what was said instead, and how far off it was."""

from __future__ import annotations

from collections.abc import Iterator

from ..detectors.analysis import Analysis, Incident
from ..synthetic.truth import Truth
from .labels import Labels, Marks
from .matching import names_root, overlaps

MOST = 3
"""False incidents that are told one by one; the rest is a count."""


def misses(
    truth: Truth, analysis: Analysis, expected: Labels, got: Labels, right: Marks, incident: Incident | None
) -> tuple[str, ...]:
    """A sentence for each mark that is not right and for each incident when nothing was wrong; right: none."""
    said = [*_false_incidents(truth, analysis)]
    if right.incident is False and expected.incident:
        said.append(f"incident: none was seen of {expected.component} ({expected.kind})")
    if incident is not None and expected.incident:
        said += _root(truth, expected, incident, right)
        said += _dns(expected, incident, right)
    said += _loops(analysis, expected, got, right)
    return tuple(said)


def _false_incidents(truth: Truth, analysis: Analysis) -> Iterator[str]:
    false = [incident for incident in analysis.incidents if not overlaps(truth, incident)]
    for incident in false[:MOST]:
        trigger = incident.trigger
        after_s = incident.started_at - analysis.recording.from_
        yield (
            f"false incident after {after_s:.0f} s: {trigger.component} ({trigger.kind}), verdict {incident.verdict},"
            f" {incident.impact:.0f} failed requests"
        )
    if len(false) > MOST:
        yield f"false incidents: {len(false) - MOST} more"


def _root(truth: Truth, expected: Labels, incident: Incident, right: Marks) -> Iterator[str]:
    trigger = incident.trigger
    if not right.root_top1:
        ranks = [rank for rank, one in enumerate(incident.candidates, 1) if names_root(truth, one)]
        of = len(incident.candidates)
        place = f"which is candidate {ranks[0]} of {of}" if ranks else f"which is not among {of} candidates"
        verdict = "said unknown, with" if incident.verdict == "unknown" else "said"
        yield (
            f"root: expected {expected.component} ({expected.kind}), {place}; {verdict} {trigger.component}"
            f" ({trigger.kind}), confidence {trigger.confidence:.2f}"
        )
    elif not right.root_kind:
        yield f"kind: expected {expected.kind}, said {trigger.kind} of {trigger.component}"


def _dns(expected: Labels, incident: Incident, right: Marks) -> Iterator[str]:
    dns = incident.dns
    names = f" ({len(dns.names)} names, such as {dns.names[0]})" if dns.names else ""
    if not right.dns_role:
        yield f"dns role: expected {expected.dns_role}, said {dns.role}{names}"
    if not right.dns_failure:
        yield f"dns class: expected {expected.dns_failure or 'none'}, said {dns.failure or 'none'}{names}"


def _loops(analysis: Analysis, expected: Labels, got: Labels, right: Marks) -> Iterator[str]:
    loops = [loop for one in analysis.incidents for loop in one.sustaining]
    told = ", ".join(
        f"{loop.kind} of {loop.component}{' (metastable)' if loop.metastable else ''}" for loop in loops[:MOST]
    )
    if not right.storm:
        yield f"storm: {'missed' if expected.storm else 'there was none'}; loops said: {told or 'none'}"
    if not right.metastable:
        was = "missed" if expected.metastable else "it was not"
        yield f"metastable: {was}; loops said: {told or 'none'}"
    if expected.incident and not got.incident and loops:
        yield f"loops said of other incidents: {told}"
