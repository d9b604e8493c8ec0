"""The way that several callees have in common: a network device whose queue grew old, or that somebody changed.

Queues grow old every day, and most of them are on nobody's way: a mailer's, a batch's. A queue that nobody calls is the
way to what is lost only if it grew old as the calls began to be lost, is as old as their callers waited, and several
callees are lost that share nothing else; or if it was changed just then. With less it is likelier than not at the most,
and it never explains what was refused or answered at once: who got that waited in no queue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import pandas as pd

from ..collector.model import DNS_ERRORS, Windows
from .analysis import Kind
from .base import ALIKE, HORIZON, Evidence, Finding
from .blamed import LOST
from .codes import possible
from .cusum import ENOUGH
from .dns_failures import AGAIN, VAGUE
from .graph import Graph
from .kinds import AT_ONCE
from .queries import sql
from .queueing import old_by
from .refused_first import WAITED_S
from .releases import read_off
from .series import calls_over, components
from .suspects import RATHER, Suspect, behind, overlaps

SPREAD = 0.8
"""Failures are spread where no single callee has more of them; one device's own trouble gives most to several."""

LEAST_SHARE = 0.03
"""What has less of the failures is no callee that fails, but what such a failure splashes on."""

LAG_S = 60.0
"""Gauges and counters are scraped every minute or more often: what they tell may have begun so much earlier."""

WAITING = ("dns.resolver_down", "network_congestion", "slow", "overload")
"""Kinds of faults whose callers wait until their time is up."""

SOON = 3
"""Windows after the onset in which what caused it may still be told: two open a run, a scrape may be a third late."""


def near(windows: Windows, finding: Finding, onset: float, before_s: float) -> bool:
    """Whether it began around the onset, so long before it at the most, or as soon after as it may still be told."""
    return onset - before_s <= finding.started_at <= onset + max(SOON * windows.window_s, LAG_S)


