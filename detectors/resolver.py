"""What names that fail together are asked through: a resolver, which no caller names, or the servers of their zone.

Records belong to their owners, and those of several seldom break at once; their resolver is what they share. It is a
node like any other and takes over the failures of all its names. Its own telemetry tells which it is: the answers of
one server that fails while others are well (`servers`), else a queue. Where none does it is "the resolver", and its
callers tell whose; what was changed shortly before is told beside it.

A network that loses look-ups loses other calls too, those whose names were known before; and what went wrong before
the look-ups did is what they fail from, rather than the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..collector.model import DNS_ERRORS, Windows
from .analysis import Kind
from .base import HORIZON, MOSTLY, Evidence, Finding
from .blamed import Blamed
from .blind_spots import FEW
from .codes import BY_SERVER, possible, within_zone
from .cusum import ENOUGH
from .dns_failures import KINDS, VAGUE
from .graph import Graph
from .kinds import began
from .probed_names import hung, unanswered_evidence
from .queries import sql
from .queueing import old_by
from .refused_first import WAITED_S
from .releases import read_off
from .series import concept, gauge
from .servers import Sick, ceased, in_look_ups, in_trouble, nobody_answered, telling
from .suspects import RATHER, Suspect, overlaps
from .telemetry_silence import MOST, targets_down
from .unresolved import Unresolved, unresolved_together
from .way import LAG_S, LEAST_SHARE, SPREAD, called, touched, with_it

UNKNOWN = "the resolver"
"""The component where nothing tells which one it is."""

LOADED = frozenset({"queueing", "cache_loss", "health_check_flapping", "retry_storm", "restart_herd"})
"""Kinds of what cuts off or drowns others, and a resolver among them."""

EARLY = 0.5
"""Before queues have been scraped, names that fail together are as likely to fail from what nothing tells of yet."""


def resolver(
    windows: Windows,
    graph: Graph,
    blamed: list[Blamed],
    ranked: list[Suspect],
    findings: list[Finding],
    during: tuple[float, float],
    probed: frozenset[str] = frozenset(),
) -> Suspect | None:
    """The resolver or the zone that the blamed names have in common; None where they need none, or have another cause.

    ranked: the first of the blamed. during: the stretch after the onset, in Unix seconds. probed: `all_unanswered`.
    """
    unresolved = unresolved_together(windows, blamed, ranked, during, probed)
    if unresolved is None:
        return None
    zone = unresolved.zone
    codes = _codes(unresolved, findings, during)
    servers = [f for f in codes if f.facts["counted"] in BY_SERVER]
    sick = in_trouble(windows, unresolved, servers, during)
    own = [f for f in findings if f.component in unresolved.named and f.kind.startswith("dns.") and overlaps(f, during)]
    first = min((f.started_at for f in own), default=during[0])
    named = windows.edges.names["peer"].isin(unresolved.named)
    queues = _queues(windows, graph, findings, during, began(windows, named, DNS_ERRORS, first, during[0]))
    changes = _changes(windows, graph, during)
    if sick is None and unresolved.failure == "timeout" and not (servers or queues or changes):
        sick = ceased(windows, during)
    itself = sick if not zone or (sick is not None and sick.whole and not sick.again) else None  # and not the zone
    beside = hung(windows, unresolved, blamed) if probed else in_look_ups(windows, unresolved, blamed, itself, during)
    presumed = not probed and sum(b.failed for b in beside) > unresolved.failed
    if presumed and changes:
        beside = []  # what was changed just then may as well have cut them off
    if _others_are_lost(unresolved, [b for b in blamed if b not in beside], told=bool(servers)):
        return None
    one = len(unresolved.owners) < 2
    alone = one and sick is not None and sick.whole and not unresolved.well
    if one and not alone and not (queues and _nothing_else(unresolved)):
        return None  # one owner's record, or the way to it: it would fail whichever server is asked, and nothing else
    if len(unresolved.well) > len(unresolved.names) and not (zone or servers or queues):
        return None  # most of what these callers ask for is answered
    component, kind, seen = _which(unresolved, sick, servers, queues, own if alone else [])
    way = not servers and bool(queues) and _on_the_way(windows, queues[0])
    if way:
        kind = "network_congestion"
    loaded = [f for f in findings if f.kind in LOADED and f.component != component]
    named = sick is not None and not sick.ceased
    loaded = [f for f in loaded if f.kind != "queueing" or (not named and _waited(unresolved))]
    if _came_first(windows, ranked, loaded, during, first):
        return None
    zones = [f for f in codes if any(within_zone(name, f.component) for name in unresolved.named) and f not in own]
    found = _suspect(component, kind, unresolved, beside, (*seen, *own), during)
    early = not (servers or queues or probed) and during[1] - during[0] < LAG_S
    seen_by_probes = (unanswered_evidence(windows, probed, during[0]),) if probed else ()
    nothing = (sick.ceased,) if sick and sick.ceased and component == sick.server else ()
    unsure = way or alone or presumed or bool(nothing) or (sick is not None and sick.again)
    gone = () if servers or way else _unscraped(windows, during)
    return replace(
        found,
        failure="" if way else "timeout" if gone and _refused(windows, unresolved, during) else found.failure,
        certainty=EARLY * found.score if early else min(found.score, RATHER) if unsure else found.score,
        codes=tuple(zones),
        changes=(*seen_by_probes, *nothing, *gone, *(changes if component == UNKNOWN else ())),
    )


def _others_are_lost(unresolved: Unresolved, blamed: list[Blamed], *, told: bool) -> bool:
    """Whether more than names is lost: calls to whom no name fails, or most of those that got past their look-ups.

    told: a resolver tells of its trouble itself, as probes of all names do. Where none does, calls that were late may
    well have been past theirs, as those over connections that were open are.
    """
    others = sum(b.failed for b in blamed if nobody_answered(b))
    if others > (1 - SPREAD) * (others + unresolved.failed):
        return True
    if unresolved.probed:
        return False
    mine = unresolved.asked.reindex(unresolved.named).sum()
    bad, good = float(mine["lost"]), float(mine["attempts"] - mine["errors"])
    if not told:
        theirs = (b.failed for b in blamed if b.how == "unreached" and b.component in unresolved.owners)
        bad += float(mine["late"]) + sum(theirs)
    return bad >= max(ENOUGH, MOSTLY * (bad + good))


def _nothing_else(unresolved: Unresolved) -> bool:
    """Whether these callers are known to do nothing but wait for look-ups: no other name resolves, no call is late."""
    return not unresolved.well and float(unresolved.asked["late"].sum()) < ENOUGH


def _codes(unresolved: Unresolved, findings: list[Finding], during: tuple[float, float]) -> list[Finding]:
    """What resolvers' codes tell of look-ups that fail so."""
    codes = [f for f in findings if f.detector == "dns_rcodes" and during[0] - LAG_S <= f.started_at < during[1]]
    return [f for f in codes if str(f.facts["failure"]) in possible(unresolved.failure)]


