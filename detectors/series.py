"""Rows of `calls` and `signals` laid out as dense arrays, one row a series and one column a window.

Everything that a detector computes costs (series x windows), never traffic. A wide estate has thousands of series and
a day thousands of windows, so what can go over the series in parts does (`tables`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..collector.model import Windows
from .once import Once

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """Series of one or more quantities.

    keys: one row a series, the columns that tell them apart, in sorted order.
    values: quantity -> array of (series, windows).
    """

    keys: pd.DataFrame
    values: dict[str, Floats]

    def __getitem__(self, quantity: str) -> Floats:
        return self.values[quantity]

    def __len__(self) -> int:
        return len(self.keys)

    def names(self, key: str) -> list[str]:
        """The values of one key column, a series each."""
        return [str(name) for name in self.keys[key]]


AT_ONCE = 128
"""Series laid out at once in a day of windows of 10 s: a quantity then takes 9 MB. In less time there are more: so many
times a power of two that one more window seldom moves a series to another part, where its test never was (`past`)."""

_DAY = 8640
"""Windows of 10 s."""


def window_count(windows: Windows) -> int:
    """How many windows the data covers."""
    return max(0, (windows.end - windows.start) // windows.window_s)


def tally(windows: Windows, rows: pd.DataFrame, keys: Sequence[str], quantities: Sequence[str]) -> Table:
    """Add up the quantities of `rows` by keys and window; a window without rows counts nothing."""
    codes, table = _codes(rows, keys)
    window, inside = _places(windows, rows)
    codes, window = codes[inside], window[inside]
    values = {name: rows[name].to_numpy(np.float64)[inside] for name in quantities}
    return _laid_out(windows, table, codes, window, values)


def tables(
    windows: Windows, rows: pd.DataFrame, keys: Sequence[str], quantities: Sequence[str], at_once: int | None = None
) -> Iterator[Table]:
    """The same as `tally`, in parts of at most `at_once` series each, in order of the keys.

    at_once: None lets a part be as large as `AT_ONCE` series of a day are.
    """
    at_once = at_once or AT_ONCE << max(0, (_DAY // max(1, window_count(windows))).bit_length() - 1)
    codes, table = _codes(rows, keys)
    window, inside = _places(windows, rows)
    order = np.argsort(codes, kind="stable")  # rows of a series stay in order, and so do sums of floats
    order = order[inside[order]]
    starts = np.searchsorted(codes[order], np.arange(0, len(table) + at_once, at_once))
    for part, (first, last) in enumerate(itertools.pairwise(starts)):
        at = order[first:last]
        mine = table[part * at_once : (part + 1) * at_once].reset_index(drop=True)
        values = {name: rows[name].to_numpy()[at].astype(np.float64) for name in quantities}
        yield _laid_out(windows, mine, codes[at] - part * at_once, window[at], values)


def _laid_out(
    windows: Windows, table: pd.DataFrame, codes: Indices, window: Indices, values: dict[str, Floats]
) -> Table:
    count = window_count(windows)
    where, cells = codes * count + window, len(table) * count
    dense = {name: _added(where, of, cells).reshape(len(table), count) for name, of in values.items()}
    return Table(table, dense)


def _added(where: Indices, values: Floats, cells: int) -> Floats:
    return np.bincount(where, values, cells).astype(np.float64, copy=False)


def within(rows: pd.DataFrame, start: float, end: float) -> slice | Flags:
    """Which rows are of the windows from `start` until before `end` (Unix seconds): where they lie together, as they do
    in order of time, a slice, which copies none."""
    window = rows["window"].to_numpy(np.int64)
    inside = (window >= start) & (window < end)
    if not inside.any():
        return slice(0, 0)
    first, last = int(inside.argmax()), len(inside) - int(inside[::-1].argmax())
    return slice(first, last) if last - first == np.count_nonzero(inside) else inside


def pairs(one: Indices, other: Indices) -> tuple[Indices, Indices]:
    """[pairs] The first number of each different pair, in order; [rows] which of these pairs each row is."""
    width = other.max(initial=0) + 1
    different, each = np.unique(one * width + other, return_inverse=True)
    return different // width, each


def with_total(names: pd.Categorical, totals: Floats, least: float) -> Flags:
    """[edges] Whether the names of some edges, but for "", have at least so much in all of theirs together."""
    enough = np.bincount(names.codes, totals, len(names.categories)) >= least
    enough &= np.asarray(names.categories != "", np.bool_)
    return enough[names.codes]


def calls_over(
    windows: Windows,
    edges: pd.Series[bool] | Flags,
    columns: Sequence[str],
    start: float = -math.inf,
    end: float = math.inf,
    *,
    where: Flags | None = None,
    **told: pd.Categorical,
) -> pd.DataFrame:
    """These columns of the calls over some of the edges, from `start` until before `end` (Unix seconds).

    where: [rows] of calls that alone are wanted. told: [edges] each what else is known of an edge.
    """
    stretch = within(windows.calls, start, end)
    of = windows.edges.of[stretch]
    wanted = np.asarray(edges, np.bool_)[of]
    mine = np.flatnonzero(wanted if where is None else wanted & where[stretch])
    rows = {name: windows.calls[name].array[stretch].take(mine) for name in columns}
    return pd.DataFrame(rows | {name: names.take(of[mine]) for name, names in told.items()}, copy=False)


@cache
def _no_series(keys: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(keys), dtype=str)


def gauge(windows: Windows, rows: pd.DataFrame, keys: Sequence[str], quantity: str = "value") -> Table:
    """The mean of a quantity by keys and window; NaN where no row speaks of the window."""
    if rows.empty:
        return Table(_no_series(tuple(keys)), {quantity: np.empty((0, window_count(windows)))})
    rows = rows.assign(seen=rows[quantity].notna().astype(float), **{quantity: rows[quantity].fillna(0.0)})
    table = tally(windows, rows, keys, (quantity, "seen"))
    seen = table["seen"]
    mean = np.divide(table[quantity], seen, out=np.full_like(seen, np.nan), where=seen > 0)
    return Table(table.keys, {quantity: mean})


@dataclass(frozen=True)
class _About:
    """The rows of `signals` about one concept."""

    rows: pd.DataFrame

    @cached_property
    def named(self) -> tuple[Indices, pd.Index[str]]:
        """[rows] Which of the components each is about, and these."""
        codes, names = pd.factorize(self.rows["component"])
        return codes, names


def components(windows: Windows, name: str) -> set[str]:
    """What one concept is told of."""
    about = by_concept(windows).get(name)
    return set() if about is None else set(about.named[1].tolist())


def totals(windows: Windows, name: str, but_in: Indices) -> dict[str, float]:
    """What each component of a concept counted, but in some windows (Unix seconds)."""
    about = by_concept(windows).get(name)
    if about is None:
        return {}
    codes, names = about.named
    counted = about.rows["value"].where(~about.rows["window"].isin(but_in), 0.0)
    return dict(zip(names.tolist(), np.bincount(codes, counted, len(names)).tolist(), strict=True))


def concept_of(windows: Windows, name: str, wanted: Collection[str]) -> pd.DataFrame:
    """The rows of `signals` about one concept of some components."""
    about = by_concept(windows).get(name)
    if about is None:
        return windows.signals.iloc[:0]
    codes, names = about.named
    return about.rows[np.array([name in wanted for name in names], np.bool_)[codes]]


def concept(windows: Windows, name: str) -> pd.DataFrame:
    """The rows of `signals` about one concept; what is not a number tells nothing."""
    about = by_concept(windows).get(name)
    return windows.signals.iloc[:0] if about is None else about.rows


@Once
def by_concept(windows: Windows) -> dict[str, _About]:
    """The rows of `signals` about each concept that they tell of, but for what is not a number."""
    places = windows.concepts
    rows = windows.signals
    if len(places) > 1:
        rows = rows.take(np.concatenate([*places.values()]))
    ends = np.cumsum([0, *(len(at) for at in places.values())])
    about = {name: rows.iloc[first:last] for name, (first, last) in zip(places, itertools.pairwise(ends), strict=True)}
    known = {name: mine["value"].notna() for name, mine in about.items()}
    return {name: _About(mine if known[name].all() else mine[known[name]]) for name, mine in about.items()}


def carried(values: Floats, windows: int) -> Floats:
    """Gaps of a gauge filled with the last value seen, for at most `windows` windows.

    Metrics are scraped less often than windows pass; a longer silence stays unknown (NaN).
    """
    return pd.DataFrame(values.T).ffill(limit=max(1, windows)).to_numpy(np.float64).T


def scrape_gap(windows: Windows) -> int:
    """For how many windows a gauge's last value holds: they are scraped every minute or more often."""
    return max(2, 60 // windows.window_s)


def _codes(rows: pd.DataFrame, keys: Sequence[str]) -> tuple[Indices, pd.DataFrame]:
    """The number of each row's series, and the names of all of them: through the numbers of the names."""
    numbers, names = zip(*(pd.factorize(rows[key], sort=True) for key in keys), strict=True)
    codes, places = numbers[0], (np.arange(len(names[0])),)
    if len(keys) > 1 and len(rows):
        shape = [len(different) for different in names]
        codes, cells = pd.factorize(np.asarray(np.ravel_multi_index(numbers, shape)), sort=True)
        places = np.unravel_index(cells, shape)
    table = {key: pd.Series(told.take(at)).astype(str) for key, told, at in zip(keys, names, places, strict=False)}
    return codes, pd.DataFrame(table)


def _places(windows: Windows, rows: pd.DataFrame) -> tuple[Indices, Flags]:
    """Number of each row's window, and whether the data covers it."""
    window = (rows["window"].to_numpy(np.int64) - windows.start) // windows.window_s
    return window, (window >= 0) & (window < window_count(windows))
