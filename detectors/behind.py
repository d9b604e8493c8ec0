"""What stands behind the blamed without being called: devices, balancers and caches.

Blame books failures on whom a call was meant for. Where many callees fail at once that have nothing in common but the
way to them, the way is the suspect: a network device whose queue grew, or that somebody changed. Where connections
through a balancer fail while its health checks flap, it is the balancer; where a store drowns because a cache in front
of it was lost, it is the cache. Where the only one that was started anew brought a silence to its end (`revival`), it
is that. Each takes over the share of the failures that it explains.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..collector.model import Windows
from .analysis import Kind
from .base import ALIKE, Evidence, Finding
from .codes import possible
from .dns_failures import AGAIN
from .graph import Graph
from .kinds import AT_ONCE, HORIZON
from .queries import sql
from .queueing import old_by
from .revival import started_anew
from .series import components
from .suspects import RATHER, Suspect, stands_for

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

EXPLAINED = 0.1
"""What an explained suspect keeps of its score: it stays on the list, behind whatever has a tenth for itself."""

SMOULDERS_S = 1800.0
"""Checks may flap for half an hour before they have taken away more capacity than is spare."""


def look_behind(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> list[Suspect]:
    """The same suspects, with those that explain them before them."""
    for explain in (_shared_way, _balancer, _cache, _herded, started_anew):
        found = explain(windows, graph, ranked, findings, onset)
        if found is not None:
            ranked = taken_over(ranked, found)
    return ranked


def taken_over(ranked: list[Suspect], found: Suspect) -> list[Suspect]:
    """The suspects with the one that explains some of them, whose failures are now its own."""
    others = (_less(s, found) for s in ranked if s.component != found.component)
    return sorted([found, *others], key=lambda s: (-s.score, s.component))


def _less(suspect: Suspect, found: Suspect) -> Suspect:
    if suspect.component not in found.explains:
        return suspect
    return replace(suspect, score=EXPLAINED * suspect.score, certainty=EXPLAINED * suspect.certainty)


def _near(windows: Windows, finding: Finding, onset: float, before_s: float) -> bool:
    return onset - before_s <= finding.started_at <= onset + max(SOON * windows.window_s, LAG_S)


def _shared_way(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A device that nobody calls by name, in whose queue work grew old, or that was changed, as many callees failed."""
    lost = [s for s in ranked if s.score >= LEAST_SHARE and s.how in ("resolution", "unreached", "answer")]
    ends = set(_ends(lost))
    share = sum(s.score for s in lost)
    if share <= 0:
        return None
    way = [s for s in lost if s.how in ("resolution", "unreached")]
    alike = _alike((owner_of(s), s.rate) for s in way)
    spread = len(ends) > 1 and (max(s.score for s in lost) <= SPREAD * share or alike)
    asked = len(ends) > 1 and not spread and _alike(zip(_ends(way), map(_asked_in_vain, way), strict=True))
    labels = called(windows, graph)
    horizon_s = HORIZON * windows.window_s
    flapping = {f.component for f in findings if f.kind == "health_check_flapping"}
    old = (f for f in findings if f.kind == "queueing" and f.component not in labels)
    queued = [f for f in old if _near(windows, f, onset, horizon_s)]
    first = min(queued, key=lambda f: (f.started_at, f.component), default=None)
    # Where one device's queue is old, to wait in vain for one callee behind it is enough; to wait for a look-up only if
    # the queue is as old, since work waits for look-ups as well.
    waiting = ranked[0].kind in WAITING
    if first and ranked[0].how == "resolution":
        waiting = waiting and old_by(first, onset)
    if first and (spread or waiting):
        # Where nothing tells who calls whom, it may as well be what they all call.
        kind: Kind = "network_congestion" if graph.callees else "unknown"
        return stands_for(first.component, kind, lost, (first,), first.evidence[0])
    # What was changed on a way loses calls; that several callees answer with errors is no sign of a way.
    on_way = [s for s in lost if s.how != "answer"]
    if not (spread or asked) or sum(s.score for s in on_way) < SPREAD * share:
        return None
    changes, since = windows.changes, onset - (AT_ONCE * windows.window_s if asked else horizon_s)
    recent = changes[(changes["time"] > since) & (changes["time"] <= onset + windows.window_s)]
    recent = recent[~recent["Target"].isin(labels | flapping) & ~recent["Kind"].str.startswith("record.")]
    if recent.empty:
        return None
    last = recent.sort_values(["time", "Target"]).iloc[-1]
    owners = {owner_of(s) for s in lost}
    told = f"{len(owners)} callees" if len(owners) > 1 else f"{lost[0].component} and to its name servers"
    evidence = Evidence(
        statement=f"{last['Actor']} changed {last['Target']} ({last['Kind']}: {last['Detail']}) "
        f"as calls to {told} began to fail",
        query=sql("changes", '"Kind", "Actor", "Detail"', (since, onset + 1), Target=str(last["Target"])),
        window=(float(last["time"]), onset + windows.window_s),
        observed=float(len(ends)),
        expected=0.0,
    )
    found = stands_for(str(last["Target"]), "network_congestion", lost, (), evidence)
    return replace(found, certainty=min(found.certainty, RATHER)) if asked else found


