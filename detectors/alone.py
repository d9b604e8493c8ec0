"""Which calls fail one caller alone, while hardly any do of those who call the same: it may be that caller, or its way.

What others call proves nothing unless they call it just then: an outage is shorter than the stretch that is looked at,
and who is called on behalf of others is asked for nothing while these fail before they get there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import ALIKE, MOSTLY
from .cusum import LEAST_RISE
from .edges import LEAST_REQUESTS
from .graph import is_loopback
from .series import Flags, Indices, within


def meanwhile(windows: Windows, series: Indices, calls: pd.DataFrame, during: tuple[float, float]) -> pd.DataFrame:
    """The same calls, with attempts, and errors above the usual, only of windows in which whoever is asked fails at
    half of its rate or more.

    series: [edges] which of the calls each edge is of, or -1. calls: client, callee, peer, attempts, errors above the
    usual, and usual_errors, of the stretch `during` (Unix seconds).
    """
    inside = within(windows.calls, *during)
    rows = {name: windows.calls[name].to_numpy()[inside] for name in ("window", "attempts", "errors")}
    of, whose = series[windows.edges.of[inside]], pd.factorize(_asked(calls))[0]
    usual = calls["usual_errors"].to_numpy(np.float64) / np.maximum(calls["attempts"].to_numpy(np.float64), 1.0)
    failed = rows["errors"] - usual[of] * rows["attempts"]
    count = int(during[1] - during[0]) // windows.window_s + 1
    cell = whose[of] * count + (rows["window"] - int(during[0])) // windows.window_s
    cells = count * (whose.max(initial=0) + 1)
    made, lost = (np.bincount(cell, values, cells).reshape(-1, count) for values in (rows["attempts"], failed))
    rate = lost.sum(axis=1) / np.maximum(made.sum(axis=1), 1.0)
    then = (lost >= MOSTLY * rate[:, None] * made).ravel()[cell]
    attempts, errors = (np.bincount(of[then], v[then], len(calls)) for v in (rows["attempts"], failed))
    return calls[["client", "callee", "peer"]].assign(attempts=attempts, errors=errors.clip(0.0))


def alone(calls: pd.DataFrame, least: float = 0.0) -> Flags:
    """[rows] Whether these fail while hardly any do of those who call the same, by the same name, often enough to tell:
    then it may be the caller, or the way to it, as well.

    calls: client, callee, peer, attempts and errors above the usual. least: how many calls the others make at the
    least, as a share of these.
    """
    mine = calls[["attempts", "errors"]]
    whose, by = pd.factorize(_asked(calls))[0], pd.factorize(calls["client"])[0]
    _, each = np.unique(whose * (by.max(initial=0) + 1) + by, return_inverse=True)
    named = (calls["client"] != "").to_numpy()
    told = {name: np.where(named, values, 0.0) for name, values in mine.items()}
    rest = pd.DataFrame(
        {name: np.bincount(whose, values)[whose] - np.bincount(each, values)[each] for name, values in told.items()},
        calls.index,
    )
    enough = np.maximum(LEAST_REQUESTS, least * mine["attempts"])
    well = (rest["attempts"] >= enough) & (rest["errors"] < LEAST_RISE * rest["attempts"])
    worse = mine["errors"] * rest["attempts"] * ALIKE > rest["errors"] * mine["attempts"]
    return ((calls["client"] != "") & well & worse).to_numpy(np.bool_)


def _asked(calls: pd.DataFrame) -> pd.Series[str]:
    """[rows] By which name who is called, which may be several; behind a loopback address it is the callee."""
    local = [name for name in set(calls["peer"]) if is_loopback(name)]
    return calls["peer"].where((calls["peer"] != "") & ~calls["peer"].isin(local), calls["callee"])
