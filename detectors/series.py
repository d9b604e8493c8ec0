"""Rows of `calls` and `signals` laid out as dense arrays, one row a series and one column a window.

Everything that a detector computes costs (series x windows), never traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..collector.model import Windows

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


def window_count(windows: Windows) -> int:
    """How many windows the data covers."""
    return max(0, (windows.end - windows.start) // windows.window_s)


def tally(windows: Windows, rows: pd.DataFrame, keys: Sequence[str], quantities: Sequence[str]) -> Table:
    """Add up the quantities of `rows` by keys and window; a window without rows counts nothing."""
    codes, table = _codes(rows, keys)
    count, where, inside = _places(windows, rows, codes)
    cells = len(table) * count
    values = {
        name: _added(where, rows[name].to_numpy(np.float64)[inside], cells).reshape(len(table), count)
        for name in quantities
    }
    return Table(table, values)


def _added(where: Indices, values: Floats, cells: int) -> Floats:
    return np.bincount(where, values, cells).astype(np.float64)


def gauge(windows: Windows, rows: pd.DataFrame, keys: Sequence[str], quantity: str = "value") -> Table:
    """The mean of a quantity by keys and window; NaN where no row speaks of the window."""
    rows = rows.assign(seen=rows[quantity].notna().astype(float), **{quantity: rows[quantity].fillna(0.0)})
    table = tally(windows, rows, keys, (quantity, "seen"))
    seen = table["seen"]
    mean = np.divide(table[quantity], seen, out=np.full_like(seen, np.nan), where=seen > 0)
    return Table(table.keys, {quantity: mean})


def concept(windows: Windows, name: str) -> pd.DataFrame:
    """The rows of `signals` about one concept."""
    return windows.signals[windows.signals["concept"] == name]


def carried(values: Floats, windows: int) -> Floats:
    """Gaps of a gauge filled with the last value seen, for at most `windows` windows.

    Metrics are scraped less often than windows pass; a longer silence stays unknown (NaN).
    """
    return pd.DataFrame(values.T).ffill(limit=max(1, windows)).to_numpy(np.float64).T


def _codes(rows: pd.DataFrame, keys: Sequence[str]) -> tuple[Indices, pd.DataFrame]:
    groups = rows.groupby(list(keys), sort=True, observed=True)
    codes = np.asarray(groups.ngroup(), dtype=np.int64)
    table = groups.size().reset_index()[list(keys)]
    return codes, table


def _places(windows: Windows, rows: pd.DataFrame, codes: Indices) -> tuple[int, Indices, Flags]:
    count = window_count(windows)
    column = (rows["window"].to_numpy(np.int64) - windows.start) // windows.window_s
    inside = (column >= 0) & (column < count)
    return count, (codes * count + column)[inside], inside
