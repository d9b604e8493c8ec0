"""Findings -> one explained incident."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from ..collector.model import Windows
from .analysis import (
    Candidate,
    CascadeStep,
    Dns,
    DnsFailure,
    DnsRole,
    Incident,
    Phase,
    Sustaining,
    Trigger,
    Verdict,
)
from .base import HORIZON, MOSTLY
from .cascade import cascade
from .cause import nobody
from .confidence import confidence
from .dns_failures import VAGUE
from .graph import Graph, standing_behind
from .grouping import LEADING, Group
from .ledger import Ledger
from .loops import sustaining
from .metric_calls import from_metrics
from .repeats import harmless_repeats
from .shared_queue import DETECTOR as SHARED_QUEUE
from .shared_queue import kept_full
from .suspects import Suspect
from .text_families import unseen_words
from .trigger_end import trigger_end
from .untold import look_ups_untold
from .updates import updates
from .way import LEAST_SHARE, WAITING, owner_of

CLEAR = 0.5
"""A trigger that is likelier wrong than right, or that explains no more than half of what failed, is not named."""


def explain(windows: Windows, graph: Graph, group: Group, ranked: list[Suspect]) -> Incident:
    """Explain one incident: what broke, what followed, what kept it going.

    ranked: who may have broken, the likeliest first.
    """
    ledger = Ledger()
    seen_at = (
        max(group.symptoms, key=lambda s: (float(s.facts["excess"]), s.component)).component if group.symptoms else ""
    )
    top = ranked[0] if ranked else nobody(windows, group.started_at, seen_at)
    if top.how == "behind":
        graph = standing_behind(graph, top.component, top.explains)
    storm = kept_full(windows, top)
    group = replace(group, findings=(*group.findings, storm)) if storm else group
    trigger = _trigger(windows, group, top, ledger)
    candidates = tuple(_candidate(s, ledger) for s in ranked)
    loops = sustaining(windows, group, graph, trigger, ledger)
    steps = cascade(group, graph, top, trigger.started_at, ledger)
    verdict = _verdict(top, trigger, steps, loops)
    dns = _dns(windows, graph, group, verdict, ranked or [top])
    return Incident(
        verdict=verdict,
        started_at=min(group.started_at, trigger.started_at),
        detected_at=detected_at(group, windows.window_s),
        ended_at=group.ended_at,
        impact=sum(float(s.facts["excess"]) for s in group.symptoms),
        trigger=trigger,
        dns=dns,
        candidates=candidates,
        cascade=steps,
        sustaining=loops,
        phases=_phases(group, trigger, loops),
        updates=updates(group, detected_at(group, windows.window_s), verdict, trigger, dns, loops, ledger),
        retries=ledger.cite("repeats", harmless_repeats(windows, group)),
        evidence=ledger.items(),
    )


def detected_at(group: Group, window_s: int) -> float:
    """When it was certain that users failed or waited; where they did neither, one window after the start."""
    return min((float(s.facts["alarm_at"]) for s in group.symptoms), default=group.started_at + window_s)


def _trigger(windows: Windows, group: Group, top: Suspect, ledger: Ledger) -> Trigger:
    harm = [f for f in top.findings if f.kind not in LEADING]
    judged = group.started_at if top.onset is None else top.onset
    started = min((f.started_at for f in harm), default=judged)
    # A change that emptied the record, and stood until calls failed, dates the trigger to the second:
    # open connections and caches may hide an empty record for longer than a window.
    stood = [f for f in top.findings if "emptied_at" in f.facts and f.until(inf) > started]
    emptied = [float(f.facts["emptied_at"]) for f in stood]
    started = next((t for t in emptied if t <= started + windows.window_s), started)
    return Trigger(
        component=top.component,
        service=top.service,
        kind=top.kind,
        started_at=started,
        ended_at=trigger_end(windows, group, top),
        confidence=confidence(windows, top),
        evidence=(
            *ledger.cite_findings(top.findings),
            *ledger.cite("cause", (top.evidence,)),
            *ledger.cite_findings(f for f in group.findings if f.detector == SHARED_QUEUE),
            *ledger.cite_findings(top.codes),
            *ledger.cite("changes", top.changes),
            *ledger.cite("text_families", unseen_words(windows, top, judged)),
        ),
    )


def _candidate(suspect: Suspect, ledger: Ledger) -> Candidate:
    return Candidate(
        component=suspect.component,
        service=suspect.service,
        kind=suspect.kind,
        score=round(suspect.score, 4),
        evidence=(
            *ledger.cite_findings(suspect.findings),
            *ledger.cite("cause", (suspect.evidence,)),
            *ledger.cite_findings(suspect.codes),
            *ledger.cite("changes", suspect.changes),
        ),
    )


def _verdict(top: Suspect, trigger: Trigger, steps: tuple[CascadeStep, ...], loops: tuple[Sustaining, ...]) -> Verdict:
    if trigger.confidence < CLEAR or top.certainty <= CLEAR:
        return "unknown"
    return "cascade" if steps or loops else "local"


def _dns(windows: Windows, graph: Graph, group: Group, verdict: Verdict, ranked: list[Suspect]) -> Dns:
    top = ranked[0]
    # Search domains and addresses of another family fail every day: what began long before is no part of this.
    earliest = group.started_at - HORIZON * windows.window_s
    failing = [f for f in group.findings if f.kind.startswith("dns.") and f.started_at >= earliest]
    if top.kind != "unknown" and all(f.detector == "dns_rcodes" for f in failing) and _resolution_seen(windows):
        # NXDOMAIN is what search domains get from whoever is asked: where callers or probes could say of a name that it
        # failed, and none does, and how the callee fails is known, more of it is no part of this, whoever counts it.
        failing = [f for f in failing if f.facts["failure"] != "nxdomain"]
    # A resolver's codes speak of a zone or a server; the rest of names.
    names = tuple(sorted({f.component for f in failing if f.detector != "dns_rcodes"}))
    if top.failure:
        own = [name for name in top.explains if name in graph.owners] if top.how == "behind" else [top.component]
        return Dns(role="root", failure=_failure(top.failure), names=tuple(sorted({*own, *names})))
    if failing:
        told = [f for f in failing if f.facts.get("failure", "unspecified") not in VAGUE]
        worst = max(told or failing, key=lambda f: (float(f.facts.get("excess", 0.0)), f.component))
        said = [str(worst.facts.get("failure", ""))] if told else [s.failure for s in ranked if s.failure]
        return Dns(role="symptom", failure=_failure(said[0] if said else ""), names=names)
    unsaid = verdict == "unknown" and not _look_ups_seen(windows) and _waited_in_vain(ranked)
    onset = group.started_at if top.onset is None else top.onset
    during = (onset, min(onset + HORIZON * windows.window_s, float(windows.end)))
    unknown = top.how == "answer" and top.kind == "unknown"  # how else it fails is known, and is no look-up
    if unknown and not _look_ups_seen(windows) and look_ups_untold(windows, top.component, during):
        if verdict == "unknown" and top.codes:
            return Dns(role="symptom", failure=_failure(str(top.codes[0].facts["failure"])), names=())
        unsaid = True
    role: DnsRole = "innocent" if _resolution_seen(windows) and not unsaid else "none"
    return Dns(role=role, failure=None, names=())


def _waited_in_vain(ranked: list[Suspect]) -> bool:
    """Whether calls to several were answered by nobody until time ran out, perhaps while their names were looked up:
    clients that give up before their resolver does say only that time ran out."""
    lost = (s for s in ranked if s.how == "unreached" and s.score >= LEAST_SHARE and s.kind in WAITING)
    return len({owner_of(s) for s in lost}) > 1


def _failure(name: str) -> DnsFailure:
    known: dict[str, DnsFailure] = {
        "nodata": "nodata",
        "nxdomain": "nxdomain",
        "servfail": "servfail",
        "refused": "refused",
        "timeout": "timeout",
        "stale": "stale",
    }
    return known.get(name, "unspecified")


def _look_ups_seen(windows: Windows) -> bool:
    """Whether names are probed, or look-ups counted."""
    return not windows.concepts.keys().isdisjoint(("dns_answers", "dns_probe_ok", "dns_lookup_failures"))


def _resolution_seen(windows: Windows) -> bool:
    """Whether the data could have shown a failing resolution: callers name whom they call, or names are probed or their
    look-ups counted.

    Counters that leave out why most of the unanswered calls failed could not; nor do resolvers' codes show a record
    that is empty or stale.
    """
    if _look_ups_seen(windows):
        return True
    calls = windows.calls
    named, counted = calls["peer"] != "", from_metrics(windows)
    lost = calls[["errors_other", "errors"]][named & counted & (calls["client"] != "") & (calls["server"] == "")]
    wordless = float(lost["errors_other"].sum()) > MOSTLY * float(lost["errors"].sum())
    return bool((named & ~counted).any()) or (bool((named & counted).any()) and not wordless)


def _phases(group: Group, trigger: Trigger, loops: tuple[Sustaining, ...]) -> tuple[Phase, ...]:
    phases = [Phase(name="trigger", started_at=trigger.started_at, ended_at=trigger.ended_at)]
    phases += [Phase(name=loop.kind, started_at=loop.started_at, ended_at=loop.ended_at) for loop in loops]
    ends = [phase.ended_at for phase in phases]
    if None not in ends:
        last = max(end for end in ends if end is not None)
        if group.ended_at is None or group.ended_at > last:
            phases.append(Phase(name="recovery", started_at=last, ended_at=group.ended_at))
    return tuple(sorted(phases, key=lambda p: (p.started_at, p.name)))
