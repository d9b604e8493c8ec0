"""How far each service usually strays: what its stretches of the past showed, and where an outlier begins.

Some services always vary: one that fails in bursts, has cold starts or is called now and then stands out in every
stretch of time, if it is held against its mean alone. The past is cut into stretches as long as the one in question;
what lies beyond Tukey's outer fence of theirs ("Exploratory Data Analysis", 1977), and beyond all but the rarest of
them, is out of the ordinary for this service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

OUTER = 3.0
"""Interquartile ranges above the upper quartile: Tukey's "far out", once in 400,000 of a normal series."""

RARE = 0.02
"""Share of the stretches that may lie beyond the fence: a past has its own small incidents, which teach nothing."""

LEAST_STRETCHES = 8
"""With fewer stretches quartiles are a matter of single values, and nothing is known to be usual."""

MOST_STRETCHES = 400
"""The latest of them: enough for any quartile, and as many as a screen of history has."""


@dataclass(frozen=True)
class Fences:
    """What a request usually brings at the most; without `known`, the past is too short to tell.

    own_ns: by service, time in its own work; failed: failed requests of its own. Those that were called too seldom
    are not in here.
    calls: by caller and callee, how many calls a request of the caller makes at the least.
    """

    known: bool
    own_ns: Mapping[str, float]
    failed: Mapping[str, float]
    calls: Mapping[tuple[str, str], float]


NOTHING_KNOWN = Fences(False, {}, {}, {})


def fences(before: pd.DataFrame, until: float, length_s: float) -> Fences:
    """Learn from the calls before `until`, in stretches of `length_s` seconds that end there."""
    stretch = ((until - 1 - before["window"]) // length_s).astype(np.int64)
    calls = before.assign(stretch=stretch)[stretch < MOST_STRETCHES]
    if calls["stretch"].nunique() < LEAST_STRETCHES:
        return NOTHING_KNOWN
    served, spent = _summed(calls, "server"), _summed(calls, "client")
    requests = served["attempts"].where(served["attempts"] > 0)
    spent = spent.reindex(served.index, fill_value=0.0)
    made = calls[(calls["client"] != "") & (calls["server"] != "")]
    return Fences(
        known=True,
        own_ns=_upper((served["server_ns"] - spent["client_ns"]) / requests),
        failed=_upper((served["errors"] - spent["errors"]) / requests),
        calls={} if made.empty else _made(made, requests),
    )


def _made(made: pd.DataFrame, requests: pd.Series[float]) -> dict[tuple[str, str], float]:
    """By caller and callee: the fewest calls a request of the caller that are usual."""
    made = made.groupby(["client", "server", "stretch"], sort=True)["answered"].sum().unstack("stretch", fill_value=0)
    asked = requests.unstack("stretch").reindex(index=made.index.get_level_values("client"), columns=made.columns)
    rate = pd.DataFrame(made.to_numpy() / asked.to_numpy(), index=made.index)
    low, high = rate.quantile(0.25, axis=1), rate.quantile(0.75, axis=1)
    least = pd.concat([low - OUTER * (high - low), rate.quantile(RARE, axis=1)], axis=1).min(axis=1)
    return {(str(pair[0]), str(pair[1])): value for pair, value in _each(least)}


def _summed(calls: pd.DataFrame, side: str) -> pd.DataFrame:
    columns = ["attempts", "client_ns", "server_ns", "errors"]
    rows = calls[calls[side] != ""].rename(columns={side: "service"})
    return rows.groupby(["service", "stretch"], sort=True)[columns].sum()


def _upper(values: pd.Series[float]) -> dict[str, float]:
    by_service = values.dropna().groupby(level="service")
    low, high, rare = (by_service.quantile(q) for q in (0.25, 0.75, 1 - RARE))
    fence = pd.concat([high + OUTER * (high - low), rare], axis=1).max(axis=1)
    return {str(name): value for name, value in _each(fence[by_service.size() >= LEAST_STRETCHES])}


def _each(values: pd.Series[float]) -> Iterator[tuple[Any, float]]:
    return ((key, float(value)) for key, value in values.dropna().items())
