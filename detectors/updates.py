"""What a status page could honestly have said, and when.

Each update stands on facts that were known by then, and says nothing that only later data showed.
"""

from __future__ import annotations

from math import inf

from .analysis import Claim, Dns, Sustaining, Trigger, Update, Verdict
from .base import Finding
from .grouping import LOOPS, Group
from .ledger import Ledger
from .retry_storm import PERSIST_S
from .waits import KIND as USERS_WAITED

RESOLUTION = {
    "nodata": "the name exists but has no addresses (NODATA)",
    "nxdomain": "the name does not exist (NXDOMAIN)",
    "servfail": "the name servers answer with an error (SERVFAIL)",
    "refused": "the name servers refuse to answer (REFUSED)",
    "timeout": "the name servers do not answer in time",
    "stale": "the answer holds addresses that are gone",
    "unspecified": "it does not resolve",
}

LOOP = {
    "retry_storm": "retries now keep it overloaded",
    "restart_herd": "everything restarting at once now keeps it overloaded",
    "lease_collapse": "work now times out before it is finished and is queued again, so that nothing moves forward",
    "health_check_flapping": "health checks take working targets in and out of service",
    "cache_loss": "cold caches now keep it overloaded",
    "backlog": "a backlog has to be worked off",
}


def updates(
    group: Group,
    detected: float,
    verdict: Verdict,
    trigger: Trigger,
    dns: Dns,
    loops: tuple[Sustaining, ...],
    ledger: Ledger,
) -> tuple[Update, ...]:
    """Write the updates of an incident, in order of time, each claim with the evidence of what it speaks of."""
    met = [s for s in group.symptoms if float(s.facts["alarm_at"]) <= detected]
    last = [s for s in group.symptoms if s.ended_at == max(float(e.ended_at or 0) for e in group.symptoms)]
    trouble = "delays" if met and _waits(met) else "failures"
    posts = [
        _post(
            detected,
            [
                (_symptom(met), ledger.cite_findings(met) or trigger.evidence),
                (_cause(verdict, trigger, dns, trouble), trigger.evidence),
            ],
        )
    ]
    if trigger.ended_at is not None and verdict != "unknown":
        posts.append(_post(trigger.ended_at, [(_repaired(trigger, group, trouble), trigger.evidence)]))
    posts += [_post(_known_at(loop, group), [(_loop(loop), loop.evidence)]) for loop in loops]
    if group.ended_at is not None:
        posts.append(unaffected(group.ended_at, ledger.cite_findings(last) or trigger.evidence))
    return tuple(sorted(posts, key=lambda post: post.at))


def unaffected(at: float, evidence: tuple[str, ...]) -> Update:
    """The last update of an incident, in Unix seconds; it stands on evidence, by id."""
    return _post(at, [("Users are no longer affected.", evidence)])


def _post(at: float, claims: list[tuple[str, tuple[str, ...]]]) -> Update:
    return Update(
        at=at,
        text=" ".join(text for text, _ in claims),
        claims=tuple(Claim(text=text, evidence=evidence) for text, evidence in claims),
    )


def _symptom(met: list[Finding]) -> str:
    hit = sorted({symptom.component for symptom in met})
    if not hit:
        return "Something changed, though users have met no failures."
    return f"Requests to {', '.join(hit)} {'take far longer' if _waits(met) else 'are failing more'} than usual."


def _waits(met: list[Finding]) -> bool:
    return all(symptom.kind == USERS_WAITED for symptom in met)


def _cause(verdict: Verdict, trigger: Trigger, dns: Dns, trouble: str) -> str:
    if verdict == "unknown":
        return "We do not know the cause yet."
    if dns.role == "root" and dns.failure is not None:
        what = f"the name {trigger.component}" if trigger.component in dns.names else trigger.component
        return f"The {trouble} lead back to {what}: {RESOLUTION[dns.failure]}."
    return f"The {trouble} lead back to {trigger.component}."


def _repaired(trigger: Trigger, group: Group, trouble: str) -> str:
    ended = inf if trigger.ended_at is None else trigger.ended_at
    own = (f for f in group.findings if f.component == trigger.component and f.kind in (*LOOPS, "queueing"))
    if any(f.until(inf) > ended for f in own):
        return f"What began at {trigger.component} is over, but it has not recovered."
    over = group.ended_at is not None and group.ended_at <= ended
    return f"{trigger.component} works again." + ("" if over else f" {trouble.capitalize()} elsewhere go on.")


def _loop(loop: Sustaining) -> str:
    return f"At {loop.component}, {LOOP[loop.kind]}."


def _known_at(loop: Sustaining, group: Group) -> float:
    alarms = [
        float(f.facts["alarm_at"])
        for f in group.findings
        if f.kind == loop.kind
        and f.component == loop.component
        and f.started_at == loop.started_at
        and "alarm_at" in f.facts
    ]
    # A backlog is told by how it goes on after the trigger's end, so no sooner than that shows.
    return min(alarms, default=loop.started_at + (PERSIST_S if loop.kind == "backlog" else 0.0))
