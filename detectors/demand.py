"""How much is asked of a node by requests that users made, and not by those that callers made again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .edges import CHANCE, FLAT, LEAST_REQUESTS
from .graph import callees
from .metric_calls import from_metrics
from .series import Flags, Floats, window_count, within

EARLIER = 2
"""Windows before that in which a node began to fail, in which it may have been asked for more than it could do: a queue
takes as long to fill as the first calls in it take to run out of time, seconds each."""

OFTEN = 0.75
"""Of the windows before: what a node is asked for in a quarter of them is nothing new to it."""


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
    before = _asked(windows, mine, (0, first), told)
    if not before.any():  # attempts without a span of their own are seen to fail only
        return False
    asked = float(_asked(windows, mine, (first, last), told).mean())
    much = FLAT * max(_usual(before), 1.0)
    return asked >= much and not (told is spans and _clearly_less(windows, mine, began, much))


def _usual(asked: Floats) -> float:
    """Calls to the node a window as they often were in those before, or where these are too few to tell their mean.

    What drowns a node is there for some windows before it fails, and would make the mean of its own size.
    """
    often = float(np.quantile(asked, OFTEN))
    return often if often >= LEAST_REQUESTS else float(asked.mean())


def _clearly_less(windows: Windows, mine: Flags, began: float, much: float) -> bool:
    """Whether no window up to that in which the node began to fail has as many calls by spans, but for chance."""
    at = min(int((began - windows.start) // windows.window_s), window_count(windows) - 1)
    spans = (~from_metrics(windows)).to_numpy(np.bool_)
    stretches = [(window, window + 1) for window in range(max(at - EARLIER, 0), at + 1)]
    most = max(float(_asked(windows, mine, stretch, spans)[0]) for stretch in stretches)
    return most < much - CHANCE * float(np.sqrt(much))


def _asked(windows: Windows, about: Flags, stretch: tuple[int, int], told: Flags) -> Floats:
    """[windows of the stretch] Calls to the node, without repeats of any of its callers.

    stretch: the windows from one until before the other. told: [rows] of calls that alone are asked.
    """
    start, end = (windows.start + window * windows.window_s for window in stretch)
    inside = within(windows.calls, start, end)
    of, kept = windows.edges.of[inside], told[inside]
    calls = {name: windows.calls[name].to_numpy()[inside] for name in ("answered", "originals", "errors")}
    sums = {name: np.bincount(of[kept], values[kept], len(about)).astype(np.float64) for name, values in calls.items()}
    firsts = _firsts(windows, **sums)
    mine = kept & about[of]
    window = (windows.calls["window"].to_numpy()[inside][mine] - start) // windows.window_s
    asked = calls["originals"][mine] * firsts[of[mine]]
    return np.bincount(window, asked, stretch[1] - stretch[0]).astype(np.float64)


def _firsts(windows: Windows, answered: Floats, originals: Floats, errors: Floats) -> Floats:
    """[edges] The share of the requests made to the client that are neither repeats nor follow from one above.

    A repeat whose first attempt never got in is no more than the request itself, so what counts are the requests that
    were answered. All shares start at 1 and are swept until they stand, as far as the longest chain of callers.
    Not all that a client is asked for leads to the same calls, and what fails is what is repeated: calls that failed
    have been made again at least as often as the client's own failures have.
    """
    client, callee = windows.edges.categories["client"], callees(windows)
    called = callee.categories.get_indexer(client.categories)
    called[client.categories == ""] = -1  # users, and those of whom nothing is known, are called by nobody
    by, count = called[client.codes], len(callee.categories)
    asked, failed = (np.bincount(callee.codes, values, count) for values in (answered, errors))
    shares = np.ones(count + 1)
    for _ in range(count):
        own = np.bincount(callee.codes, originals * shares[by], count)
        swept = np.append(np.minimum(np.divide(own, asked, out=np.ones(count), where=asked > 0), 1.0), 1.0)
        if np.allclose(swept, shares):
            break
        shares = swept
    repeats = np.append(asked, 0.0) * (1.0 - shares)
    again = np.minimum(repeats / np.maximum(np.append(failed, 0.0), 1.0), 1.0)
    return np.minimum(shares[by], 1.0 - np.minimum(errors * again[by] / np.maximum(originals, 1.0), 1.0))
