"""What stands behind the blamed without being called: devices, balancers and caches.

Blame books failures on whom a call was meant for. Where many callees fail at once that have nothing in common but the
way to them, the way is the suspect (`way`). Where connections
through a balancer fail while its health checks flap, it is the balancer; where a store drowns because a cache in front
of it was lost, it is the cache. Where the only one that was started anew (a `restart` in the change telemetry) brought
a silence to its end, it is that. Each takes over the share of the failures that it explains.
"""

from __future__ import annotations

from dataclasses import replace

from ..collector.model import Windows
from .base import Evidence, Finding
from .graph import Graph
from .grouping import LEADING
from .kinds import HORIZON, revived, rewritten
from .queries import sql
from .suspects import RATHER, Suspect, behind, overlaps
from .telemetry_silence import KIND as SILENCE
from .ties import balances, keeps_load_from, shown_before
from .way import LEAST_SHARE, near, nodes_of, shared_way

EXPLAINED = 0.1
"""What an explained suspect keeps of its score: it stays on the list, behind whatever has a tenth for itself."""

SMOULDERS_S = 1800.0
"""Checks may flap for half an hour before they have taken away more capacity than is spare."""


ON_THE_WAY = ("network_congestion", "unknown")
"""Kinds of faults of what nobody reaches that may lie on the way to it."""


def look_behind(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> list[Suspect]:
    """The same suspects, with those that explain them before them."""
    for explain in (shared_way, _balancer, _cache, _herded, _started_anew):
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


def _balancer(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A balancer whose checks flap while connections to what stands behind it fail.

    Where nothing ties it to them, it may still be what loses connections on their way, but neither makes who is reached
    slow nor has who is dead refuse them.
    """
    flaps = [f for f in findings if f.kind == "health_check_flapping" and near(windows, f, onset, SMOULDERS_S)]
    lost = [s for s in ranked if s.score >= LEAST_SHARE and s.how == "unreached"]
    if not flaps or not lost or ranked[0] not in lost:
        return None
    # Those who fail because they depend on what cannot be reached are explained as well.
    lost += [s for s in ranked if s not in lost and any(graph.path(s.component, other.component) for other in lost)]
    first = min(flaps, key=lambda f: (not balances(windows, graph, f.component, lost), f.started_at, f.component))
    found = behind(first.component, "health_check_flapping", lost, (first,), first.evidence[0])
    if balances(windows, graph, first.component, lost):
        return found
    # That ever more calls are lost is told as a stale record; where nobody wrote one, it may be capacity that goes.
    guessed = ranked[0].kind == "dns.stale_record" and not rewritten(windows, ranked[0], onset)
    if not guessed and ranked[0].kind not in ON_THE_WAY:
        return None
    return replace(found, certainty=min(RATHER, found.certainty))


def _cache(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A cache that was lost, whose clients' store is now too busy: it is asked for more, or serves its clients."""
    losses = [f for f in findings if f.kind == "cache_loss" and near(windows, f, onset, HORIZON * windows.window_s)]
    if not ranked or not _busy(ranked[0]):
        return None
    slow = ranked[0].kind != "unknown"
    losses = [f for f in losses if keeps_load_from(windows, graph, f.component, nodes_of(ranked[:1]), onset, slow=slow)]
    losses = [f for f in losses if not shown_before(windows, f)]
    if not losses:
        return None
    first = min(losses, key=lambda f: (f.started_at, f.component))
    return behind(first.component, "cache_loss", [ranked[0]], (first,), first.evidence[0])


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
    return replace(behind(first.component, "overload", explained, (first,), first.evidence[0]), service=callee)


def _started_anew(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """The only one that was started anew as a silence came to its end, or its own failures after one: what had to be
    mended. Those who depend on it are explained as well."""
    during = (onset, onset + HORIZON * windows.window_s)
    silences = [f for f in findings if f.kind == SILENCE and overlaps(f, during)]
    if not silences or any(s.failure for s in ranked[:1]):
        return None  # a name that fails is mended by no process
    started = {_process(graph, s): time for s in ranked if (time := revived(windows, s, findings)) is not None}
    restarts = _restarts(windows, graph, silences)
    # What came before the failures mended none.
    started |= {owner: time for owner, time in restarts if time >= _began(_depending(graph, ranked, owner), onset)}
    if len(started) != 1:
        return None
    ((owner, time),) = started.items()
    explained = _depending(graph, ranked, owner)
    evidence = Evidence(
        statement=f"{owner} was started anew, and what had failed with it failed no more",
        query=sql("changes", '"Kind", "Actor", "Detail"', (time, time + 1), Kind="restart"),
        window=(time, time + HORIZON * windows.window_s),
        observed=1.0,
        expected=0.0,
    )
    if not explained:
        return None
    own = next((s for s in explained if _process(graph, s) == owner), None)
    if own is None:
        return replace(behind(owner, "crash", explained, (), evidence), how="unreached", mended_at=time)
    found = behind(own.component, "crash", explained, own.findings, evidence)
    return replace(found, service=own.service, how=own.how, mended_at=time)


def _depending(graph: Graph, ranked: list[Suspect], owner: str) -> list[Suspect]:
    """The suspects that are this service, or fail because of it."""
    names = [node for node in sorted({*graph.callers, owner}) if _service(graph, node) == owner]
    return [s for s in ranked if _process(graph, s) == owner or any(graph.path(s.component, name) for name in names)]


def _began(suspects: list[Suspect], onset: float) -> float:
    """When the first of them was seen to fail."""
    return min((f.started_at for s in suspects for f in s.findings if f.kind not in LEADING), default=onset)


def _restarts(windows: Windows, graph: Graph, silences: list[Finding]) -> list[tuple[str, float]]:
    """Who was started anew within the horizon before a silence ended, and when."""
    changes = windows.changes[windows.changes["Kind"] == "restart"].sort_values(["time", "Target"])
    ends = [f.ended_at for f in silences if f.ended_at is not None]
    started = zip(changes["Target"].astype(str), changes["time"].astype(float), strict=True)
    horizon_s = HORIZON * windows.window_s
    near = ((target, time) for target, time in started if any(end - horizon_s <= time <= end for end in ends))
    return [(_service(graph, target), time) for target, time in near]


def _process(graph: Graph, suspect: Suspect) -> str:
    return _service(graph, suspect.service or suspect.component)


def _service(graph: Graph, node: str) -> str:
    """The service that a node is or belongs to, as far as its name tells; of a service known by its host name alone,
    the first label, by which those call it who start it anew."""
    owner = graph.service(node)
    host = owner in graph.owners and owner not in graph.callees  # a name calls nobody
    return node.partition(".")[0] if host or not owner else owner
