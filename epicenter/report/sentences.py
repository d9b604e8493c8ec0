"""What an analysis says, in sentences that the terminal and the page share."""

from __future__ import annotations

from ..detectors.analysis import (
    Analysis,
    BlindSpot,
    Candidate,
    EarlyWarning,
    Incident,
    Kind,
    Phase,
    Sustaining,
    SustainingKind,
    Trigger,
)
from ..detectors.waits import DETECTOR as WAITS
from . import words

BROKE: dict[Kind, str] = {
    "dns.empty_record": "lost its DNS addresses",
    "dns.nxdomain": "vanished from DNS (NXDOMAIN)",
    "dns.servfail": "could not be resolved by its name servers",
    "dns.stale_record": "resolved to stale addresses",
    "dns.resolver_down": "stopped resolving names",
    "bad_release": "broke with a release",
    "crash": "went down",
    "slow": "became slow",
    "overload": "was overloaded",
    "capacity_loss": "lost capacity",
    "cache_loss": "lost its cache",
    "health_check_flapping": "flapped in and out of health",
    "lease_collapse": "lost its leases",
    "network_congestion": "was cut off by a congested network",
    "unknown": "failed, for a reason that the data does not show",
}
"""Kind of trigger -> what the component did, to be read after its name."""

LOOP: dict[SustainingKind, str] = {
    "retry_storm": "retry storm",
    "restart_herd": "restart herd",
    "lease_collapse": "lease collapse",
    "health_check_flapping": "health-check flapping",
    "cache_loss": "cold cache",
    "backlog": "backlog",
}

FAILURE: dict[str, str] = {
    "nodata": "the name exists but has no addresses (NODATA)",
    "nxdomain": "the name does not exist (NXDOMAIN)",
    "servfail": "the server could not answer (SERVFAIL)",
    "refused": "the server refused to answer (REFUSED)",
    "timeout": "no server answered in time",
    "stale": "answers with addresses that are gone",
    "unspecified": "the clients' words do not tell how",
}
"""How resolution failed -> what that means."""


PASSING = frozenset({"overload", "slow", "cache_loss", "network_congestion"})
"""Kinds of triggers that end by themselves: nobody repairs a surge."""


UNRESOLVED = "could no longer be resolved"
"""What a name did of which nothing tells how it failed: its kind is then the likeliest one, which is no more to say.
So did one that was asked for in vain, which DNS' part tells."""


def broke(incident: Incident) -> str:
    """What the trigger's component did, to be read after its name."""
    trigger, dns = incident.trigger, incident.dns
    untold = dns.role == "root" and dns.failure == "unspecified"
    unanswered = trigger.kind == "dns.resolver_down" and trigger.component in dns.names  # a name resolves none
    return UNRESOLVED if untold or unanswered else BROKE[trigger.kind]


def kind(candidate: Candidate, incident: Incident) -> str:
    """What kind of fault a candidate has, as far as it is told: of a name that fails, maybe not how."""
    untold = incident.dns.failure == "unspecified" and candidate.component in incident.dns.names
    return "dns" if untold and candidate.kind.startswith("dns.") else candidate.kind


def until(trigger: Trigger) -> str:
    """How long what broke first stayed broken, as the end of a sentence."""
    if trigger.ended_at is None:
        return "it is still broken at the end of the data"
    return f"it lasted {words.span(trigger.ended_at - trigger.started_at)}, until {words.utc(trigger.ended_at)}"


def strength(loop: Sustaining) -> str:
    """How hard a loop pulls: amplification and wasted share, where they were measured."""
    parts: list[str] = []
    if loop.amplification > 1:
        parts.append(f"{words.number(round(loop.amplification, 1))}x work")
    if loop.wasted_share > 0:
        parts.append(f"{words.percent(loop.wasted_share)} wasted")
    if loop.metastable:
        parts.append("self-sustaining")
    return ", ".join(parts)


def untold(incident: Incident) -> str:
    """The headline of an incident whose verdict is unknown."""
    if waited(incident):
        return "Users had to wait, but the data cannot tell what became slow first"
    what = "Users met failures" if incident.impact > 0 else "Something changed"
    return f"{what}, but the data cannot tell what broke first"


def waited(incident: Incident) -> bool:
    """Whether users only waited: what they asked for took long, and no more of it than usual failed."""
    return incident.impact <= 0 and any(item.detector == WAITS for item in incident.evidence)


def went(incident: Incident) -> str:
    """What those did that the trigger took along, in the past tense."""
    return "became slow" if waited(incident) else "failed"


def zero(incident: Incident) -> float:
    """The moment that offsets count from: the start of what broke first, or of the failures where that is not known."""
    return incident.started_at if incident.verdict == "unknown" else incident.trigger.started_at


def lead(incident: Incident) -> str:
    """How far the strongest candidate of an unknown cause carries, in one sentence."""
    if not incident.candidates:
        return "No component stands out as the cause."
    first = incident.candidates[0]
    sure = words.percent(incident.trigger.confidence)
    return (
        f"The strongest lead is {words.plain(first.component)} ({kind(first, incident)}), but it is only {sure} sure."
    )


def spread_heading(incident: Incident) -> str:
    """What stands above the cascade: with no known cause it is only one way to read it."""
    if incident.verdict == "unknown":
        return f"What {went(incident)}, read as if {words.plain(incident.trigger.component)} had broken first"
    return f"Only symptoms: what {went(incident)} because of it"


