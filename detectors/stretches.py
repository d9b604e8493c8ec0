"""Runs of windows in which something held."""

from __future__ import annotations

import numpy as np

from ..collector.model import Windows
from .series import Flags


def stretches(flags: Flags, *, gap: int, least: int) -> list[tuple[int, int]]:
    """Runs of true windows as (first, one past the last), shorter pauses than `gap` windows bridged.

    least: runs with fewer true windows than this are left out.

    >>> stretches(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], dtype=bool), gap=2, least=2)
    [(1, 5)]
    """
    true = np.flatnonzero(flags)
    if not len(true):
        return []
    runs = np.split(true, np.flatnonzero(np.diff(true) > gap) + 1)
    return [(int(run[0]), int(run[-1]) + 1) for run in runs if len(run) >= least]


def span_of(windows: Windows, run: tuple[int, int], *, gap: int) -> tuple[float, float | None]:
    """A run's start and end in Unix seconds; the end is None where the data stops before a pause that proves it."""
    first, last = run
    start = windows.start + first * windows.window_s
    end = windows.start + last * windows.window_s
    return float(start), None if windows.end - end <= gap * windows.window_s else float(end)
