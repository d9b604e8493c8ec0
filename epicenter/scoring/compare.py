"""Truth and analysis -> what was right, by how much times were off, and one line on each miss. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from ..detectors.analysis import Analysis, Incident
from ..synthetic.truth import Truth
from .labels import Labels, Marks
from .matching import TOP, matched, names_root, overlaps
from .misses import misses

STORMS = ("retry_storm", "restart_herd", "lease_collapse")
"""Sustaining loops in which work that is asked for again and again keeps its server from doing any."""


@dataclass(frozen=True)
class Comparison:
    """One analysis held against the truth.

    said_unknown: an incident was seen, and the verdict was that the data cannot tell its cause.
    false_incidents: incidents at a time when nothing was wrong. split: incidents beyond the one that there was.
    trigger_start_error_s, trigger_end_error_s: said minus true; None without an incident, or without a true end.
    """

    expected: Labels
    got: Labels
    right: Marks
    verdict: str | None
    confidence: float | None
    candidates: tuple[str, ...]
    said_unknown: bool
    false_incidents: int
    split: int
    trigger_start_error_s: float | None
    trigger_end_error_s: float | None
    why: tuple[str, ...]


def compare(truth: Truth, analysis: Analysis) -> Comparison:
    """Hold an analysis of the whole world against what truly happened in it."""
    expected, got = expected_of(truth), got_of(truth, analysis)
    incident = matched(truth, analysis)
    at_the_time = sum(overlaps(truth, i) for i in analysis.incidents)
    right = _marks(truth, expected, got, incident)
    start, end = _errors(expected, got, analysis.recording.to)
    false = len(analysis.incidents) - at_the_time
    return Comparison(
        expected=expected,
        got=got,
        right=right,
        verdict=incident.verdict if incident else None,
        confidence=incident.trigger.confidence if incident else None,
        candidates=tuple(c.component for c in incident.candidates[:TOP]) if incident else (),
        said_unknown=incident is not None and incident.verdict == "unknown",
        false_incidents=false,
        split=max(0, at_the_time - 1),
        trigger_start_error_s=start,
        trigger_end_error_s=end,
        why=misses(truth, analysis, expected, got, right, incident),
    )


def expected_of(truth: Truth) -> Labels:
    """The truth in the words of a comparison."""
    return Labels(
        incident=truth.incident is not None,
        component=truth.root_component,
        service="",
        kind=truth.root_kind,
        dns_role=truth.dns_role,
        dns_failure=truth.dns_failure,
        storm=truth.storm,
        metastable=truth.metastable,
        trigger_start=truth.trigger_start,
        trigger_end=truth.trigger_end,
    )


def got_of(truth: Truth, analysis: Analysis) -> Labels:
    """What was said; loops count whichever incident they were reported in."""
    incident = matched(truth, analysis) if truth.incident else next(iter(analysis.incidents), None)
    loops = [loop for one in analysis.incidents for loop in one.sustaining]
    storm, metastable = any(loop.kind in STORMS for loop in loops), any(loop.metastable for loop in loops)
    if incident is None:
        return Labels(False, "", "", "", "none", None, storm, metastable, None, None)
    trigger, dns = incident.trigger, incident.dns
    return Labels(
        incident=True,
        component=trigger.component,
        service=trigger.service,
        kind=trigger.kind,
        dns_role=dns.role,
        dns_failure=dns.failure,
        storm=storm,
        metastable=metastable,
        trigger_start=trigger.started_at,
        trigger_end=trigger.ended_at,
    )


def _marks(truth: Truth, expected: Labels, got: Labels, incident: Incident | None) -> Marks:
    storm, metastable = got.storm == expected.storm, got.metastable == expected.metastable
    if not expected.incident:
        return Marks(not got.incident, None, None, None, None, None, storm, metastable)
    if incident is None:
        return Marks(False, False, False, False, False, False, storm, metastable)
    known = incident.verdict != "unknown"
    return Marks(
        incident=True,
        root_top1=known and names_root(truth, incident.trigger),
        root_top3=any(names_root(truth, one) for one in incident.candidates[:TOP]),
        root_kind=known and got.kind == expected.kind,
        dns_role=got.dns_role == expected.dns_role,
        dns_failure=got.dns_failure == expected.dns_failure,
        storm=storm,
        metastable=metastable,
    )


def _errors(expected: Labels, got: Labels, end: float) -> tuple[float | None, float | None]:
    """A trigger that is said to last at the end of the data is taken to end there."""
    if not got.incident or expected.trigger_start is None or got.trigger_start is None:
        return None, None
    start = got.trigger_start - expected.trigger_start
    if expected.trigger_end is None:
        return round(start, 3), None
    ended = end if got.trigger_end is None else got.trigger_end
    return round(start, 3), round(ended - expected.trigger_end, 3)
