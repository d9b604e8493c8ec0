"""When users waited: stretches in which requests from outside took far longer than they used to, though none need fail.

The mean time of a service's entered requests is held, window by window, against its own level, in logarithms, since
times spread by factors. A window is slow if it lies as far out as Tukey's outer fence, takes twice the usual or more,
and as much longer as people notice. Slow windows teach nothing, and open and close a stretch by the test of `cusum`, as
failures do: six in a row, or more among others.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from ..collector.model import Windows
from .base import Evidence, Finding, Stretch, stretch_of
from .cusum import ENOUGH, WARM_UP_MOST, Episode, Running
from .episodes import alarm_time, episodes
from .gate import entered
from .kinds import HORIZON
from .queries import sql
from .series import Flags, Floats, tables, window_count
from .suspects import overlaps

DETECTOR, KIND = "waits", "users_waited"

NOTICED_S = 0.4
"""People who wait so much longer do less (Brutlag, "Speed Matters", Google 2009: fewer searches from 0.4 s on)."""

TWICE = float(np.log(2.0))
"""What takes not even twice as long is a busy hour or another mix of requests."""

FAR_OUT = 6.0
"""Mean absolute deviations: Tukey's outer fence lies 4.7 standard deviations from the middle of a normal series, and a
standard deviation is 1.25 of them."""

MEMORY = 360
"""Windows that a level remembers: an hour of ten seconds, in which the day's rhythm moves little."""

LEARNS = WARM_UP_MOST
"""Windows that a level is learned from before anything can be slow."""


@dataclass
class Levels:
    """How long each series' requests usually take, as it is learned window by window.

    level: mean logarithm of seconds; spread: mean absolute deviation from it; seen: windows that taught.
    Gelper, Fried and Croux, "Robust forecasting with exponential and Holt-Winters smoothing" (2010), but for what is
    far out, which is left out whole.
    """

    level: Floats
    spread: Floats
    seen: Floats

    @classmethod
    def over(cls, series: int) -> Levels:
        """So many series, of which nothing was seen so far."""
        return cls(*(np.zeros(series) for _ in range(3)))

    def join(self, series: int) -> None:
        """Let so many more series take part from the next window on."""
        for name, values in vars(self).items():
            setattr(self, name, np.concatenate((values, np.zeros(series))))

    def step(self, waited_s: Floats, timed: Floats) -> Flags:
        """[series] Which are slow in the next window; waited_s: of all `timed` requests together."""
        told = (timed > 0) & (waited_s > 0)
        mean_s = np.divide(waited_s, timed, out=np.ones_like(timed), where=told)
        away = np.where(told, np.log(mean_s), self.level) - self.level
        slow = (self.seen >= LEARNS) & (away > np.maximum(TWICE, FAR_OUT * self.spread))
        slow &= mean_s - np.exp(self.level) > NOTICED_S
        taught = told & ~slow
        share = taught / np.minimum(self.seen + 1.0, MEMORY)
        # the first window is the level, and tells nothing of the spread
        self.spread += np.where(self.seen > 0, share, 0.0) * (np.abs(away) - self.spread)
        self.level += share * away
        self.seen += taught
        return slow

    def __copy__(self) -> Levels:
        """The same, to go on by itself."""
        return Levels(self.level.copy(), self.spread.copy(), self.seen.copy())


@dataclass
class RunningWaits:
    """The test as it runs over series, a window at a time, as `cusum.Running` does for failures."""

    levels: Levels
    slow: Running

    @classmethod
    def over(cls, series: int) -> RunningWaits:
        """So many series, of which nothing was seen so far."""
        return cls(Levels.over(series), Running.over(series))

    def join(self, series: int) -> None:
        """Let so many more series take part from the next window on."""
        self.levels.join(series)
        self.slow.join(series)

    def step(self, waited_s: Floats, timed: Floats) -> None:
        """Take in the next window; [series] each."""
        slow = self.levels.step(waited_s, timed)
        self.slow.step(slow.astype(np.float64), (timed > 0).astype(np.float64))

    @property
    def series(self) -> int:
        """How many series there are."""
        return self.slow.series

    @property
    def window(self) -> int:
        """The number of the next window."""
        return self.slow.window

    @property
    def open(self) -> Flags:
        """[series] Which are in a slow stretch."""
        return self.slow.open

    @property
    def closed(self) -> list[Episode]:
        """The stretches that are over."""
        return self.slow.closed

    def __copy__(self) -> RunningWaits:
        """A run of its own that goes on from here."""
        return RunningWaits(copy(self.levels), copy(self.slow))