def impact(incident: Incident) -> str:
    """How soon it was seen and what users felt, in one sentence."""
    soon = incident.detected_at - zero(incident)
    seen = f"visible in the data {words.span(soon)} after the start"
    if waited(incident):
        return f"Requests of users took long, and no more of them than usual failed; {seen}."
    if incident.impact <= 0:
        return f"No request of users is known to have failed; {seen}."
    return f"For users {words.counted(incident.impact, 'request')} failed; {seen}."


def others(incident: Incident) -> tuple[Candidate, ...]:
    """The candidates that are not the answer: all of them where there is no answer."""
    return incident.candidates if incident.verdict == "unknown" else incident.candidates[1:]


WARNINGS = "Not an incident yet: what may come before one"

REPEATS = "Retries that kept nothing going"

UNUSUAL = "Unusual around that moment, but too little for users to notice"


def warning(told: EarlyWarning) -> str:
    """What may come before harm, and since when or for how long."""
    began = words.utc(told.started_at)
    lasted = "" if told.ended_at is None else f", for {words.span(told.ended_at - told.started_at)}"
    return f"{told.statement} ({'since' if told.ended_at is None else 'from'} {began}{lasted})."


def nothing_found(analysis: Analysis) -> str:
    """One sentence for a recording in which users met nothing wrong, with what was looked at."""
    seen = analysis.recording
    known = seen.samples - seen.samples_unknown
    kinds = ((seen.spans, "span"), (known, "sample"), (seen.changes, "change"))
    looked = ", ".join(words.counted(count, one) for count, one in kinds if count) or "nothing"
    whose = f" from {words.counted(seen.services, 'service')}" if seen.services else ""
    unknown = words.counted(seen.samples_unknown, "sample")
    unread = f"; {unknown} of unknown names not" if seen.samples_unknown else ""
    met = "nothing that users met" if analysis.warnings else "nothing"
    return (
        f"No incident: {met} stands out from {words.utc(seen.from_)} to {words.utc(seen.to)}"
        f" ({looked}{whose} looked at{unread})."
    )


def dns_part(incident: Incident) -> str:
    """The part that name resolution played, in one sentence."""
    dns = incident.dns
    names = words.listed(dns.names, 3)
    of_names = f" of {names}" if names else ""
    how = f": {FAILURE[dns.failure]}" if dns.failure else ""
    if incident.verdict == "unknown" and dns.role in ("root", "symptom"):
        return f"DNS is among the suspects. Lookups{of_names} failed{how}."
    return {
        "root": f"DNS is the cause. Lookups{of_names} failed{how}.",
        "symptom": f"DNS is only a symptom. Lookups{of_names} failed{how}, but something else broke first.",
        "innocent": f"DNS is innocent. Lookups{of_names} went on working.",
        "none": "Nothing in the data says that DNS had a part in it.",
    }[dns.role]


def standing(incident: Incident) -> str:
    """Whether it is over, and if not, what keeps it going; one sentence."""
    if incident.ended_at is not None:
        whole = words.span(incident.ended_at - zero(incident))
        return f"Over: the last part recovered at {words.utc(incident.ended_at)}, after {whole}."
    if incident.verdict == "unknown":
        return "Still going on at the end of the data."
    if incident.trigger.ended_at is None:
        return "Still going on at the end of the data: what broke first is still broken."
    mended = "was over" if incident.trigger.kind in PASSING else "was repaired"
    repaired = f"what broke first {mended} at {words.utc(incident.trigger.ended_at)}"
    running = [
        f"the {LOOP[loop.kind]} in {words.plain(loop.component)}"
        for loop in incident.sustaining
        if loop.ended_at is None
    ]
    if not running:
        down = [words.elide(step.component, 40) for step in incident.cascade if step.recovered_at is None]
        which = f" ({words.listed(dict.fromkeys(down), 3)})" if down else ""
        return f"Not all has recovered by the end of the data{which}, although {repaired}."
    keep = "keeps" if len(running) == 1 else "keep"
    return f"Still going on, although {repaired}: {' and '.join(running)} {keep} it going."


def phase(phase: Phase) -> str:
    """The name of a phase in words: a loop's own name, or what the analysis calls it."""
    return next((name for kind, name in LOOP.items() if kind == phase.name), phase.name.replace("_", " "))


def blind(spot: BlindSpot) -> str:
    """A blind spot with its component in front, unless the statement names it first by itself."""
    named = not spot.component or spot.statement.startswith(spot.component)
    return spot.statement if named else f"{spot.component}: {spot.statement}"


def why_not(candidate: Candidate, incident: Incident) -> str:
    """Why a candidate is not the answer, from what the analysis knows of it."""
    trigger = incident.trigger
    about = {candidate.component, candidate.service} - {""}
    loop = next((loop for loop in incident.sustaining if loop.component in about), None)
    if loop is not None and loop.started_at > trigger.started_at:
        began = words.offset(loop.started_at - trigger.started_at)
        return f"Its {LOOP[loop.kind]} began {began} and keeps the outage going; it did not start it."
    step = next((step for step in incident.cascade if step.component in about), None)
    if step is not None and step.onset_at >= trigger.started_at:
        began = words.offset(step.onset_at - trigger.started_at)
        return f"It {went(incident)} {began}, because of {words.plain(step.because_of or trigger.component)}."
    best = words.percent(incident.candidates[0].score)
    return f"The evidence for it is weaker: {words.percent(candidate.score)} against {best}."
