"""What stands behind the blamed without being called: devices, balancers and caches.

Blame books failures on whom a call was meant for. Where many callees fail at once that have nothing in common but the
way to them, the way is the suspect (`way`). Where connections through a balancer fail while its health checks flap, it
is the balancer; where a store drowns because a cache in front of it was lost, it is the cache. Where the only one that
was started anew brought a silence to its end, it is that (`revival`). Of whom nobody tells what it calls, it is what
broke by itself just then (`mute`). Each takes over the failures that it explains.
"""

from __future__ import annotations

from dataclasses import replace

from ..collector.model import Windows
from .base import HORIZON, Finding
from .graph import Graph
from .kinds import rewritten
from .mute import broke_by_itself
from .revival import started_anew
from .suspects import RATHER, Suspect, behind
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
    for explain in (shared_way, _balancer, _cache, _herded, broke_by_itself, started_anew):
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
    if not flaps or not lost or not (ranked[0] in lost or _passes_on(graph, ranked[0], lost)):
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


def _passes_on(graph: Graph, suspect: Suspect, lost: list[Suspect]) -> bool:
    """Whether it is a name that passes calls on to what cannot be reached: of its own calls nobody tells."""
    to = graph.callees.get(suspect.component, ())
    return graph.service(suspect.component) != suspect.component and any(s.component in to for s in lost)


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
