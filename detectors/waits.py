"""When users waited: stretches in which requests from outside took far longer than they used to, though none need fail.

Slow windows (`levels`) open and close a stretch by the test of `cusum`, as failures do: six in a row, or more among
others. It counts if it lasts, if requests enough were met by it, and if they took as much longer as people notice.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .blame import LEAST_CALLS
from .cusum import ENOUGH, Episode, Running
from .episodes import alarm_time, episodes
from .gate import entered
from .levels import NOTICED_S, Levels
from .queries import sql
from .series import Flags, Floats, tables

DETECTOR, KIND = "waits", "users_waited"

LASTING_S = 120.0
"""What is over sooner, such as the cold caches of a deploy, wakes nobody."""


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


def users_waited(windows: Windows) -> list[Finding]:
    """Find the stretches in which users waited, by entry service.

    facts: excess (0: of no failed requests), extra_s (seconds above the usual, of all of them together), alarm_at (when
    this was certain).
    """
    found: list[Finding] = []
    for table in tables(windows, entered(windows), ("component",), ("waited_s", "timed")):
        finite = np.isfinite(table["waited_s"])
        waited_s, timed = np.where(finite, table["waited_s"], 0.0), np.where(finite, table["timed"], 0.0)
        some = _may_be_slow(waited_s, timed)
        names = [name for name, may in zip(table.names("component"), some, strict=True) if may]
        waited_s, timed = waited_s[some], timed[some]
        levels = Levels.over(len(names))
        steps = [levels.step(*told) for told in zip(waited_s.T, timed.T, strict=True)]
        slow = np.array(steps, np.bool_).reshape(len(steps), len(names)).T
        for episode in episodes(slow.astype(np.float64), (timed > 0).astype(np.float64)):
            at = episode.series
            finding = _finding(windows, names[at], waited_s[at], timed[at], slow[at], episode)
            found += [] if finding is None else [finding]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _may_be_slow(waited_s: Floats, timed: Floats) -> Flags:
    """[series] Whether windows enough lie above the least of all, which no level lies below: most have none."""
    mean_s = np.divide(waited_s, timed, out=np.full_like(timed, np.inf), where=timed > 0)
    above = np.isfinite(mean_s) & (mean_s > mean_s.min(axis=1, initial=np.inf, keepdims=True) + NOTICED_S)
    return above.sum(axis=1) >= ENOUGH


def _finding(
    windows: Windows, component: str, waited_s: Floats, timed: Floats, slow: Flags, episode: Episode
) -> Finding | None:
    """None for what is too short, too seldom asked or, all in all, too little."""
    lasted = stretch_of(windows, episode.onset, episode.end)
    during, within = lasted.up_to(windows.end), slice(episode.onset, episode.end)
    met = float(timed[within].sum())
    now = float(waited_s[within].sum()) / met
    quiet = ~slow[: episode.onset]
    before = float(waited_s[: episode.onset][quiet].sum() / max(timed[: episode.onset][quiet].sum(), 1e-9))
    lasts = during[1] - during[0] >= LASTING_S
    if not lasts or timed[within][slow[within]].sum() < LEAST_CALLS or now - before < NOTICED_S:
        return None
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
        score=1.0 - before / now,
        evidence=(evidence,),
        facts={
            "excess": 0.0,
            "extra_s": met * (now - before),
            "alarm_at": max(alarm_time(windows, episode), lasted.started_at + LASTING_S),
        },
    )