def shared_way(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A device that nobody calls by name, in whose queue work grew old, or that was changed, as many callees failed."""
    lost = [s for s in ranked if s.score >= LEAST_SHARE and s.how in ("resolution", "unreached", "answer")]
    if sum(s.score for s in lost) <= 0:
        return None
    return _queue(windows, graph, lost, findings, onset) or _changed(windows, graph, lost, findings, onset)


def _queue(
    windows: Windows, graph: Graph, lost: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """What nobody calls and whose queue is old, where calls are lost that may have waited in it."""
    horizon_s = HORIZON * windows.window_s
    labels = called(windows, graph)
    queued = [f for f in findings if f.kind == "queueing" and f.component not in labels]
    queued = [f for f in queued if near(windows, f, onset, horizon_s)]
    waiting = [s for s in lost if may_wait(s)]
    if not queued or not waiting:
        return None
    failed_at = _began(windows, waiting, onset)
    first = min(queued, key=lambda f: (not with_it(windows, f, failed_at), f.started_at, f.component))
    timely, moved = with_it(windows, first, failed_at), touched(windows, first.component, onset)
    several = several_of(waiting, lost)
    # Where one device's queue is old, to wait in vain for one callee behind it is enough; to wait for a look-up only if
    # the queue is as old, since work waits for look-ups as well.
    alone = (timely or moved) and lost[0] in waiting and lost[0].kind in WAITING
    if lost[0].how == "resolution":
        alone = alone and old_by(first, onset)
    if not (several or alone):
        return None
    as_old = float(first.facts["age_s"]) >= min((s.waited_s for s in waiting if s.waited_s), default=0.0)
    tied = moved or (several and timely and as_old)
    # Where nothing tells who calls whom, it may as well be what they all call.
    kind: Kind = "network_congestion" if graph.callees else "unknown"
    found = behind(first.component, kind, lost, (first,), first.evidence[0])
    return found if tied else replace(found, certainty=min(RATHER, found.certainty))


def may_wait(suspect: Suspect) -> bool:
    """Whether the calls may have waited on their way: nobody answered them, for better or worse, nor at once."""
    if suspect.how == "answer" or suspect.kind == "crash" or 0 < suspect.waited_s < WAITED_S:
        return False
    return suspect.how == "unreached" or suspect.failure in (*AGAIN, *VAGUE)


def _began(windows: Windows, lost: list[Suspect], onset: float) -> float:
    """When calls to these began to be lost, in Unix seconds: as it was seen, if hardly more than usual were between the
    onset and that. An incident may be dated by the queue itself."""
    seen = max(onset, min((f.started_at for s in lost for f in s.findings), default=onset))
    if seen <= onset:
        return onset
    theirs = calls_to(windows, nodes_of(lost))
    counts = [*DNS_ERRORS, *(f"errors_{name}" for name in LOST if name != "server")]
    before, since = (
        float(calls_over(windows, theirs, counts, *stretch).to_numpy().sum())
        for stretch in ((float(windows.start), onset), (onset, seen))
    )
    usual = before * (seen - onset) / max(onset - windows.start, 1.0)
    return seen if since - usual < ENOUGH else onset


def nodes_of(some: Iterable[Suspect]) -> set[str]:
    """What these are, and the services that they belong to."""
    return {node for s in some for node in (s.component, s.service)} - {""}


def calls_to(windows: Windows, nodes: Collection[str]) -> pd.Series[bool]:
    """[edges] Which are calls to these."""
    names = windows.edges.names
    return names["peer"].isin(nodes) | names["server"].isin(nodes)


def with_it(windows: Windows, finding: Finding, failed_at: float) -> bool:
    """Whether it began with the failures and not minutes before, as far as scrapes can tell."""
    return finding.started_at >= failed_at - max(AT_ONCE * windows.window_s, LAG_S)


def touched(windows: Windows, component: str, onset: float) -> bool:
    """Whether somebody changed it shortly before the onset."""
    return component in set(_recent(windows, onset - HORIZON * windows.window_s, onset)["Target"])


def _recent(windows: Windows, since: float, onset: float) -> pd.DataFrame:
    changes = windows.changes
    return changes[(changes["time"] > since) & (changes["time"] <= onset + windows.window_s)]


def several_of(some: list[Suspect], lost: list[Suspect]) -> bool:
    """Whether these are several, of which none has nearly all or which lose a like share, and most of what is lost."""
    share = sum(s.score for s in some)
    if len({end for end, _ in _ends(some, {})}) < 2 or share < SPREAD * sum(s.score for s in lost):
        return False
    return max(s.score for s in some) <= SPREAD * share or _alike((owner_of(s), s.rate) for s in some)


def _changed(
    windows: Windows, graph: Graph, lost: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """What nobody calls and somebody changed as calls to several callees began to be lost."""
    silent = _silent(windows, graph, findings, onset)
    ends = {end for end, _ in _ends(lost, silent)}
    share = sum(s.score for s in lost)
    # What was changed on a way loses calls; that several callees answer with errors is no sign of a way.
    way = [s for s in lost if s.how in ("resolution", "unreached")]
    alike = _alike((owner_of(s), s.rate) for s in way)
    spread = len(ends) > 1 and (max(s.score for s in lost) <= SPREAD * share or alike)
    asked = len(ends) > 1 and not spread and _alike(_ends(way, silent))
    if not (spread or asked) or sum(s.score for s in way) < SPREAD * share:
        return None
    flapping = {f.component for f in findings if f.kind == "health_check_flapping"}
    began = _began(windows, way, onset)  # a stray failure may have dated the onset before the change
    since = began - (AT_ONCE if asked else HORIZON) * windows.window_s
    recent = _recent(windows, since, began)
    recent = recent[~recent["Target"].isin(called(windows, graph) | flapping)]
    recent = recent[~recent["Kind"].str.startswith("record.") & ~read_off(recent)]
    if recent.empty:
        return None
    last = recent.sort_values(["time", "Target"]).iloc[-1]
    owners = {owner_of(s) for s in lost}
    told = f"{len(owners)} callees" if len(owners) > 1 else f"{lost[0].component} and to its name servers"
    evidence = Evidence(
        statement=f"{last['Actor']} changed {last['Target']} ({last['Kind']}: {last['Detail']}) "
        f"as calls to {told} began to fail",
        query=sql(
            "changes", '"Kind", "Actor", "Detail"', (since, began + windows.window_s), Target=str(last["Target"])
        ),
        window=(float(last["time"]), began + windows.window_s),
        observed=float(len(ends)),
        expected=0.0,
    )
    found = behind(str(last["Target"]), "network_congestion", lost, (), evidence)
    return replace(found, certainty=RATHER * found.certainty) if asked else found


def called(windows: Windows, graph: Graph) -> set[str]:
    """Who calls or is called, by name and by the first label of it."""
    # Who has no edge is known by its own counters alone; it is a service all the same, and no way to others.
    nodes = {*graph.callees, *graph.callers, *windows.edges.services, *components(windows, "requests")} - {""}
    return nodes | {node.partition(".")[0] for node in nodes}


def _ends(lost: list[Suspect], silent: Mapping[str, float]) -> list[tuple[str, float]]:
    """Where the calls were to end, and what share of those was lost: at a callee, or at the servers of its name, if
    they do not answer while calls to the callee itself are lost. They are other machines, and what is lost of both at
    once is lost on the way.

    silent: by service, the share of look-ups of its names that its servers came to leave without an answer.
    """
    vanished = {owner_of(s) for s in lost if s.how == "unreached" and s.kind == "network_congestion"}
    ends: list[tuple[str, float]] = []
    for s in lost:
        owner, servers = owner_of(s), f"servers of {s.component}"
        unanswered = s.how == "resolution" and s.failure in AGAIN and owner in vanished
        ends.append((servers if unanswered else owner, _asked_in_vain(s)))
        if s.how == "unreached" and owner in vanished and owner in silent:
            ends.append((servers, silent[owner]))
    return ends


def _silent(windows: Windows, graph: Graph, findings: list[Finding], onset: float) -> dict[str, float]:
    """By service, how much of the look-ups of its names failed as servers fail that do not answer; callers remember
    names for a while, so that it may show a little later than that their calls are lost."""
    during = (onset, onset + HORIZON * windows.window_s)
    failed = [f for f in findings if f.detector == "dns_failures" and f.facts["failure"] in AGAIN]
    failed = sorted((f for f in failed if overlaps(f, during)), key=lambda f: f.score)  # of several the worst stays
    return {graph.service(f.component) or f.component.partition(".")[0]: f.score for f in failed}


def owner_of(suspect: Suspect) -> str:
    """The service that a suspect is or belongs to, else the first label of its name."""
    return suspect.service or suspect.component.partition(".")[0]


def _alike(lost: Iterable[tuple[str, float]]) -> bool:
    """Whether several lose a like share of the calls to them, as those behind one way do, however many those are.

    lost: who, and the share.
    """
    rates = list(lost)
    worst = max((rate for _, rate in rates), default=0.0)
    return len({end for end, rate in rates if rate >= ALIKE * worst}) > 1


def _asked_in_vain(suspect: Suspect) -> float:
    """Of the calls, or if that is more of the look-ups that resolvers made: what callers remember they do not ask."""
    if suspect.how != "resolution":
        return suspect.rate
    codes = [f for f in suspect.findings if f.detector == "dns_rcodes"]
    return max([suspect.rate, *(f.score for f in codes if f.facts["failure"] in possible(suspect.failure))])
