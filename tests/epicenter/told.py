"""Truths and analyses made by hand, to be held against each other."""

from __future__ import annotations

from typing import Any

import msgspec

from epicenter.detectors.analysis import Analysis, Candidate, Dns, Incident, RecordingSummary, Sustaining, Trigger
from epicenter.scoring.cases import Row
from epicenter.scoring.compare import compare
from epicenter.synthetic.truth import Truth

START, END = 1000.0, 4600.0
"""Of the recording; the trigger lasts from 2000 to 2300, the incident until 3000."""

CALM = Truth.calm({})


def truth(**other: Any) -> Truth:
    """The name of the store has lost its addresses, and a retry storm follows."""
    told: dict[str, Any] = {
        "root_component": "store.example",
        "root_aliases": ("store",),
        "root_kind": "dns.empty_record",
        "dns_role": "root",
        "dns_failure": "nodata",
        "storm": True,
        "metastable": True,
        "storm_edges": (("shop", "store"),),
        "storm_start": 2300.0,
        "storm_end": 3000.0,
        "trigger_start": 2000.0,
        "trigger_end": 2300.0,
        "incident": (2000.0, 3000.0),
        "affected": {"shop": 2010.0},
        "phases": (),
    }
    return Truth(**told | other)


def loop(kind: str = "retry_storm", *, metastable: bool = True) -> Sustaining:
    told = {
        "kind": kind,
        "component": "store",
        "edges": [],
        "started_at": 2300.0,
        "ended_at": 3000.0,
        "amplification": 4.0,
        "wasted_share": 0.9,
        "metastable": metastable,
        "evidence": [],
    }
    return msgspec.convert(told, Sustaining)


def candidate(component: str, service: str = "") -> Candidate:
    return Candidate(component=component, service=service, kind="unknown", score=0.1, evidence=())


RIGHT = Incident(
    verdict="cascade",
    started_at=2000.0,
    detected_at=2020.0,
    ended_at=3010.0,
    impact=100.0,
    trigger=Trigger(
        component="store.example",
        service="store",
        kind="dns.empty_record",
        started_at=2000.0,
        ended_at=2300.0,
        confidence=0.9,
        evidence=(),
    ),
    dns=Dns(role="root", failure="nodata", names=("store.example",)),
    candidates=(candidate("store.example", "store"), candidate("cart")),
    cascade=(),
    sustaining=(loop(),),
    phases=(),
    evidence=(),
    updates=(),
)
"""An incident that says all that is true of `truth()`."""


def blames(component: str, service: str = "", **other: Any) -> Incident:
    """The same incident with another trigger, and what else is to be different."""
    trigger = msgspec.structs.replace(RIGHT.trigger, component=component, service=service)
    return msgspec.structs.replace(RIGHT, **{"trigger": trigger} | other)


def analysis(*incidents: Incident) -> Analysis:
    held = RecordingSummary(from_=START, to=END, spans=1, samples=1, changes=0, services=3, skipped=())
    return Analysis(schema="epicenter.analysis/1", recording=held, incidents=incidents, blind_spots=())


def row(true: Truth, *incidents: Incident, **other: Any) -> Row:
    """A case's row, compared but not run."""
    found = compare(true, analysis(*incidents))
    told: dict[str, Any] = {
        name: getattr(found, name)
        for name in (
            *("expected", "got", "right", "verdict", "confidence", "candidates", "said_unknown", "false_incidents"),
            *("split", "trigger_start_error_s", "trigger_end_error_s", "why"),
        )
    }
    told["calm_days"] = 0.0 if true.incident else 0.5
    made_up: dict[str, Any] = {"scenario": "made-up", "seed": 0, "mix": "default"} | told | other
    return Row(**made_up)
