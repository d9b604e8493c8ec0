"""The gates on what users meet as they run: what they know goes on from window to window; late ones are taken in again.

They are the tests that `gate` and `waits` make over a whole recording, so both tell the same of the same windows. To
take a late window in, a gate goes back to a mark that it left before that window, and on from there.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .cusum import Running
from .levels import Levels
from .series import Floats, Indices

APART = 10
"""Windows between two marks: that many are taken in again for one that is late, at the most."""


@dataclass(frozen=True)
class _Told:
    """What users met in one window: series, and of each what they met, of how many requests."""

    series: Indices
    met: Floats
    of: Floats


@dataclass(frozen=True)
class _Test:
    """Where the test is; levels: of what tells which windows are slow, None where requests fail by themselves."""

    running: Running
    levels: Levels | None

    def join(self, series: int) -> None:
        self.running.join(series)
        if self.levels is not None:
            self.levels.join(series)

    def step(self, met: Floats, of: Floats) -> None:
        if self.levels is not None:
            met, of = self.levels.step(met, of).astype(np.float64), (of > 0).astype(np.float64)
        self.running.step(met, of)

    def __copy__(self) -> _Test:
        return _Test(copy(self.running), copy(self.levels))


class RunningGate:
    """What users met by entry service; windows are numbered from 0, the first that was told of.

    met, of: the columns of `gate.entered` that it is about. levels: none learned yet, where it is about waits.
    over: the window in which the last of what stood out, and does so no more, was well again.
    """

    def __init__(self, met: str, of: str, levels: Levels | None = None) -> None:
        self._quantities = met, of
        self._places: dict[str, int] = {}
        self._told: dict[int, _Told] = {}
        self._test = _Test(Running.over(0), levels)
        self._marks: list[_Test] = []
        self.over: int | None = None

    def tell(self, first: int, after: int, rows: pd.DataFrame) -> bool:
        """Take in the windows from `first` until before `after`, and say whether it stood out then or later.

        rows: window (its number), component and both quantities, as `gate.entered` gives them; they replace what was
        told of these windows before.
        """
        self._store(first, after, rows)
        until = max(after, self._test.running.window)
        if first < self._test.running.window:
            self._go_back(first)
        stood_out = False
        for window in range(self._test.running.window, until):
            if not self._marks or (window % APART == 0 and window > self._marks[-1].running.window):
                self._marks.append(copy(self._test))
            self._step(window)
            stood_out |= window >= first and bool(self._test.running.open.any())
        ends = [episode.end for episode in self._test.running.closed if episode.end is not None]
        self.over = max(ends, default=self.over)
        return stood_out

    @property
    def open(self) -> bool:
        """Whether some series stands out in the newest window."""
        return bool(self._test.running.open.any())

    def forget(self, before: int) -> None:
        """Let go what only windows from before that number need, should they be told again."""
        place = bisect_right([mark.running.window for mark in self._marks], before) - 1
        if place > 0:
            self._marks = self._marks[place:]
            self._told = {
                window: told for window, told in self._told.items() if window >= self._marks[0].running.window
            }
        self._test.running.closed.clear()

    def _store(self, first: int, after: int, rows: pd.DataFrame) -> None:
        names = rows["component"].astype(object).map(self._place).to_numpy(np.int64)
        numbers = rows["window"].to_numpy(np.int64)
        met, of = (rows[name].to_numpy(np.float64) for name in self._quantities)
        for window in range(first, after):
            mine = numbers == window
            self._told[window] = _Told(names[mine], met[mine], of[mine])

    def _place(self, name: str) -> int:
        return self._places.setdefault(name, len(self._places))

    def _go_back(self, window: int) -> None:
        """To the last mark before the window, or to the oldest: what was before that is over."""
        place = max(0, bisect_right([mark.running.window for mark in self._marks], window) - 1)
        self._test = copy(self._marks[place])
        self._marks = self._marks[: place + 1]

    def _step(self, window: int) -> None:
        count = len(self._places)
        self._test.join(count - self._test.running.series)
        told = self._told.get(window)
        if told is None:
            self._test.step(np.zeros(count), np.zeros(count))
        else:
            met, of = (np.bincount(told.series, values, count) for values in (told.met, told.of))
            self._test.step(met.astype(np.float64), of.astype(np.float64))
