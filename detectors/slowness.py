"""Stretches of time in which requests took far longer than they used to.

Slow windows (`levels`) open and close a stretch by the test of `cusum`, as failures do: six in a row, or more among
others. One window is one witness, fast or slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..collector.model import Windows
from .base import HORIZON, Evidence, Finding, stretch_of
from .cusum import ENOUGH, WARM_UP, Episode
from .edges import LEAST_REQUESTS
from .episodes import alarm_time, episodes
from .levels import NOTICED_S, Levels
from .queries import sql
from .series import Flags, Floats


@dataclass(frozen=True)
class Slow:
    """A stretch in which one series was slow; series: its number, episode: from which window to which.

    waited_s, timed: of each window of the series all seconds and the requests that took them; slow: which were slow.
    may_go_on: whether fewer than ten windows (`HORIZON`) have passed since, so that it is not known to be no longer.
    """

    series: int
    episode: Episode
    waited_s: Floats
    timed: Floats
    slow: Flags
    may_go_on: bool

    @property
    def within(self) -> slice:
        """The windows until the last slow one."""
        until = self.episode.end
        last = int(np.flatnonzero(self.slow)[-1]) + 1 if until is None else until
        return slice(self.episode.onset, last)

    @property
    def met(self) -> float:
        """Requests that it met."""
        return float(self.timed[self.within].sum())

    @property
    def met_slow(self) -> float:
        """Requests in its slow windows."""
        return float(self.timed[self.within][self.slow[self.within]].sum())

    @property
    def took_s(self) -> float:
        """How long a request took, on average."""
        return float(self.waited_s[self.within].sum()) / self.met

    @property
    def usual_s(self) -> float:
        """How long one took before, in the windows that were not slow."""
        before = slice(0, self.episode.onset)
        quiet = ~self.slow[before]
        return float(self.waited_s[before][quiet].sum() / max(self.timed[before][quiet].sum(), 1e-9))

    @property
    def counts(self) -> bool:
        """Whether requests enough were met, and took as much longer as people notice."""
        return self.met_slow >= LEAST_REQUESTS and self.took_s - self.usual_s >= NOTICED_S


def slow_finding(
    windows: Windows, slow: Slow, component: str, *, detector: str, kind: str, whose: str, columns: str, **facts: float
) -> Finding:
    """What a stretch says of the component.

    whose: of its requests, with what else tells of them, before "took"; columns: of `calls` that show it. facts: beside
    excess (0: of no failed requests) and alarm_at (when this was certain), which they may tell otherwise.
    """
    lasted = stretch_of(windows, slow.episode.onset, slow.episode.end)
    during, now, before = lasted.up_to(windows.end), slow.took_s, slow.usual_s
    evidence = Evidence(
        statement=f"{slow.met:,.0f} requests {whose} took {now:.2f} s on average, against {before:.2f} s before",
        query=sql("calls", columns, during, server=component),
        window=during,
        observed=now,
        expected=before,
    )
    return Finding(
        detector=detector,
        kind=kind,
        component=component,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0 - before / now,
        evidence=(evidence,),
        facts={"excess": 0.0, "alarm_at": alarm_time(windows, slow.episode), **facts},
    )


def slow_stretches(waited_s: Floats, timed: Floats) -> Iterator[Slow]:
    """The stretches of some series; waited_s, timed: (series, windows) all seconds, and the requests that took them."""
    finite = np.isfinite(waited_s)
    waited_s, timed = np.where(finite, waited_s, 0.0), np.where(finite, timed, 0.0)
    some = np.flatnonzero(_may_be_slow(waited_s, timed))
    if not len(some):
        return
    waited_s, timed = waited_s[some], timed[some]
    levels = Levels.over(len(some))
    steps = [levels.step(*told) for told in zip(waited_s.T, timed.T, strict=True)]
    slow = np.array(steps, np.bool_).reshape(len(steps), len(some)).T
    for episode in episodes(slow.astype(np.float64), (timed > 0).astype(np.float64)):
        at = episode.series
        for part in _parts(slow[at], episode):
            goes_on = part.end is None
            if goes_on and _over(slow[at, part.onset :], timed[at, part.onset :]):
                part = replace(part, end=int(np.flatnonzero(slow[at])[-1]) + 1)
            yield Slow(int(some[at]), part, waited_s[at], timed[at], slow[at], goes_on)


def _may_be_slow(waited_s: Floats, timed: Floats) -> Flags:
    """[series] Whether windows enough lie above the least of all, which no level lies below: most have none."""
    mean_s = np.divide(waited_s, timed, out=np.full_like(timed, np.inf), where=timed > 0)
    above = np.isfinite(mean_s) & (mean_s > mean_s.min(axis=1, initial=np.inf, keepdims=True) + NOTICED_S)
    return above.sum(axis=1) >= ENOUGH


def _parts(slow: Flags, episode: Episode) -> list[Episode]:
    """The episode without its fast windows where ten or more of them (`HORIZON`) follow each other."""
    until = len(slow) if episode.end is None else episode.end
    places = episode.onset + np.flatnonzero(slow[episode.onset : until])
    parts = np.split(places, np.flatnonzero(np.diff(places) > HORIZON) + 1)
    out = [
        replace(episode, onset=int(part[0]), alarm=max(episode.alarm, int(part[0])), end=int(part[-1]) + 1)
        for part in parts
        if len(part) >= ENOUGH
    ]
    if out and episode.end is None and out[-1].end == places[-1] + 1 and len(slow) - 1 - places[-1] < HORIZON:
        out[-1] = replace(out[-1], end=None)
    return out


def _over(slow: Flags, timed: Floats) -> bool:
    """Whether a stretch is over by the end of the data, though not yet ten windows are known since: both from its first
    window on.

    Three fast ones (`WARM_UP`) that hold requests enough say so of what was slow without a break; what came and went
    is over after more of them than ever lay between two slow ones.
    """
    places = np.flatnonzero(slow)
    since, longest = timed[int(places[-1]) + 1 :], int(np.diff(places).max(initial=1)) - 1
    return bool(np.count_nonzero(since) >= max(WARM_UP, longest + 1) and since.sum() >= LEAST_REQUESTS)
