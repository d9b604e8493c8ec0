"""What brought a silence to its end: the only one that was started anew, as the change telemetry tells (`restart`)."""

from __future__ import annotations

from dataclasses import replace

from ..collector.model import Windows
from .base import HORIZON, Evidence, Finding
from .graph import Graph
from .grouping import LEADING
from .kinds import revived
from .queries import sql
from .suspects import RATHER, Suspect, behind, overlaps
from .telemetry_silence import KIND as SILENCE


def started_anew(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """The only one that was started anew as a silence came to its end, or its own failures after one: what had to be
    mended. Those who depend on it are explained as well; where no call is seen to fail, it is rather that than not."""
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
    mended = "what had failed with it failed no more" if ranked else "what had fallen silent was heard again"
    evidence = Evidence(
        statement=f"{owner} was started anew, and {mended}",
        query=sql("changes", '"Kind", "Actor", "Detail"', (time, time + 1), Kind="restart"),
        window=(time, time + HORIZON * windows.window_s),
        observed=1.0,
        expected=0.0,
    )
    unseen = replace(behind(owner, "crash", explained, (), evidence), how="unreached", mended_at=time)
    if not ranked and owner in {_service(graph, node) for node in graph.callers}:
        return replace(unseen, score=RATHER, certainty=RATHER)
    if not explained:
        return None
    own = next((s for s in explained if _process(graph, s) == owner), None)
    if own is None:
        return unseen
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
