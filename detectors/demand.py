"""How much is asked of a node by requests that users made, and not by those that callers made again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .edges import CHANCE, FLAT
from .graph import callees
from .metric_calls import from_metrics
from .series import Flags, Floats, window_count, within

EARLIER = 2
"""Windows before that in which a node began to fail, in which it may have been asked for more than it could do: a queue
takes as long to fill as the first calls in it take to run out of time, seconds each."""

PAST = 9
"""Stretches of the time before that are looked at, the last ones: of so many four may hold peaks, and each hour of a
day is used to something else."""


def grown(windows: Windows, about: pd.Series[bool], during: tuple[float, float], began: float) -> bool:
    """Whether users asked for much more of a node than before: by spans, which alone know repeats of one request, or if
    none tells of it by all there is.

    about: [edges] which are calls to the node. A caller far above that asks again makes all below it look as if users
    asked for more, so each call counts as the share of its client's own requests that are no repeats.
    began: when calls to it began to fail, in Unix seconds. Who waits for a page loads it again: what grew only after it
    came of it. Counters of a minute may not tell which came first.
    """
    first = int((during[0] - windows.start) // windows.window_s)
    last = min(int((during[1] - windows.start) // windows.window_s), window_count(windows))
    if not 0 < first < last:
        return False
    spans, mine = (~from_metrics(windows)).to_numpy(np.bool_), about.to_numpy(np.bool_)
    told = spans if spans[mine[windows.edges.of]].any() else np.ones_like(spans)
    asked = _asked(windows, mine, (first, last), told)
    much = FLAT * max(_usual(windows, mine, first, last - first, told), 1.0)
    return asked >= much and not (told is spans and _clearly_less(windows, mine, began, much))


def _usual(windows: Windows, about: Flags, first: int, length: int, told: Flags) -> float:
    """Calls to the node a window as they were before: the median of stretches as long, counted from the beginning on,
    and of two the lower.

    What drowns a node is there for some windows before it fails, and would make a mean of all of them of its own size.
    """
    starts = range(0, first - length + 1, length)[-PAST:]
    stretches = [(start, start + length) for start in starts] or [(0, first)]
    return float(np.quantile([_asked(windows, about, stretch, told) for stretch in stretches], 0.5, method="lower"))


def _clearly_less(windows: Windows, mine: Flags, began: float, much: float) -> bool:
    """Whether no window up to that in which the node began to fail has as many calls by spans, but for chance."""
    at = min(int((began - windows.start) // windows.window_s), window_count(windows) - 1)
    spans = (~from_metrics(windows)).to_numpy(np.bool_)
    stretches = [(window, window + 1) for window in range(max(at - EARLIER, 0), at + 1)]
    return max(_asked(windows, mine, stretch, spans) for stretch in stretches) < much - CHANCE * np.sqrt(much)


def _asked(windows: Windows, about: Flags, stretch: tuple[int, int], told: Flags) -> float:
    """Calls to the node a window, without repeats of any of its callers.

    stretch: the windows from one until before the other. told: [rows] of calls that alone are asked.
    """
    start, end = (windows.start + window * windows.window_s for window in stretch)
    inside = within(windows.calls, start, end)
    of, kept = windows.edges.of[inside], told[inside]
    calls = {name: windows.calls[name].to_numpy()[inside] for name in ("answered", "originals")}
    sums = {name: np.bincount(of[kept], values[kept], len(about)).astype(np.float64) for name, values in calls.items()}
    firsts = _firsts(windows, sums["answered"], sums["originals"])
    return float((sums["originals"] * firsts)[about].sum()) / (stretch[1] - stretch[0])


def _firsts(windows: Windows, answered: Floats, originals: Floats) -> Floats:
    """[edges] The share of the requests made to the client that are neither repeats nor follow from one above.

    A repeat whose first attempt never got in is no more than the request itself, so what counts are the requests that
    were answered. All shares start at 1 and are swept until they stand, as far as the longest chain of callers.
    """
    client, callee = windows.edges.categories["client"], callees(windows)
    called = callee.categories.get_indexer(client.categories)
    called[client.categories == ""] = -1  # users, and those of whom nothing is known, are called by nobody
    by, count = called[client.codes], len(callee.categories)
    asked = np.bincount(callee.codes, answered, count)
    shares = np.ones(count + 1)
    for _ in range(count):
        own = np.bincount(callee.codes, originals * shares[by], count)
        swept = np.append(np.minimum(np.divide(own, asked, out=np.ones(count), where=asked > 0), 1.0), 1.0)
        if np.allclose(swept, shares):
            break
        shares = swept
    return shares[by]
