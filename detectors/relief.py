"""What shows, apart from a storm itself, that what lit it was over before it was.

That repeats of the same requests keep a callee down, and that it is slow by itself and therefore asked again, look
alike while they last. They differ in how they begin and end: a surge of users that is over while the callee stays down
has left a loop behind, and a callee that stays down until it is asked less, and is well soon after, was held down by
what it was asked (Bronson et al., HotOS 2021).
What gets well while it is still asked again had a fault of its own, which was mended.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..collector.model import Windows
from .base import Finding
from .edges import EdgeCounts, late_edges, users_flat, usual
from .retry_storm import AMPLIFIED, PERSIST_S, POOR, persist_s
from .runs import CONFIRM
from .series import Flags


def lit_until(windows: Windows, storms: Sequence[Finding]) -> float | None:
    """By when what lit the storms on a callee was over, in Unix seconds; None where nothing but they themselves tells.

    storms: one at the least. After a surge: when users asked for no more. Of a storm that ended because the callee was
    asked less: once it had been a loop for as long as one has to be seen.
    """
    first = min(storms, key=lambda f: f.started_at)
    if _surged(windows, first):
        return first.started_at
    final = max(storms, key=lambda f: (f.until(windows.end), f.edges))
    if not _relieved(windows, final):
        return None
    return min(first.started_at + PERSIST_S, first.until(windows.end))


def _surged(windows: Windows, storm: Finding) -> bool:
    """Whether users asked for more until the storm: of a surge, its first window is the first after it."""
    before = _number(windows, storm.started_at) - 1
    return before >= 0 and not users_flat(windows)[before]


def _relieved(windows: Windows, storm: Finding) -> bool:
    """Whether the callee still failed when it was asked less, and was well within the time that waste takes to drain.

    What fails for longer does so whatever it is asked.
    """
    if storm.ended_at is None:
        return False
    edge = next((e for e in late_edges(windows) if (e.client, e.callee) in storm.edges), None)
    if edge is None:
        return False
    start, end = _number(windows, storm.started_at), _number(windows, storm.ended_at)
    failing = edge["attempts"] - edge["errors"] < POOR * edge["originals"]
    until = _well_from(failing, edge["originals"] > 0, end)
    eased = failing & _eased(edge, start)
    if until is None or not eased[end:until].any():
        return False
    since = end + int(np.argmax(eased[end:until]))
    still = failing[since:until]
    drained_s = (int(np.count_nonzero(still)) - edge.width + 1) * windows.window_s
    return bool(eased[since:until][still].all()) and drained_s <= persist_s(windows, storm)


def _eased(edge: EdgeCounts, start: int) -> Flags:
    """[windows] Whether requests are no longer multiplied, or no more than before the storm are made in all."""
    before = usual(edge["reached"][:start], np.ones(start, np.bool_))[-1] if start else 0.0
    return (edge["attempts"] < AMPLIFIED * edge["originals"]) | (edge["reached"] <= before)


def _well_from(failing: Flags, called: Flags, since: int) -> int | None:
    """The first window from which the callee is well, for as many of those in which it is called as confirm it."""
    good = [window for window in range(since, len(failing)) if called[window]]
    for at, window in enumerate(good[: len(good) - CONFIRM + 1]):
        if not failing[good[at : at + CONFIRM]].any():
            return window
    return None


def _number(windows: Windows, time: float) -> int:
    return int((time - windows.start) // windows.window_s)
