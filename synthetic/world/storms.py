"""Whether a world stormed, on which edges and until when: measured from its books, never declared.

A retry storm is the conjunction, edge by edge: attempts multiply while the requests behind them do not, the callee is
reached far more often than before, little of what was asked for succeeds, most of its work is wasted, and even the
shortest wait in its queue is longer than its callers wait (Bronson et al., HotOS 2021; Huang et al., OSDI 2022; the
minimum queueing delay is CoDel's sign of a standing queue). Where instances of a fleet ask for their state, asking
again is the retry, and the requests behind it are the instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .books import CLASS, Flows
from .history import Edge, Floats

Flags = NDArray[np.bool_]

WINDOW_S = 10.0
AMPLIFIED = 1.5
"""Attempts per request, and requests that reach the callee per one before; a retry budget of 20 % allows 1.2."""
FLAT = 1.5
"""Requests that have grown by more make a surge."""
POOR, WASTED = 0.5, 0.5
LASTS_S = 60.0
LEAST = 5.0
"""Requests a window below which the ratios mean little."""


@dataclass(frozen=True)
class Storm:
    """One edge's storm, in seconds from the start; `end_s` None while it lasts at the end of the world."""

    edge: int
    start_s: float
    end_s: float | None


def storms_of(
    edges: tuple[Edge, ...],
    server: Sequence[int],
    driven: frozenset[int],
    flows: Flows,
    users: Floats,
    tick_s: float,
    calm: slice,
) -> tuple[Storm, ...]:
    """All storms. server: index of each edge's server, or of its network device where it has one.

    driven: edges over which instances ask by themselves. users: [T] requests from outside: retries of callers further
    up multiply what a caller in the middle asks for, so only they tell whether more was asked for. calm: ticks before
    anything happened.
    """
    ticks = max(1, round(WINDOW_S / tick_s))
    asked, before = windows(users, ticks), max(1, (calm.stop - calm.start) // ticks)
    flat = asked <= FLAT * max(float(np.median(asked[:before])), 1e-9)
    found: list[Storm] = []
    for e, edge in enumerate(edges):
        if not (edge.retries or e in driven) or not flows.attempts[:, e].any():
            continue
        flags = _storming(edge, e, server[e], e in driven, flows, ticks, before) & flat
        for start, end in runs(flags):
            if (end - start) * WINDOW_S >= LASTS_S:
                open_end = end * ticks >= len(flows.attempts) - ticks
                found.append(Storm(e, start * ticks * tick_s, None if open_end else end * ticks * tick_s))
    return tuple(found)


def _storming(edge: Edge, e: int, s: int, driven: bool, flows: Flows, ticks: int, before: int) -> Flags:
    """[windows] where every condition on the edge itself holds."""
    attempts, ok = windows(flows.attempts[:, e], ticks), windows(flows.ok[:, e], ticks)
    originals = windows(flows.originals[:, e], ticks)
    late = windows(flows.failures[:, e, CLASS["deadline"]], ticks)
    age_s = lowest(flows.queue_age_s[:, s], ticks)
    usual = max(float(np.median(attempts[:before])), 1e-9)
    asked = np.maximum(originals, 1e-9)
    crowded = (attempts >= AMPLIFIED * usual) & (attempts >= LEAST) & (age_s > edge.timeout_s)
    wasted = late > WASTED * (ok + late)
    if driven:
        return crowded & wasted & (ok < POOR * attempts)
    return crowded & wasted & (attempts >= AMPLIFIED * asked) & (ok < POOR * asked)


def windows(flow: Floats, ticks: int) -> Floats:
    """Sums over windows of so many ticks; what is left at the end is dropped."""
    whole = len(flow) // ticks * ticks
    return flow[:whole].reshape(-1, ticks).sum(axis=1)


def lowest(values: Floats, ticks: int) -> Floats:
    """The least value in each window."""
    whole = len(values) // ticks * ticks
    return values[:whole].reshape(-1, ticks).min(axis=1)


def runs(flags: Flags, gap: int = 1) -> list[tuple[int, int]]:
    """Start and end of each run of flags; gaps of up to so many windows do not end it."""
    at = np.flatnonzero(flags)
    if not len(at):
        return []
    cuts = np.flatnonzero(np.diff(at) > gap + 1)
    starts, ends = np.append(at[0], at[cuts + 1]), np.append(at[cuts], at[-1]) + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
