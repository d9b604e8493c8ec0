"""When users waited: stretches in which requests from outside took far longer than they used to, though none need fail.

Slow windows (`levels`) open and close a stretch by the test of `cusum`, as failures do: six in a row, or more among
others. It counts if it lasts, if requests enough were met by it, and if they took as much longer as people notice.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..collector.model import Windows
from .base import HORIZON, Evidence, Finding, stretch_of
from .cusum import ENOUGH, Episode
from .edges import LEAST_REQUESTS
from .episodes import alarm_time, episodes
from .gate import entered
from .levels import NOTICED_S, Levels
from .queries import sql
from .series import Flags, Floats, tables

DETECTOR, KIND = "waits", "users_waited"

LASTING_S = 120.0
"""What is over sooner, such as the cold caches of a deploy, wakes nobody."""


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
        if not some.any():
            continue
        names = [name for name, may in zip(table.names("component"), some, strict=True) if may]
        waited_s, timed = waited_s[some], timed[some]
        levels = Levels.over(len(names))
        steps = [levels.step(*told) for told in zip(waited_s.T, timed.T, strict=True)]
        slow = np.array(steps, np.bool_).reshape(len(steps), len(names)).T
        for episode in episodes(slow.astype(np.float64), (timed > 0).astype(np.float64)):
            at = episode.series
            told = (
                _finding(windows, names[at], waited_s[at], timed[at], slow[at], e) for e in _parts(slow[at], episode)
            )
            found += [finding for finding in told if finding is not None]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _may_be_slow(waited_s: Floats, timed: Floats) -> Flags:
    """[series] Whether windows enough lie above the least of all, which no level lies below: most have none."""
    mean_s = np.divide(waited_s, timed, out=np.full_like(timed, np.inf), where=timed > 0)
    above = np.isfinite(mean_s) & (mean_s > mean_s.min(axis=1, initial=np.inf, keepdims=True) + NOTICED_S)
    return above.sum(axis=1) >= ENOUGH


def _parts(slow: Flags, episode: Episode) -> list[Episode]:
    """The episode without its fast windows where ten or more of them (`HORIZON`) follow each other.

    One window is one witness, fast or slow, and the test takes as many fast ones to be sure that it is over.
    """
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


def _finding(
    windows: Windows, component: str, waited_s: Floats, timed: Floats, slow: Flags, episode: Episode
) -> Finding | None:
    """None for what is too short, too seldom asked or, all in all, too little."""
    lasted = stretch_of(windows, episode.onset, episode.end)
    last_slow = int(np.flatnonzero(slow)[-1]) if episode.end is None else episode.end - 1
    during, within = lasted.up_to(windows.end), slice(episode.onset, last_slow + 1)
    met = float(timed[within].sum())
    now = float(waited_s[within].sum()) / met
    quiet = ~slow[: episode.onset]
    before = float(waited_s[: episode.onset][quiet].sum() / max(timed[: episode.onset][quiet].sum(), 1e-9))
    lasts = during[1] - during[0] >= LASTING_S
    if not lasts or timed[within][slow[within]].sum() < LEAST_REQUESTS or now - before < NOTICED_S:
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
