"""When something became known for good: the analysis as it would have read at one moment after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..collector.model import Windows

DENSE_S = 600.0
"""So long after the trigger every window is a moment of its own: what matters to people on call happens here."""
WIDENING = 0.25
"""After that the next moment is later by this share of the time since the trigger."""


def until(windows: Windows, moment: float) -> Windows:
    """What had been seen by then: the windows that had ended, and the changes made before the last of them ended."""
    end = int(moment) // windows.window_s * windows.window_s
    calls, signals, changes = windows.calls, windows.signals, windows.changes
    return replace(
        windows,
        end=max(windows.start, end),
        calls=calls[calls["window"] < end].reset_index(drop=True),
        signals=signals[signals["window"] < end].reset_index(drop=True),
        changes=changes[changes["time"] < end].reset_index(drop=True),
        texts=windows.texts[windows.texts["window"] < end].reset_index(drop=True),
        versions={what: window for what, window in windows.versions.items() if window < end},
    )


def moments(start: float, end: int, window_s: int) -> tuple[int, ...]:
    """Ends of windows at which to look: each for `DENSE_S` from `start` on, then fewer and fewer, then `end`.

    >>> moments(1000.0, 1040, 10)
    (1010, 1020, 1030, 1040)
    """
    first = (int(start) // window_s + 1) * window_s
    found: list[int] = []
    at = first
    while at < end:
        found.append(at)
        wide = 0.0 if at - first < DENSE_S else WIDENING * (at - first)
        at += max(window_s, int(wide) // window_s * window_s)
    return (*found, end)


def first_lasting(at: tuple[int, ...], holds: Callable[[int], bool]) -> int | None:
    """The first moment from which `holds` stays true to the last one; None if it is not true at the last.

    Asked at the last moment, then at ever earlier ones (each at half the way), until it is false; between that one
    and the next the change is searched for by halves. What came and went in between is not noticed.
    """
    right = len(at) - 1
    if not holds(at[right]):
        return None
    wrong = -1
    while right > 0:
        earlier = right // 2
        if not holds(at[earlier]):
            wrong = earlier
            break
        right = earlier
    while right - wrong > 1:
        middle = (wrong + right) // 2
        right, wrong = (middle, wrong) if holds(at[middle]) else (right, middle)
    return at[right]
