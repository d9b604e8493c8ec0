"""Stretches in which a condition held, with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass

from ..collector.model import Windows
from .series import Flags

CONFIRM = 2
"""Windows in a row that open or close a run: one alone may be a scrape that fell across the edge."""


@dataclass(frozen=True)
class Run:
    """Window numbers; end is None while it lasts, needed is how many windows it took to be sure."""

    start: int
    end: int | None
    needed: int = CONFIRM


def sure_at(windows: Windows, run: Run) -> float:
    """When a run could first have been known, in Unix seconds: the end of the window that made it sure."""
    return float(windows.start + (run.start + run.needed) * windows.window_s)


def runs(opens: Flags, holds: Flags) -> list[Run]:
    """Runs that open when `opens` was true for CONFIRM windows and last until `holds` was false for as many.

    >>> import numpy as np
    >>> on = np.array([0, 1, 0, 1, 1, 0, 1, 0, 0, 0], dtype=bool)
    >>> runs(on, on)
    [Run(start=3, end=7, needed=2)]
    """
    found: list[Run] = []
    start: int | None = None
    streak = 0
    for window in range(len(opens)):
        if start is None:
            streak = streak + 1 if opens[window] else 0
            if streak == CONFIRM:
                start, streak = window - CONFIRM + 1, 0
            continue
        streak = 0 if holds[window] else streak + 1
        if streak == CONFIRM:
            found.append(Run(start, window - CONFIRM + 1))
            start, streak = None, 0
    return [*found, Run(start, None)] if start is not None else found
