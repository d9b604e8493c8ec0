"""Who else failed, since when, until when, and through whom it reached them."""

from __future__ import annotations

from .analysis import CascadeStep
from .base import Finding, last
from .gate import KIND as USERS_FAILED
from .graph import Graph
from .grouping import Group
from .ledger import Ledger
from .suspects import Suspect
from .waits import KIND as USERS_WAITED

FAILING = frozenset({"failure_spike", "unreachable", USERS_FAILED, USERS_WAITED})


def cascade(group: Group, graph: Graph, trigger: Suspect, started_at: float, ledger: Ledger) -> tuple[CascadeStep, ...]:
    """List the components that failed after the trigger, by onset.

    graph: a trigger that nobody calls stands in it behind those that it explains.
    started_at: when the trigger began. What followed from it cannot have failed before, though a window that
    began before it, or a stray failure in that window, may say so.
    """
    failing = _failing(group, graph, trigger)
    onsets = {component: min(f.started_at for f in own) for component, own in failing.items()}
    steps = [
        CascadeStep(
            component=component,
            onset_at=max(onsets[component], started_at),
            recovered_at=last(f.ended_at for f in own),
            because_of=_because_of(component, onsets, graph, trigger),
            path=_path(component, onsets, graph, trigger),
            evidence=ledger.cite_findings(own),
        )
        for component, own in failing.items()
    ]
    return tuple(sorted(steps, key=lambda s: (s.onset_at, s.component)))


def _failing(group: Group, graph: Graph, trigger: Suspect) -> dict[str, list[Finding]]:
    failing: dict[str, list[Finding]] = {}
    for finding in (*group.findings, *group.symptoms):
        service = graph.service(finding.component)
        if finding.kind in FAILING and finding.component != trigger.component and service != trigger.service:
            failing.setdefault(service or finding.component, []).append(finding)
    return dict(sorted(failing.items()))


def _callers(component: str, graph: Graph) -> list[str]:
    direct = {
        caller for node in (component, *graph.callers.get(component, ())) for caller in graph.callers.get(node, ())
    }
    return sorted(direct)


def _path(component: str, onsets: dict[str, float], graph: Graph, trigger: Suspect) -> tuple[str, ...]:
    """The chain through components that failed too; where the data misses one of them, any chain."""
    through = {*onsets, trigger.component, trigger.service}
    return graph.path(component, trigger.component, through) or graph.path(component, trigger.component)


def _because_of(component: str, onsets: dict[str, float], graph: Graph, trigger: Suspect) -> str:
    """The dependency to thank: the trigger, if it is a direct one, else the failing one that leads there.

    Which of two failed first within a window or so says nothing, so the graph decides and not the clock.
    """
    nodes = graph.callees.get(component, ())
    direct = {*nodes, *(graph.service(node) for node in nodes)} - {"", component}
    # Those whom the trigger stands behind and that are no step of their own, such as names, are passed over.
    behind = set(trigger.explains if trigger.how == "behind" else ()) - onsets.keys()
    if not direct.isdisjoint({trigger.component, trigger.service, *behind}):
        return trigger.component
    failing = [callee for callee in sorted(direct) if callee in onsets]
    if not failing:  # nothing below it failed: it may be drowned by a caller that failed before
        failing = [
            caller for caller in _callers(component, graph) if onsets.get(caller, onsets[component]) < onsets[component]
        ]
    on_path = [callee for callee in failing if _path(callee, onsets, graph, trigger)]
    return min(on_path or failing, key=lambda callee: (onsets[callee], callee), default="")
