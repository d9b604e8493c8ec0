"""Work that piled up while the trigger lasted, and is worked off after its end: no loop, it only takes its time.

After the trigger's end requests are as many as ever and hardly any is repeated, yet work is old: the age of a queue
falls steadily, or answers come too late for a while and then in time again. With Q waiting, served at mu and growing at
lambda, it is over after Q / (mu - lambda), and needs neither less load nor less retrying. A retry storm is told apart
by its repeats, and by a queue that does not grow younger.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..collector.model import Windows
from .base import MOSTLY, Evidence, Finding
from .edges import LEAST_REQUESTS, EdgeCounts, late_edges
from .graph import Graph
from .grouping import LOOPS, Group
from .queries import sql
from .repeats import BUDGET
from .retry_storm import PERSIST_S, POOR, sharpened
from .runs import Run
from .series import Floats, carried, concept_of, gauge, scrape_gap

PARTS = 3
"""What falls steadily is lower in each third of its time than in the one before."""


def backlogs(windows: Windows, group: Group, graph: Graph, trigger_end: float) -> list[Finding]:
    """Find components that worked off for longer than `PERSIST_S` what had piled up by `trigger_end` (Unix seconds).

    Where a loop goes on, it is why work comes late; who depends on what works off a backlog is late because of that.
    """
    if any(f.kind in LOOPS and f.until(windows.end) > trigger_end + PERSIST_S for f in group.findings):
        return []
    edges = list(late_edges(windows))
    found = {f.component: f for e in edges for f in _late(windows, e, group, trigger_end)}
    queues = (f for f in group.findings if f.kind == "queueing")
    found |= {f.component: f for queue in queues for f in _old(windows, queue, edges, trigger_end)}
    deepest = [f for name, f in found.items() if not any(graph.path(name, other) for other in found if other != name)]
    return sorted(deepest, key=lambda f: f.component)


def _window(windows: Windows, time: float) -> int:
    """The number of the first window that began at `time` or later."""
    return max(0, int(np.ceil((time - windows.start) / windows.window_s)))


def _falls(values: Floats) -> bool:
    """Whether values fall from third to third, from their greatest on, which must be among the first half."""
    top = int(np.argmax(values)) if len(values) else 0
    if len(values) < 2 * PARTS or top > len(values) // 2:
        return False
    means = [float(part.mean()) for part in np.array_split(values[top:], PARTS)]
    return all(later < earlier for earlier, later in pairwise(means))


def _old(windows: Windows, queue: Finding, edges: list[EdgeCounts], trigger_end: float) -> Iterator[Finding]:
    """By the age of a queue, while hardly any request to its owner is repeated."""
    until = queue.until(windows.end)
    if queue.started_at > trigger_end or until <= trigger_end + PERSIST_S:
        return
    inside = slice(_window(windows, trigger_end), _window(windows, until))
    amplification = max((_amplification(e, inside) for e in edges if e.callee == queue.component), default=0.0)
    if amplification > BUDGET:
        return
    table = gauge(windows, concept_of(windows, "queue_age_s", {queue.component}), ("component",))
    ages = carried(table["value"], scrape_gap(windows))[0][inside]
    ages = ages[np.isfinite(ages)]
    if _falls(ages):
        said = (
            f"the oldest work in {queue.component}'s queue grew younger after the repair, from {ages.max():.0f} s to "
        )
        evidence = Evidence(
            statement=f"{said}{ages[-1]:.0f} s in {until - trigger_end:.0f} s",
            query=sql("signals", '"window", value', (trigger_end, until), component=queue.component),
            window=(trigger_end, until),
            observed=float(ages[-1]),
            expected=float(ages.max()),
        )
        facts: dict[str, float | str] = {"amplification": amplification} if amplification else {}
        yield _finding(queue.component, trigger_end, queue.ended_at, evidence, facts=facts)


def _late(windows: Windows, edge: EdgeCounts, group: Group, trigger_end: float) -> Iterator[Finding]:
    """By answers that come too late for a while after the trigger's end, though hardly any request is repeated."""
    late = np.maximum(edge["errors_deadline"], edge["wasted"])
    good = edge["attempts"] - edge["errors"]
    bad = (good < POOR * edge["originals"]) & (late > MOSTLY * edge["errors"])
    bad &= (edge["originals"] >= LEAST_REQUESTS / 2) & (edge["attempts"] <= BUDGET * edge["originals"])
    first = _window(windows, trigger_end)
    for run in sharpened(bad, edge.width):
        end = None if run.end is None else float(windows.start + run.end * windows.window_s)
        until = float(windows.end) if end is None else end
        near = run.start <= first and until <= group.until(windows.end)
        if near and until > trigger_end + PERSIST_S and (end is not None or _falls(late[first:])):
            yield _worked_off(edge, Run(first, run.end), (trigger_end, until), end)


def _worked_off(edge: EdgeCounts, run: Run, during: tuple[float, float], end: float | None) -> Finding:
    inside = slice(run.start, run.end)
    answered = max(float(edge["answered"][inside].sum()), 1.0)
    wasted = float(edge["wasted"][inside].sum()) / answered
    amplification = _amplification(edge, inside)
    evidence = Evidence(
        statement=f"{edge.callee} answered {edge.client} too late for {during[1] - during[0]:.0f} s after the repair, "
        f"with {amplification:.1f} attempts for each request",
        query=sql("calls", "attempts, originals, answered, errors, wasted", during, client=edge.client),
        window=during,
        observed=amplification,
        expected=1.0,
    )
    facts: dict[str, float | str] = {"amplification": amplification, "wasted_share": min(wasted, 1.0)}
    return _finding(edge.callee, during[0], end, evidence, ((edge.client, edge.callee),), facts)


def _amplification(edge: EdgeCounts, inside: slice) -> float:
    return float(edge["attempts"][inside].sum()) / max(float(edge["originals"][inside].sum()), 1.0)


def _finding(
    component: str,
    start: float,
    end: float | None,
    evidence: Evidence,
    edges: tuple[tuple[str, str], ...] = (),
    facts: dict[str, float | str] | None = None,
) -> Finding:
    return Finding(
        detector="backlog",
        kind="backlog",
        component=component,
        started_at=start,
        ended_at=end,
        score=0.5,
        evidence=(evidence,),
        edges=edges,
        facts=facts or {},
    )
