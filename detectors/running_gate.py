"""The gates on what users meet as they run: what they know goes on from window to window; late ones are taken in again.

They are the tests that `gate` and `waits` make over a whole recording, so both tell the same of the same windows. To
take a late window in, a gate goes back to a mark that it left before that window, and on from there.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import pandas as pd

from .cusum import Episode
from .series import Flags, Floats, Indices

APART = 10
"""Windows between two marks: that many are taken in again for one that is late, at the most."""


class Test(Protocol):
    """A sequential test over series, which may join while it runs (`cusum.Running`, `waits.RunningWaits`)."""

    @property
    def closed(self) -> list[Episode]:
        """The stretches that are over."""
        ...

    @property
    def window(self) -> int:
        """The number of the next window."""
        ...

    @property
    def series(self) -> int:
        """How many series there are."""
        ...

    @property
    def open(self) -> Flags:
        """[series] Which stand out."""
        ...

    def join(self, series: int) -> None:
        """Let so many more series take part from the next window on."""
        ...

    def step(self, met: Floats, of: Floats, /) -> None:
        """Take in the next window; [series] each."""
        ...

    def __copy__(self) -> Self:
        """A run of its own that goes on from here."""
        ...


@dataclass(frozen=True)
class _Told:
    """What users met in one window: series, and of each what they met, of how many requests."""

    series: Indices
    met: Floats
    of: Floats


class RunningGate:
    """What users met by entry service; windows are numbered from 0, the first that was told of.

    test: as it begins. met, of: the columns of `gate.entered` that it is about.
    """

    def __init__(self, test: Test, met: str, of: str) -> None:
        self._quantities = met, of
        self._places: dict[str, int] = {}
        self._told: dict[int, _Told] = {}
        self._running = test
        self._marks: list[Test] = []

    def tell(self, first: int, after: int, rows: pd.DataFrame) -> bool:
        """Take in the windows from `first` until before `after`, and say whether users stood it then or later.

        rows: window (its number), component and both quantities, as `gate.entered` gives them; they replace what was
        told of these windows before.
        """
        self._store(first, after, rows)
        until = max(after, self._running.window)
        if first < self._running.window:
            self._go_back(first)
        stood_out = False
        for window in range(self._running.window, until):
            if not self._marks or (window % APART == 0 and window > self._marks[-1].window):
                self._marks.append(copy(self._running))
            self._step(window)
            stood_out |= window >= first and bool(self._running.open.any())
        return stood_out

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
        met, of = (rows[name].to_numpy(np.float64) for name in self._quantities)
        for window in range(first, after):
            mine = numbers == window
            self._told[window] = _Told(names[mine], met[mine], of[mine])

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
            met, of = (np.bincount(told.series, values, count) for values in (told.met, told.of))
            self._running.step(met.astype(np.float64), of.astype(np.float64))
