"""Plain words for the parts of an analysis: times, lengths, numbers, kinds.

Everything a person reads passes through here, so that the terminal and the page say the same.
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime

from ..detectors.analysis import (
    BlindSpot,
    Candidate,
    Dns,
    Incident,
    Kind,
    RecordingSummary,
    Sustaining,
    SustainingKind,
    Trigger,
)

BROKE: dict[Kind, str] = {
    "dns.empty_record": "lost its DNS addresses",
    "dns.nxdomain": "vanished from DNS (NXDOMAIN)",
    "dns.servfail": "could not be resolved (SERVFAIL)",
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
    "timeout": "no answer in time",
    "stale": "answers with addresses that are gone",
    "unspecified": "the clients' words do not tell how",
}
"""How resolution failed -> what that means."""


UNTOLD = "Users met failures, but the data cannot tell what broke first"
"""The headline of an incident whose verdict is unknown."""


def plain(text: str) -> str:
    """The text without control and direction-changing characters, which could rewrite a terminal or a page."""
    return "".join(" " if c in "\t\n\r" else c if _shows(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _shows(character: str) -> bool:
    # Cc holds escape sequences; Cs cannot be encoded; the bidirectional marks reorder what is around them.
    return (
        unicodedata.category(character) not in ("Cc", "Cs")
        and character not in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def elide(text: str, length: int) -> str:
    """At most `length` characters, cut in the middle: both ends of a host name tell hosts apart."""
    text = plain(text)
    if len(text) <= length:
        return text
    head = (length - 2) // 2
    return f"{text[:head]}..{text[len(text) - (length - 2 - head) :]}"


def utc(time: float) -> str:
    """RFC 3339 with a space: 2025-10-20 06:48:00Z."""
    return _moment(time).strftime("%Y-%m-%d %H:%M:%SZ")


def iso(time: float) -> str:
    """RFC 3339, for machines: 2025-10-20T06:48:00Z."""
    return _moment(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(time: float) -> str:
    """Hour and minute in UTC, with seconds only where there are any."""
    moment = _moment(time)
    return moment.strftime("%H:%M:%SZ" if moment.second else "%H:%MZ")


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def span(seconds: float) -> str:
    """A length of time in its two greatest units: 45 s, 3 min, 2 h 37 min, 1 d 4 h."""
    whole = round(abs(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return _two(whole // 60, "min", whole % 60, "s")
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 1440:
        return _two(minutes // 60, "h", minutes % 60, "min")
    return _two(minutes // 1440, "d", minutes % 1440 // 60, "h")


def _two(great: int, unit: str, small: int, small_unit: str) -> str:
    return f"{great} {unit} {small} {small_unit}" if small else f"{great} {unit}"


def offset(seconds: float) -> str:
    """Time since the trigger, signed: +3 min."""
    return f"{'-' if round(seconds) < 0 else '+'}{span(seconds)}"


def percent(share: float) -> str:
    """A share in 0..1, rounded down, so that only certainty reads as 100 %."""
    return f"{math.floor(share * 100 + 1e-9)} %" if math.isfinite(share) else "unknown"


def number(value: float) -> str:
    """A number with as many digits as matter, thousands apart."""
    if not math.isfinite(value):
        return "unknown"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def counted(count: float, one: str, many: str | None = None) -> str:
    """`1 span`, `1,200 spans`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def broke(trigger: Trigger) -> str:
    """What the trigger's component did, to be read after its name."""
    return BROKE[trigger.kind]


def until(trigger: Trigger) -> str:
    """How long what broke first stayed broken, as the end of a sentence."""
    if trigger.ended_at is None:
        return "it is still broken at the end of the data"
    return f"it lasted {span(trigger.ended_at - trigger.started_at)}, until {utc(trigger.ended_at)}"


