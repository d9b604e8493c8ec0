"""The one result, `epicenter.analysis/1`, as frozen msgspec structs.

`analysis.schema.json` beside this file is made from these classes; a test holds the two together.
Times are Unix seconds; `None` for a time means that it had not happened by the end of the data.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

SCHEMA = "epicenter.analysis/1"

Verdict = Literal["cascade", "local", "unknown"]
DnsRole = Literal["root", "symptom", "innocent", "none"]
DnsFailure = Literal["nodata", "nxdomain", "servfail", "refused", "timeout", "stale", "unspecified"]
Kind = Literal[
    "dns.empty_record",
    "dns.nxdomain",
    "dns.servfail",
    "dns.stale_record",
    "dns.resolver_down",
    "bad_release",
    "crash",
    "slow",
    "overload",
    "capacity_loss",
    "cache_loss",
    "health_check_flapping",
    "lease_collapse",
    "network_congestion",
    "unknown",
]
SustainingKind = Literal[
    "retry_storm", "restart_herd", "lease_collapse", "health_check_flapping", "cache_loss", "backlog"
]


class RecordingSummary(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What was looked at.

    samples_unknown: those of the samples that no detector sees, since nobody knows what their names mean.
    """

    from_: float
    to: float
    spans: int
    samples: int
    samples_unknown: int = 0
    changes: int
    services: int
    skipped: tuple[str, ...]


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """What broke first."""

    component: str
    service: str
    kind: Kind
    started_at: float
    ended_at: float | None
    confidence: float
    evidence: tuple[str, ...]


class Dns(msgspec.Struct, frozen=True, kw_only=True):
    """The part that name resolution played."""

    role: DnsRole
    failure: DnsFailure | None
    names: tuple[str, ...]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One ranked explanation; the first is the trigger."""

    component: str
    service: str
    kind: Kind
    score: float
    evidence: tuple[str, ...]


class CascadeStep(msgspec.Struct, frozen=True, kw_only=True):
    """A component that failed because another one had; `path` leads from it to the trigger."""

    component: str
    onset_at: float
    recovered_at: float | None
    because_of: str
    path: tuple[str, ...]
    evidence: tuple[str, ...]


class Sustaining(msgspec.Struct, frozen=True, kw_only=True):
    """A loop that keeps the outage going, with a window of its own."""

    kind: SustainingKind
    component: str
    edges: tuple[tuple[str, str], ...]
    started_at: float
    ended_at: float | None
    amplification: float
    wasted_share: float
    metastable: bool
    evidence: tuple[str, ...]


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the incident with one character: trigger, cascade, a sustaining loop, recovery."""

    name: str
    started_at: float
    ended_at: float | None


class EvidenceItem(msgspec.Struct, frozen=True, kw_only=True):
    """A fact with the query that shows it again and traces to click through."""

    id: str
    detector: str
    statement: str
    query: str
    window: tuple[float, float]
    observed: float
    expected: float
    traces: tuple[str, ...]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence that stands on evidence, by id."""

    text: str
    evidence: tuple[str, ...]


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What a status page could honestly have said at that moment; each claim stands on evidence."""

    at: float
    text: str
    claims: tuple[Claim, ...]


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trigger and everything that followed from it, up to the last recovery.

    impact: failed requests at the entry services.
    retries: ids of the evidence of repeats that kept nothing going, since a budget held them or failures came too soon
        to overload anybody; left out of JSON where there is none.
    """

    verdict: Verdict
    started_at: float
    detected_at: float
    ended_at: float | None
    impact: float
    trigger: Trigger
    dns: Dns
    candidates: tuple[Candidate, ...]
    cascade: tuple[CascadeStep, ...]
    sustaining: tuple[Sustaining, ...]
    phases: tuple[Phase, ...]
    evidence: tuple[EvidenceItem, ...]
    updates: tuple[Update, ...]
    retries: tuple[str, ...] = ()


class BlindSpot(msgspec.Struct, frozen=True, kw_only=True):
    """Something the data could not show, and what would settle it."""

    component: str
    statement: str


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """What was unusual for a service around a moment that was asked for, and too little for an incident.

    score: its share of all that was unusual there, 0..1.
    """

    component: str
    service: str
    score: float
    statement: str
    query: str


class EarlyWarning(msgspec.Struct, frozen=True, kw_only=True):
    """What may come before any harm, such as two writers on one record, and belongs to no incident.

    ended_at: None while it lasts.
    """

    component: str
    started_at: float
    ended_at: float | None
    statement: str
    query: str


class Analysis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Incidents by impact, the greatest first; no incident means that users meet nothing wrong.

    deviations: of a moment that was asked for and is no incident, the greatest first; left out of JSON where none are.
    warnings: by start; left out of JSON where none are.
    """

    schema: str
    recording: RecordingSummary
    incidents: tuple[Incident, ...]
    blind_spots: tuple[BlindSpot, ...]
    deviations: tuple[Deviation, ...] = ()
    warnings: tuple[EarlyWarning, ...] = ()


def costliest_first(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """In the order in which an analysis tells them: by impact, and of one impact by their start."""
    return tuple(sorted(incidents, key=lambda one: (-one.impact, one.started_at)))
