"""Where the test of `cusum` left off, so that an analysis of the same windows and one more goes on from there.

Nothing is taken on trust: a series goes on only if all that the test saw of it stands as it was. A late window, counts
that are scaled anew, or a beginning that has moved because the oldest windows were let go, start it again from its
beginning, and the result is the same either way.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..collector.model import Windows
from .cusum import Running
from .series import Floats, Indices


@dataclass(frozen=True)
class _Left:
    """start: Unix seconds of the first window; failed, tried: [windows, series] what the test has seen."""

    start: int
    names: list[str]
    failed: Floats
    tried: Floats
    running: Running


@dataclass(frozen=True)
class Past:
    """One test over series of these names, or over one part of them.

    memory: what is left for the next analysis, by test. start: Unix seconds of the first window.
    """

    memory: MutableMapping[str, object]
    test: str
    names: Sequence[str]
    start: int

    def resumed(self, series: Indices, failed: Floats, tried: Floats) -> Running:
        """The test over some of the series, as far as it went; failed, tried: [windows, series] of all windows."""
        left = self.memory.get(self.test)
        if not isinstance(left, _Left) or left.start != self.start or left.running.window > len(failed):
            return Running.over(len(series))
        until, places = left.running.window, {name: place for place, name in enumerate(left.names)}
        place = np.array([places.get(self.names[int(at)], -1) for at in series], np.int64)
        same = place >= 0
        for was, now in ((left.failed, failed), (left.tried, tried)):
            same &= (was[:, place] == now[:until]).all(axis=0)
        anew = Running.over(int(np.count_nonzero(~same)))
        for window in range(until if anew.series else 0):
            anew.step(failed[window, ~same], tried[window, ~same])
        order = np.argsort(np.concatenate((np.flatnonzero(same), np.flatnonzero(~same))))
        return left.running.picked(place[same]).beside(anew).picked(order)

    def leave(self, series: Indices, failed: Floats, tried: Floats, running: Running) -> None:
        """Keep where the test is now; nobody may step `running` any more."""
        self.memory[self.test] = _Left(self.start, [self.names[int(at)] for at in series], failed, tried, running)


def past_of(windows: Windows, test: str, names: Sequence[str]) -> Past | None:
    """Where a test left off over these windows; None where nobody goes on.

    test: tells it apart from others, and one part of its series (`series.tables`) from the other parts.
    """
    return None if windows.past is None else Past(windows.past, test, names, windows.start)
