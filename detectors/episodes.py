"""Stretches of time in which a failure rate stood above its own history.

The test of `cusum` runs over each series, and each stretch that it finds is dated anew. It looks only backwards, so a
shorter recording gives the same episodes up to its end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..collector.model import Windows
from .cusum import ENOUGH, Episode, Running
from .past import Past
from .series import Floats


def alarm_time(windows: Windows, episode: Episode) -> float:
    """When an episode could first have been known: the end of the window that raised the alarm."""
    return float(windows.start + (episode.alarm + 1) * windows.window_s)


def episodes(
    failed: Floats, tried: Floats, clustering: Floats | None = None, *, past: Past | None = None
) -> list[Episode]:
    """Find where `failed` out of `tried` stood above its history; both are (series, windows).

    clustering: attempts per independent request, at least 1, one value a cell: retries of one
        request fail together and count as one witness.
    past: where the test left off over the same series, to go on from there.
    """
    weight = 1.0 if clustering is None else 1.0 / np.maximum(clustering, 1.0)
    counted, weighed = failed * weight, tried * weight
    series = np.flatnonzero((counted.sum(axis=1) >= ENOUGH) | (counted > weighed).any(axis=1))
    if not len(series):
        return []
    counted, weighed = counted[series].T.copy(), weighed[series].T.copy()
    running = Running.over(len(series)) if past is None else past.resumed(series, counted, weighed)
    for window in range(running.window, tried.shape[1]):
        running.step(counted[window], weighed[window])
    if past is not None:
        past.leave(series, counted, weighed, running)
    found = [replace(e, series=int(series[e.series])) for e in (*running.closed, *running.going_on())]
    dated = (_dated(e, failed[e.series], tried[e.series]) for e in found)
    return sorted(dated, key=lambda e: (e.onset, e.series))


def _dated(episode: Episode, failed: Floats, tried: Floats) -> Episode:
    """Move the onset to the window that best splits quiet from failing, by what was known at the alarm.

    The running test only knows the smallest rise that matters; a stray failure long before a large
    rise would drag its date back. With both rates estimated this is the maximum likelihood date.
    """
    part = slice(episode.onset, episode.alarm + 1)
    bad, calls = np.cumsum(failed[part][::-1])[::-1], np.cumsum(tried[part][::-1])[::-1]
    rate = np.clip(bad / np.maximum(calls, 1e-9), episode.usual, 1 - 1e-9)
    likelihood = bad * np.log(rate / episode.usual) + (calls - bad) * np.log((1 - rate) / (1 - episode.usual))
    onset = episode.onset + int(np.argmax(likelihood))
    stretch = slice(onset, episode.end)
    return replace(episode, onset=onset, failed=float(failed[stretch].sum()), tried=float(tried[stretch].sum()))