def called(windows: Windows, graph: Graph) -> set[str]:
    """Who calls or is called, by name and by the first label of it."""
    # Who has no edge is known by its own counters alone; it is a service all the same, and no way to others.
    nodes = {*graph.callees, *graph.callers, *windows.edges.services, *components(windows, "requests")} - {""}
    return nodes | {node.partition(".")[0] for node in nodes}


def _ends(lost: list[Suspect]) -> list[str]:
    """[lost] Where the calls were to end: at a callee, or at the servers of its name, if they do not answer while calls
    to the callee itself are lost. They are other machines, and what is lost of both at once is lost on the way."""
    vanished = {owner_of(s) for s in lost if s.how == "unreached" and s.kind == "network_congestion"}
    silent = [s.how == "resolution" and s.failure in AGAIN and owner_of(s) in vanished for s in lost]
    return [f"servers of {s.component}" if at else owner_of(s) for s, at in zip(lost, silent, strict=True)]


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


def _balancer(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A balancer whose checks flap while connections to what stands behind it fail."""
    flaps = [f for f in findings if f.kind == "health_check_flapping" and _near(windows, f, onset, SMOULDERS_S)]
    lost = [s for s in ranked if s.score >= LEAST_SHARE and s.how == "unreached"]
    if not flaps or not lost or not (ranked[0] in lost or _passes_on(graph, ranked[0], lost)):
        return None
    # Those who fail because they depend on what cannot be reached are explained as well.
    lost += [s for s in ranked if s not in lost and any(graph.path(s.component, other.component) for other in lost)]
    first = min(flaps, key=lambda f: (f.started_at, f.component))
    return stands_for(first.component, "health_check_flapping", lost, (first,), first.evidence[0])


def _passes_on(graph: Graph, suspect: Suspect, lost: list[Suspect]) -> bool:
    """Whether it is a name that passes calls on to what cannot be reached: of its own calls nobody tells."""
    behind = graph.callees.get(suspect.component, ())
    return graph.service(suspect.component) != suspect.component and any(s.component in behind for s in lost)


def _cache(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A cache that was lost, whose clients' store is now too busy."""
    losses = [f for f in findings if f.kind == "cache_loss" and _near(windows, f, onset, HORIZON * windows.window_s)]
    if not losses or not ranked or not _busy(ranked[0]):
        return None
    first = min(losses, key=lambda f: (f.started_at, f.component))
    del graph
    return stands_for(first.component, "cache_loss", [ranked[0]], (first,), first.evidence[0])


def _busy(suspect: Suspect) -> bool:
    """Whether it may be that more is asked of it than it can do."""
    return suspect.kind in ("slow", "overload", "unknown") or any(f.kind == "queueing" for f in suspect.findings)


def _herded(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A callee that the slow suspect storms: why it is slow."""
    if not ranked or not _busy(ranked[0]):
        return None
    names = {ranked[0].component, ranked[0].service}
    near = (onset - windows.window_s, onset + HORIZON * windows.window_s)
    soon = [f for f in findings if f.kind in ("restart_herd", "retry_storm") and near[0] <= f.started_at <= near[1]]
    loops = [f for f in soon if any(client in names for client, _ in f.edges)]
    if not loops:
        return None
    first = min(loops, key=lambda f: (f.started_at, f.component))
    callee = graph.service(first.component) or first.component
    explained = [ranked[0], *(s for s in ranked[1:] if callee in (s.component, s.service))]
    return replace(stands_for(first.component, "overload", explained, (first,), first.evidence[0]), service=callee)
