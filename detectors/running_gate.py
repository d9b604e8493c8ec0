"""The gate on users' failures as it runs: what it knows goes on from window to window; late ones are taken in again.

It is the test that `gate` makes over a whole recording (`cusum.Running`), so both tell the same of the same windows.
To take a late window in, it goes back to a mark that it left before that window, and on from there.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .cusum import Running
from .series import Floats, Indices

APART = 10
"""Windows between two marks: that many are taken in again for one that is late, at the most."""


@dataclass(frozen=True)
class _Told:
    """What users met in one window: series, and requests of each that failed and that came in."""

    series: Indices
    failed: Floats
    entries: Floats


class RunningGate:
    """Users' failures by entry service; windows are numbered from 0, the first that was told of."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._told: dict[int, _Told] = {}
        self._running = Running.over(0)
        self._marks: list[Running] = []

    def tell(self, first: int, after: int, rows: pd.DataFrame) -> bool:
        """Take in the windows from `first` until before `after`, and say whether users met failures then or later.

        rows: window (its number), component, entries and failed, as `gate.entered` gives them; they replace what was
        told of these windows before.
        """
        self._store(first, after, rows)
        until = max(after, self._running.window)
        if first < self._running.window:
            self._go_back(first)
        failing = False
        for window in range(self._running.window, until):
            if not self._marks or (window % APART == 0 and window > self._marks[-1].window):
                self._marks.append(copy(self._running))
            self._step(window)
            failing |= window >= first and bool(self._running.open.any())
        return failing

    def forget(self, before: int) -> None:
        """Let go what only windows from before that number need, should they be told again."""
        place = bisect_right([mark.window for mark in self._marks], before) - 1
        if place > 0:
            self._marks = self._marks[place:]
            self._told = {window: told for window, told in self._told.items() if window >= self._marks[0].window}
        self._running.closed.clear()

    def _store(self, first: int, after: int, rows: pd.DataFrame) -> None:
        names = rows["component"].astype(object).map(self._place).to_numpy(np.int64)
        numbers = rows["window"].to_numpy(np.int64)
        failed, entries = (rows[name].to_numpy(np.float64) for name in ("failed", "entries"))
        for window in range(first, after):
            mine = numbers == window
            self._told[window] = _Told(names[mine], failed[mine], entries[mine])

    def _place(self, name: str) -> int:
        return self._places.setdefault(name, len(self._places))

    def _go_back(self, window: int) -> None:
        """To the last mark before the window, or to the oldest: what was before that is over."""
        place = max(0, bisect_right([mark.window for mark in self._marks], window) - 1)
        self._running = copy(self._marks[place])
        self._marks = self._marks[: place + 1]

    def _step(self, window: int) -> None:
        count = len(self._places)
        self._running.join(count - self._running.series)
        told = self._told.get(window)
        if told is None:
            self._running.step(np.zeros(count), np.zeros(count))
        else:
            failed, entries = (np.bincount(told.series, of, count) for of in (told.failed, told.entries))
            self._running.step(failed.astype(np.float64), entries.astype(np.float64))