def _queues(
    windows: Windows, graph: Graph, findings: list[Finding], during: tuple[float, float], began: float
) -> list[Finding]:
    """Queues of what nobody calls by name that grew old as the names began to fail, or that was changed just then; what
    was old minutes before failed no name by that, and later work waits because of it."""
    nodes = called(windows, graph)
    old = [f for f in findings if f.kind == "queueing" and f.component not in nodes and f.started_at < during[1]]
    old = [f for f in old if old_by(f, began) and (with_it(windows, f, began) or touched(windows, f.component, began))]
    return sorted(old, key=lambda f: (f.started_at, f.component))


def _on_the_way(windows: Windows, queue: Finding) -> bool:
    """Whether servers, or pods of theirs, tell of themselves and the queue is none of theirs: what gets to them they
    answer, so look-ups rather wait on the way to them, though it may be the queue of one more server."""
    names, owner = telling(windows), queue.component
    return bool(names) and not any(name == owner or name.startswith(f"{owner}-") for name in names)


def _which(
    unresolved: Unresolved, sick: Sick | None, servers: list[Finding], queues: list[Finding], alone: list[Finding]
) -> tuple[str, Kind, list[Finding]]:
    """The component, its kind, and what detectors saw of it; servers: the codes of single ones; alone: what was seen of
    the only name that fails, if no other is asked for.

    Where several servers give bad answers, or none is seen to be well, it is none of them alone. A server that fails a
    zone alone cannot ask the zone's own; who fails nearly everything fails it for whoever asks, unless it answers all
    else as ever.
    """
    zone = unresolved.zone
    if alone and sick and sick.again:
        return unresolved.named[0], KINDS[unresolved.failure], alone
    if sick and (not zone or (sick.whole and not sick.again)):
        return sick.server, "dns.resolver_down", [f for f in (*servers, *queues) if f.component == sick.server]
    if queues and all(f.component == queues[0].component for f in servers):
        return queues[0].component, KINDS[unresolved.failure] if zone else "dns.resolver_down", [*servers, queues[0]]
    return (zone, KINDS[unresolved.failure], servers) if zone else (UNKNOWN, "dns.resolver_down", servers)


