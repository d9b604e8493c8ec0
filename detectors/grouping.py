"""Which findings belong together: a trigger and all that follows up to the last recovery is one incident."""

from __future__ import annotations

from dataclasses import dataclass

from ..collector.model import Windows
from .base import Finding
from .cause import HORIZON
from .gate import KIND as USERS_FAILED

LEADING = frozenset({"record_race"})
"""Kinds that may come long before any harm; they never stretch or join incidents."""


@dataclass(frozen=True)
class Group:
    """One incident to be explained; ended_at is None while it lasts."""

    started_at: float
    ended_at: float | None
    symptoms: tuple[Finding, ...]
    findings: tuple[Finding, ...]


def groups(windows: Windows, symptoms: list[Finding], findings: list[Finding]) -> list[Group]:
    """Join what overlaps or follows within one window; only what users noticed is an incident."""
    harm = [f for f in findings if f.kind not in LEADING]
    events: list[Finding] = sorted([*symptoms, *harm], key=lambda e: (e.started_at, e.component))
    clusters: list[list[Finding]] = []
    reach = float("-inf")
    for event in events:
        if event.started_at > reach + windows.window_s:
            clusters.append([])
        clusters[-1].append(event)
        reach = max(reach, float(windows.end) if event.ended_at is None else event.ended_at)
    joined = (_group(windows, cluster, findings) for cluster in clusters)
    return [group for group in joined if group is not None]


def _group(windows: Windows, cluster: list[Finding], findings: list[Finding]) -> Group | None:
    symptoms = tuple(e for e in cluster if e.kind == USERS_FAILED)
    if not symptoms:
        return None
    # A fault can smoulder before users notice, but what began long before them is another story.
    noticed = min(s.started_at for s in symptoms)
    earliest = noticed - HORIZON * windows.window_s
    started = min(e.started_at for e in cluster if e.started_at >= earliest)
    ends = [e.ended_at for e in cluster]
    ended = None if None in ends else max(end for end in ends if end is not None)
    inside = tuple(
        f for f in findings if f.started_at < (ended or windows.end) and (f.ended_at or windows.end) > started
    )
    return Group(started, ended, symptoms, inside)
