"""The edges of an estate: who calls whom by which name. A day has millions of rows of calls, and few of these.

What a detector asks of names it asks of each edge once, and tells the rows by the numbers of their edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import UsageError
from .model import EDGE_KEYS


@dataclass(frozen=True)
class Edges:
    """The different edges of some rows of calls.

    names: client, server and peer, one row an edge, sorted. of: [rows] the number of each row's edge.
    """

    names: pd.DataFrame
    of: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def told(self) -> dict[str, list[str]]:
        """The columns of names, for whoever goes through them one by one."""
        return {name: self.names[name].tolist() for name in EDGE_KEYS}

    @cached_property
    def categories(self) -> dict[str, pd.Categorical]:
        """[edges] The columns of names as numbers of their different names, which are sorted."""
        return {name: category(self.names[name]) for name in EDGE_KEYS}

    @cached_property
    def clients(self) -> frozenset[str]:
        """Those who call, and "" where nobody was seen to."""
        return frozenset(self.told["client"])

    @cached_property
    def services(self) -> frozenset[str]:
        """Those who call or answer, and "" where nobody was seen to."""
        return self.clients.union(self.told["server"])

    def total(self, values: pd.Series[float]) -> npt.NDArray[np.float64]:
        """[edges] The sum of a column of calls."""
        return np.bincount(self.of, values, len(self)).astype(np.float64, copy=False)

    def any(self, rows: pd.Series[bool] | npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """[edges] Whether any row of calls is one of these rows."""
        return np.bincount(self.of[np.asarray(rows, np.bool_)], minlength=len(self)) > 0

    def picked(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Edges:
        """The edges of some of the rows, in the order in which these are given."""
        numbers, different = pd.factorize(self.of[rows], sort=True)
        return Edges(self.names.iloc[different].reset_index(drop=True), numbers)


def category(names: pd.Series[str]) -> pd.Categorical:
    """Names as numbers of the different ones, which are sorted."""
    codes, different = pd.factorize(names, sort=True)
    return pd.Categorical.from_codes(codes, different, validate=False)


def edges_of(calls: pd.DataFrame) -> Edges:
    """Tell the edges of some rows of calls; raises UsageError for a name that is missing."""
    if calls.empty:
        return Edges(calls[list(EDGE_KEYS)].reset_index(drop=True), np.empty(0, np.int64))
    numbers = np.zeros(len(calls), np.int64)
    told: list[pd.Index[str]] = []
    for name in EDGE_KEYS:  # one after the other: a day has millions of rows
        codes, different = pd.factorize(calls[name], sort=True)
        if codes.min() < 0:
            raise UsageError(f"a row of calls has no {name}: who was not seen is told as an empty text")
        numbers = numbers * len(different) + codes
        told.append(different)
    of, different = pd.factorize(numbers, sort=True)
    places = np.unravel_index(different, [len(names) for names in told])
    names = {name: pd.Series(t.take(at)) for name, t, at in zip(EDGE_KEYS, told, places, strict=True)}
    return Edges(pd.DataFrame(names), of)


def joined(parts: Sequence[Edges]) -> Edges:
    """The edges of the rows of all parts, one after the other, without a look at the rows."""
    whole = edges_of(pd.concat([part.names for part in parts], ignore_index=True))
    ends = np.cumsum([len(part) for part in parts])
    numbers = np.split(whole.of, ends[:-1])
    return Edges(whole.names, np.concatenate([mine[part.of] for mine, part in zip(numbers, parts, strict=True)]))
