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
from .series import Flags, Indices, pairs, within


def meanwhile(windows: Windows, series: Indices, calls: pd.DataFrame, during: tuple[float, float]) -> pd.DataFrame:
    """The same calls, with attempts, and errors above the usual, only of windows in which some caller of the same fails
    at half of its own rate or more.

    series: [edges] which of the calls each edge is of, or -1. calls: client, callee, peer, attempts, errors above the
    usual, and usual_errors, of the stretch `during` (Unix seconds).
    """
    inside = within(windows.calls, *during)
    rows = {name: windows.calls[name].to_numpy()[inside] for name in ("window", "attempts", "errors")}
    of = series[windows.edges.of[inside]]
    whose, by = (pd.factorize(names)[0] for names in (_asked(calls), calls["client"]))
    usual = calls["usual_errors"].to_numpy(np.float64) / np.maximum(calls["attempts"].to_numpy(np.float64), 1.0)
    failed = rows["errors"] - usual[of] * rows["attempts"]
    count = int(during[1] - during[0]) // windows.window_s + 1
    window = (rows["window"] - int(during[0])) // windows.window_s
    asked, each = pairs(whose, by)
    cell = each[of] * count + window
    made, lost = (np.bincount(cell, v, len(asked) * count).reshape(-1, count) for v in (rows["attempts"], failed))
    rate = lost.sum(axis=1, keepdims=True) / np.maximum(made.sum(axis=1, keepdims=True), 1.0)
    failing = (made > 0) & (rate >= LEAST_RISE) & (lost >= MOSTLY * rate * made)
    bad = np.zeros((whose.max(initial=0) + 1, count), np.bool_)
    np.logical_or.at(bad, asked, failing)
    then = (bad | ~bad.any(axis=1, keepdims=True))[whose[of], window]
    attempts, errors = (np.bincount(of[then], values[then], len(calls)) for values in (rows["attempts"], failed))
    return calls[["client", "callee", "peer"]].assign(attempts=attempts, errors=errors.clip(0.0))


def alone(calls: pd.DataFrame, least: float = 0.0) -> Flags:
    """[rows] Whether these fail while hardly any do of those who call the same, by the same name, often enough to tell:
    then it may be the caller, or the way to it, as well.

    calls: client, callee, peer, attempts and errors above the usual. least: how many calls the others make at the
    least, as a share of these.
    """
    mine = calls[["attempts", "errors"]]
    whose, by = pd.factorize(_asked(calls))[0], pd.factorize(calls["client"])[0]
    _, each = pairs(whose, by)
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