def users_waited(windows: Windows, explained: Sequence[Stretch]) -> list[Finding]:
    """Find the stretches in which users waited, by entry service, apart from what is `explained` by their failures.

    What fails by time-outs is slow before and after that as well: a stretch within ten windows of an explained one is
    part of it, and left out.
    facts: excess (0: of no failed requests), extra_s (seconds above the usual, of all of them together), alarm_at (when
    this was certain).
    """
    horizon_s = HORIZON * windows.window_s
    known = [(each.started_at - horizon_s, each.until(windows.end) + horizon_s) for each in explained]
    apart = ~_within_any(windows, known)
    found: list[Finding] = []
    for table in tables(windows, entered(windows), ("component",), ("waited_s", "timed")):
        waited_s, timed = table["waited_s"], table["timed"]
        some = _may_be_slow(waited_s, timed, apart)
        names = [name for name, may in zip(table.names("component"), some, strict=True) if may]
        waited_s, timed = waited_s[some], timed[some]
        levels = Levels.over(len(names))
        steps = [levels.step(*told) for told in zip(waited_s.T, timed.T, strict=True)]
        slow = np.array(steps, np.float64).reshape(len(steps), len(names)).T
        for episode in episodes(slow, (timed > 0).astype(np.float64)):
            finding = _finding(windows, names[episode.series], waited_s[episode.series], timed[episode.series], episode)
            if not any(overlaps(finding, stretch) for stretch in known):
                found.append(finding)
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _may_be_slow(waited_s: Floats, timed: Floats, apart: Flags) -> Flags:
    """[series] Whether windows enough lie above the least of all, which no level lies below: most have none."""
    mean_s = np.divide(waited_s, timed, out=np.full_like(timed, np.inf), where=timed > 0)
    above = np.isfinite(mean_s) & (mean_s > mean_s.min(axis=1, initial=np.inf, keepdims=True) + NOTICED_S)
    return (above & apart).sum(axis=1) >= ENOUGH


def _within_any(windows: Windows, stretches: Sequence[tuple[float, float]]) -> Flags:
    """[windows] Which begin in one of the stretches (from, to; Unix seconds)."""
    starts = windows.start + windows.window_s * np.arange(window_count(windows))
    inside = np.zeros(len(starts), np.bool_)
    for start, end in stretches:
        inside |= (starts >= start) & (starts < end)
    return inside


def _finding(windows: Windows, component: str, waited_s: Floats, timed: Floats, episode: Episode) -> Finding:
    lasted = stretch_of(windows, episode.onset, episode.end)
    during = lasted.up_to(windows.end)
    met = float(timed[episode.onset : episode.end].sum())
    now, before = (
        float(waited_s[part].sum() / max(timed[part].sum(), 1e-9))
        for part in (slice(episode.onset, episode.end), slice(0, episode.onset))
    )
    evidence = Evidence(
        statement=f"{met:,.0f} requests of users of {component} took {now:.2f} s "
        f"on average, against {before:.2f} s before",
        query=sql("calls", "client, server, entries, client_ns, server_ns", during, server=component),
        window=during,
        observed=now,
        expected=before,
    )
    return Finding(
        detector=DETECTOR,
        kind=KIND,
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=min(1.0, 1.0 - before / now) if now > 0 else 0.0,
        evidence=(evidence,),
        facts={"excess": 0.0, "extra_s": max(0.0, met * (now - before)), "alarm_at": alarm_time(windows, episode)},
    )