def times(started_at: float, ended_at: float | None) -> str:
    """`06:48Z - 09:25Z`, or `06:48Z - ...` for what had not ended by the end of the data."""
    ended = "..." if ended_at is None else iso(ended_at)[11:]
    began = iso(started_at)[11:]
    if all(time.endswith((":00Z", "...")) for time in (began, ended)):
        began, ended = began.replace(":00Z", "Z"), ended.replace(":00Z", "Z")
    return f"{began} - {ended}"


def strength(loop: Sustaining) -> str:
    """How hard a loop pulls: amplification and wasted share, where they were measured."""
    parts: list[str] = []
    if loop.amplification > 1:
        parts.append(f"{number(round(loop.amplification, 1))}x work")
    if loop.wasted_share > 0:
        parts.append(f"{percent(loop.wasted_share)} wasted")
    if loop.metastable:
        parts.append("self-sustaining")
    return ", ".join(parts)


def impact(incident: Incident) -> str:
    """How soon it was seen and what users felt, in one sentence."""
    soon = incident.detected_at - incident.started_at
    return f"For users {counted(incident.impact, 'request')} failed; visible in the data {span(soon)} after the start."


def others(incident: Incident) -> tuple[Candidate, ...]:
    """The candidates that are not the answer: all of them where there is no answer."""
    return incident.candidates if incident.verdict == "unknown" else incident.candidates[1:]


def nothing_found(seen: RecordingSummary) -> str:
    """One sentence for a recording in which nothing is wrong, with what was looked at."""
    kinds = ((seen.spans, "span"), (seen.samples, "sample"), (seen.changes, "change"))
    looked = [counted(count, one) for count, one in kinds if count] or ["nothing"]
    return (
        f"No incident: nothing stands out from {utc(seen.from_)} to {utc(seen.to)}"
        f" ({', '.join(looked)} from {counted(seen.services, 'service')} looked at)."
    )


def dns_part(dns: Dns) -> str:
    """The part that name resolution played, in one sentence."""
    names = ", ".join(plain(name) for name in dns.names[:3])
    if len(dns.names) > 3:
        names += f" and {len(dns.names) - 3} more"
    of_names = f" of {names}" if names else ""
    how = f": {FAILURE[dns.failure]}" if dns.failure else ""
    return {
        "root": f"DNS is the cause. Lookups{of_names} failed{how}.",
        "symptom": f"DNS is only a symptom. Lookups{of_names} failed{how}, but something else broke first.",
        "innocent": f"DNS is innocent. Lookups{of_names} went on working.",
        "none": "Nothing in the data says that DNS had a part in it.",
    }[dns.role]


def standing(incident: Incident) -> str:
    """Whether it is over, and if not, what keeps it going; one sentence."""
    if incident.ended_at is not None:
        whole = span(incident.ended_at - incident.started_at)
        return f"Over: the last part recovered at {utc(incident.ended_at)}, after {whole}."
    if incident.trigger.ended_at is None:
        return "Still going on at the end of the data: what broke first is still broken."
    repaired = f"what broke first was repaired at {utc(incident.trigger.ended_at)}"
    running = [
        f"the {LOOP[loop.kind]} in {plain(loop.component)}" for loop in incident.sustaining if loop.ended_at is None
    ]
    if not running:
        return f"Not all has recovered by the end of the data, although {repaired}."
    keep = "keeps" if len(running) == 1 else "keep"
    return f"Still going on, although {repaired}: {' and '.join(running)} {keep} it going."


def compact(seconds: float) -> str:
    """Time since the trigger for tight places: +3m, +7h16m, +1d4h."""
    return re.sub(r"(\d+) (d|h|m|s)(in)? ?", r"\1\2", offset(seconds))


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
        began = offset(loop.started_at - trigger.started_at)
        return f"Its {LOOP[loop.kind]} began {began} and keeps the outage going; it did not start it."
    step = next((step for step in incident.cascade if step.component in about), None)
    if step is not None and step.onset_at >= trigger.started_at:
        began = offset(step.onset_at - trigger.started_at)
        return f"It failed {began}, because of {plain(step.because_of or trigger.component)}."
    return f"The evidence for it is weaker: {percent(candidate.score)} against {percent(incident.candidates[0].score)}."
