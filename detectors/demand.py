"""How much is asked of a node by requests that users made, and not by those that callers made again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .graph import callees
from .metric_calls import from_metrics
from .series import Flags, calls_over, tally

GROWN = 1.5
"""Requests that have grown by half are more than a day's rhythm (as for a surge, see `edges`)."""


def grown(windows: Windows, about: pd.Series[bool], during: tuple[float, float]) -> bool:
    """Whether a node was asked for much more: by spans, which alone know repeats of one request, or if none tells of
    it by all there is.

    about: [edges] which are calls to the node. A caller far above that asks again makes all below it look as if users
    asked for more, so each call counts as the share of its client's own requests that are no repeats.
    """
    spans = (~from_metrics(windows)).to_numpy(np.bool_)
    mine = _asked(windows, about, during, spans)
    if mine.empty:
        mine = _asked(windows, about, during, None)
    table = tally(windows, mine.assign(all=""), ("all",), ("asked",))
    if not len(table):
        return False
    first = int((during[0] - windows.start) // windows.window_s)
    last = int((during[1] - windows.start) // windows.window_s)
    asked = table["asked"][0]
    before = asked[:first]
    return bool(len(before) and asked[first:last].mean() >= GROWN * max(float(before.mean()), 1.0))


def _asked(windows: Windows, about: pd.Series[bool], during: tuple[float, float], where: Flags | None) -> pd.DataFrame:
    """Rows of window and asked: the calls to the node before and in the stretch, without repeats of any of its callers.

    where: [rows] of calls that alone are asked.
    """
    client = windows.edges.categories["client"]
    parts: list[pd.DataFrame] = []
    for stretch in ((float(windows.start), during[0]), during):
        rows = calls_over(windows, about, ["window", "originals"], *stretch, where=where, client=client)
        first = _firsts(windows, stretch, where) if len(rows) else {}
        share = rows["client"].astype(str).map(lambda name, of=first: of.get(name, 1.0)).astype(np.float64)
        parts.append(rows[["window"]].assign(asked=rows["originals"] * share))
    return pd.concat(parts, ignore_index=True)


def _firsts(windows: Windows, stretch: tuple[float, float], where: Flags | None) -> dict[str, float]:
    """By service: the share of the requests made to it that are neither repeats nor follow from one above."""
    everybody = np.ones(len(windows.edges), np.bool_)
    client, callee = windows.edges.categories["client"], callees(windows)
    rows = calls_over(
        windows, everybody, ["attempts", "originals"], *stretch, where=where, client=client, callee=callee
    )
    made = rows.groupby(["callee", "client"], observed=True)[["attempts", "originals"]].sum().reset_index()
    made = made.astype({"callee": str, "client": str})
    asks: dict[str, list[tuple[str, float, float]]] = {}
    for name, by, attempts, originals in made.itertuples(index=False):
        asks.setdefault(name, []).append((by, float(attempts), float(originals)))
    return _shares(asks)


def _shares(asks: dict[str, list[tuple[str, float, float]]]) -> dict[str, float]:
    """The same of (client, attempts, originals) by callee; what calls itself in a circle is taken for no repeat."""
    told: dict[str, float] = {}
    waiting = [(name, False) for name in sorted(asks, reverse=True)]
    while waiting:  # callers first; a chain may be deeper than Python's stack
        name, ready = waiting.pop()
        if ready:
            total = sum(attempts for _, attempts, _ in asks[name])
            own = sum(originals * told.get(by, 1.0) for by, _, originals in asks[name])
            told[name] = own / total if total else 1.0
        elif name not in told:
            told[name] = 1.0
            waiting.append((name, True))
            waiting += [(by, False) for by, _, _ in asks[name] if by in asks and by not in told]
    return told
