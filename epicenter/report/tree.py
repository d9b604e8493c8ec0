"""The cascade as one tree: what failed, hung below what it failed because of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..detectors.analysis import CascadeStep, Incident


@dataclass(frozen=True)
class Node:
    """One failure in the cascade; the root is the trigger.

    A component that failed twice, each time because of something else, is two nodes.
    """

    component: str
    onset_at: float
    recovered_at: float | None
    because_of: str
    evidence: tuple[str, ...]
    children: tuple[Node, ...] = ()


def cascade_tree(incident: Incident) -> Node:
    """The trigger with everything that failed because of it, children in the order of failure.

    A step whose reason is not itself in the cascade hangs below the trigger; `because_of` still names the reason.
    """
    trigger = incident.trigger
    steps = sorted(
        (step for step in incident.cascade if step.component != trigger.component),
        key=lambda step: (step.onset_at, len(step.path), step.component),
    )
    parents = _parents(steps)

    def grow(index: int) -> Node:
        step = steps[index]
        below = tuple(grow(child) for child, parent in enumerate(parents) if parent == index)
        return Node(step.component, step.onset_at, step.recovered_at, step.because_of, step.evidence, below)

    roots = tuple(grow(child) for child, parent in enumerate(parents) if parent is None)
    return Node(trigger.component, trigger.started_at, trigger.ended_at, "", trigger.evidence, roots)


def with_loops(root: Node, incident: Incident) -> Node:
    """The same tree with the sustaining loops of components that are not in the cascade, which have no known reason."""
    shown = {node.component for _, node in walk(root)}
    apart = [
        Node(loop.component, loop.started_at, loop.ended_at, "", loop.evidence)
        for loop in incident.sustaining
        if loop.component not in shown
    ]
    first = {node.component: node for node in reversed(apart)}
    return replace(root, children=(*root.children, *sorted(first.values(), key=lambda node: node.onset_at)))


def _parents(steps: list[CascadeStep]) -> list[int | None]:
    """For each step the index of the step it hangs below; None for the trigger."""
    parents: list[int | None] = [None] * len(steps)
    for index, step in enumerate(steps):
        # Of several failures of one component, the latest one that came before is the reason.
        earlier = [i for i, other in enumerate(steps) if other.component == step.because_of and i < index]
        later = [i for i, other in enumerate(steps) if other.component == step.because_of and i > index]
        choice = earlier[-1] if earlier else later[0] if later else None
        parents[index] = None if choice is None or _leads_to(parents, choice, index) else choice
    return parents


def _leads_to(parents: list[int | None], start: int, goal: int) -> bool:
    """Whether walking up from `start` meets `goal`: windows are coarse, so two steps can each be the other's reason."""
    here: int | None = start
    while here is not None:
        if here == goal:
            return True
        here = parents[here]
    return False


def walk(node: Node, depth: int = 0) -> Iterator[tuple[int, Node]]:
    """Every node with its depth, parents before children."""
    yield depth, node
    for child in node.children:
        yield from walk(child, depth + 1)


def guided(root: Node, *, ascii_only: bool = False) -> Iterator[tuple[str, Node]]:
    """Every node with the guide lines that stand before its name on a terminal."""
    tee, corner, bar = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")

    def below(node: Node, lead: str) -> Iterator[tuple[str, Node]]:
        for child in node.children:
            last = child is node.children[-1]
            yield lead + (corner if last else tee), child
            yield from below(child, lead + ("   " if last else bar))

    yield "", root
    yield from below(root, "")
