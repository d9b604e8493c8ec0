"""Outages that have nothing to do with each other: at one time, in parts of the estate that never call each other.

Failures spread along calls. Where users fail in two parts between which there are none, one of them cannot follow from
the other; yet both may follow from what no call shows, such as a network or a resolver. So they are told apart only
where each part names a trigger of its own that calls lead to, of a kind of its own: two outages of one kind at one time
have one cause more likely than two, and what nobody calls may stand behind the other part as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..collector.model import Windows
from .analysis import Incident
from .base import Finding, last
from .graph import Graph
from .grouping import Group
from .series import by_concept
from .telemetry_silence import targets_down

ON_THE_WAY = frozenset({"dns.servfail", "dns.resolver_down", "network_congestion"})
"""Kinds that one fault on the way to others may have in several parts, by what each has to show of it."""


def parts(windows: Windows, graph: Graph, group: Group) -> Iterator[tuple[Windows, Group]]:
    """The calls and the findings of each part of the estate in which users failed; nothing where there is only one.

    What detectors saw outside of the graph (a device, a zone, a silence) may belong to each; users who came in at a
    name that nobody calls are counted with those of the part in which most failed.
    """
    if len({s.component for s in group.symptoms}) < 2:
        return
    part_of = _parts(graph)
    failed: defaultdict[str, float] = defaultdict(float)
    for symptom in group.symptoms:
        if symptom.component in part_of:
            failed[part_of[symptom.component]] += float(symptom.facts["excess"])
    if len(failed) < 2:
        return
    most = max(sorted(failed), key=lambda part: failed[part])
    users = {s.component: most for s in group.symptoms}
    edges = windows.edges
    of_edge = [
        next((part_of[node] for node in nodes if node in part_of), "")
        for nodes in zip(edges.told["client"], edges.told["peer"], edges.told["server"], strict=True)
    ]
    for part in sorted(failed):
        rows = np.array([of == part for of in of_edge], np.bool_)[edges.of]
        calls = windows.calls[rows].reset_index(drop=True)
        seen = replace(windows, calls=calls, past=None).with_edges(edges.picked(rows))
        for said in (by_concept, targets_down):  # of signals, which are the same
            said.hand_on(windows, seen)
        yield seen, _of_part(group, part, users | part_of)


def told_apart(graph: Graph, incidents: Sequence[Incident]) -> bool:
    """Whether the parts of what seemed one incident are incidents of their own."""
    if len(incidents) < 2 or any(one.verdict == "unknown" for one in incidents):
        return False
    nodes = {*graph.callees, *graph.callers, *graph.entries}
    nodes |= {node.partition(".")[0] for node in nodes}  # by which those call it who start it anew
    triggers = [one.trigger for one in incidents]
    components = {trigger.component for trigger in triggers} & nodes
    kinds = {"on the way" if trigger.kind in ON_THE_WAY else trigger.kind for trigger in triggers} - {"unknown"}
    return len(components) == len(kinds) == len(incidents)


def _of_part(group: Group, part: str, part_of: dict[str, str]) -> Group:
    def mine(finding: Finding) -> bool:
        return part_of.get(finding.component, part) == part

    own = [f for f in (*group.symptoms, *group.findings) if part_of.get(f.component) == part]
    ends = [f.ended_at for f in own if f.started_at >= group.started_at]
    return Group(
        started_at=min((f.started_at for f in own if f.started_at >= group.started_at), default=group.started_at),
        ended_at=last(ends) if ends else group.ended_at,
        symptoms=tuple(filter(mine, group.symptoms)),
        findings=tuple(filter(mine, group.findings)),
    )


def _parts(graph: Graph) -> dict[str, str]:
    """Node -> the first by name of those that it is connected with, whoever calls whom."""
    part_of: dict[str, str] = {}
    for start in sorted({*graph.callees, *graph.callers, *graph.entries}):
        reached = [] if start in part_of else [start]
        while reached:
            node = reached.pop()
            if node not in part_of:
                part_of[node] = start
                reached += [*graph.callees.get(node, ()), *graph.callers.get(node, ())]
    return part_of