def _changes(windows: Windows, graph: Graph, during: tuple[float, float]) -> tuple[Evidence, ...]:
    """The last change of what nobody calls by name as the names began to fail: it may be why, or mere coincidence."""
    since, until = during[0] - HORIZON * windows.window_s, during[0] + windows.window_s
    recent = windows.changes[windows.changes["time"].between(since, until)]
    recent = recent[~recent["Target"].isin(called(windows, graph)) & ~recent["Kind"].str.startswith("record.")]
    recent = recent[~read_off(recent)]
    if recent.empty:
        return ()
    last = recent.sort_values(["time", "Target"]).iloc[-1]
    told = Evidence(
        statement=f"{last['Actor']} changed {last['Target']} ({last['Kind']}) as the names began to fail",
        query=sql("changes", '"Kind", "Actor", "Detail"', (since, until), Target=str(last["Target"])),
        window=(float(last["time"]), until),
        observed=1.0,
        expected=0.0,
    )
    return (told,)


def _unscraped(windows: Windows, during: tuple[float, float]) -> tuple[Evidence, ...]:
    """Targets that count what resolvers answer, and that could no longer be scraped as the names began to fail."""
    table = gauge(windows, concept(windows, "up"), ("component",))
    first, last = (int(time - windows.start) // windows.window_s for time in during)
    told: list[Evidence] = []
    for row, name in enumerate(table.names("component") if len(table) else ()):
        if not any(server == name or server.startswith((f"{name}-", f"{name}:")) for server in telling(windows)):
            continue
        before, then = (level[np.isfinite(level)] for level in np.split(table["value"][row][:last], [first]))
        if len(before) and len(then) and before.mean() > MOSTLY > then.mean():
            told.append(
                Evidence(
                    statement=f"{name}, which answers look-ups, could not be scraped as the names began to fail",
                    query=sql("signals", "value", during, component=name, concept="up"),
                    window=during,
                    observed=float(then.mean()),
                    expected=float(before.mean()),
                )
            )
    return tuple(told)


def _refused(windows: Windows, unresolved: Unresolved, during: tuple[float, float]) -> bool:
    """Whether a machine on which no resolver runs any more may be who failed the look-ups, of which callers are told at
    once and vaguely: what answered them they would know. Where most targets are not scraped, it is no matter of one."""
    first, last = (int(time - windows.start) // windows.window_s for time in during)
    said = {b.failure.removeprefix("dns_") for b in unresolved.names}
    return said <= {*VAGUE} and float(targets_down(windows)[first:last].mean()) <= MOST


def _waited(unresolved: Unresolved) -> bool:
    """Whether the look-ups may have waited in a queue: who was told at once that they failed did not."""
    return unresolved.failure == "timeout" or any(b.unanswered_s >= WAITED_S for b in unresolved.names)


def _came_first(
    windows: Windows, ranked: list[Suspect], loaded: list[Finding], during: tuple[float, float], first: float
) -> bool:
    """Whether something else went wrong so long before the look-ups that it may be what they fail from.

    loaded: what cuts off or drowns others.
    """
    since, until = during[0] - HORIZON * windows.window_s, first - max(LAG_S, 2.0 * windows.window_s)
    others = [s for s in ranked if s.how in ("unreached", "answer") and s.score >= LEAST_SHARE]
    theirs = [f for s in others for f in s.findings]
    return any(since <= f.started_at < until for f in (*theirs, *loaded))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")


def _suspect(
    component: str,
    kind: Kind,
    unresolved: Unresolved,
    beside: list[Blamed],
    findings: tuple[Finding, ...],
    during: tuple[float, float],
) -> Suspect:
    """beside: the callees that were not reached because of look-ups, though nobody says so."""
    names = unresolved.named
    count = f"{len(names)} name{'s' * (len(names) != 1)}"
    more = sum(b.failed for b in beside)
    failed = unresolved.failed + more
    share = unresolved.share * failed / unresolved.failed
    nobody = f", and {more:,.0f} to {_listed([b.component for b in beside])} met nobody" if beside else ""
    evidence = Evidence(
        statement=f"{unresolved.failed:,.0f} calls of {_listed(unresolved.callers)} failed because {count} "
        f"({_listed(names)}) could not be resolved{nobody}, {share:.0%} of all that failed within "
        f"{during[1] - during[0]:.0f} s of the onset",
        query=sql("calls", f"peer, client, attempts, {', '.join(DNS_ERRORS)}", during),
        window=during,
        observed=failed,
        expected=0.0,
    )
    return Suspect(
        component=component,
        service=component,
        kind=kind,
        score=share,
        certainty=share,
        failed=failed,
        failure=unresolved.failure,
        evidence=evidence,
        findings=findings,
        how="behind",
        rate=unresolved.failed / max(sum(b.attempts for b in unresolved.names), 1.0),
        explains=(*names, *(b.component for b in beside)),
    )
