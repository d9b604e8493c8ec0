"""How long the requests of each entry service usually take, and which windows are slow, learned a window at a time.

A window's mean time and all of its waiting together are held against levels of their own, as logarithms, since times
spread by factors. It is slow if the mean lies as far above its level as Tukey's outer fence, is twice as high or more,
and by as much as people notice, while all the waiting is more than usual too: where only quick requests stay away, as
at night, the mean rises and nobody waits longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cusum import WARM_UP_MOST
from .series import Flags, Floats

NOTICED_S = 0.4
"""People who wait so much longer do less (Brutlag, "Speed Matters", Google 2009: fewer searches from 0.4 s on)."""

TWICE = float(np.log(2.0))
"""What takes not even twice as long is a busy hour."""

FAR_OUT = 4.2
"""Mean absolute differences of neighbours: Tukey's outer fence lies 4.7 standard deviations from the middle of a normal
series, and a standard deviation is 0.89 of them (von Neumann et al., "The Mean Square Successive Difference", 1941)."""

MEMORY = 120
"""Windows that a level remembers: a third of those that a live server looks back (`online.LOOK_BACK`), so that what it
has let go weighs a twentieth."""

SLOWLY = 0.1
"""Of the weight of others, what a slow window teaches: an outage of an hour stays one, and what stays twice as slow for
good is usual after some hours (Huber's bounded influence)."""

LEARNS = WARM_UP_MOST
"""Windows that a level is learned from before anything can be slow."""


@dataclass
class Levels:
    """What is known of each series.

    level: mean logarithm of seconds; whole: of seconds of all requests of a window together; step_size: mean absolute
    difference of neighbouring logarithms; last: the latest of these; seen: windows that taught.
    """

    level: Floats
    whole: Floats
    step_size: Floats
    last: Floats
    seen: Floats

    @classmethod
    def over(cls, series: int) -> Levels:
        """So many series, of which nothing was seen so far."""
        return cls(*(np.zeros(series) for _ in range(5)))

    def join(self, series: int) -> None:
        """Let so many more series take part from the next window on."""
        for name, values in vars(self).items():
            setattr(self, name, np.concatenate((values, np.zeros(series))))

    def step(self, waited_s: Floats, timed: Floats) -> Flags:
        """[series] Which are slow in the next window; waited_s: of all `timed` requests together."""
        told = (timed > 0) & (waited_s > 0) & np.isfinite(waited_s)
        whole = np.where(told, np.log(waited_s, where=told, out=np.zeros_like(timed)), self.whole)
        now = np.where(told, whole - np.log(timed, where=told, out=np.zeros_like(timed)), self.level)
        fence = np.maximum(TWICE, FAR_OUT * self.step_size)
        slow = told & (self.seen >= LEARNS) & (now - self.level > fence) & (whole > self.whole)
        slow &= np.exp(now) - np.exp(self.level) > NOTICED_S
        share = told * np.where(slow, SLOWLY, 1.0) / np.minimum(self.seen + 1.0, MEMORY)
        bound = np.where(self.seen >= LEARNS, fence, np.inf)
        # neighbours differ by noise, and hardly by what grows slowly, which the level would hide in a spread around it
        differ = np.where(self.seen > 0, np.minimum(np.abs(now - self.last), bound) - self.step_size, 0.0)
        self.step_size += share * differ
        self.level += share * np.clip(now - self.level, -bound, bound)
        self.whole += share * (whole - self.whole)
        np.copyto(self.last, now, where=told)
        self.seen += told
        return slow

    def __copy__(self) -> Levels:
        """The same, to go on by itself."""
        return Levels(*(values.copy() for values in vars(self).values()))
