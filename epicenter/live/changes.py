"""The changes that were told of, each once, the newest so many of them."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from ..collector.model import CHANGES
from .arrow import compute

_MOST = 10_000
_ORDER = ("Timestamp", "Kind", "Target", "Actor", "Generation")


class Changes:
    """Rows of CHANGES in the order of their times."""

    def __init__(self) -> None:
        self.rows = CHANGES.empty_table()
        self._known: set[str] = set()
        self._first_new: float | None = None

    def add(self, rows: pa.Table) -> None:
        """Add those that are not known yet."""
        told = [str(row) for row in rows.to_pylist()]
        new = rows.filter(pa.array([row not in self._known for row in told], pa.bool_()))
        if new.num_rows:
            first = compute.min(compute.cast(new["Timestamp"], pa.int64())).as_py() / 1e9
            self._first_new = first if self._first_new is None else min(first, self._first_new)
            every = pa.concat_tables([self.rows, new]).group_by(CHANGES.names).aggregate([])
            self.rows = every.sort_by([(name, "ascending") for name in _ORDER])[-_MOST:]
            self._known.update(told)
            self._forget_known()

    def first_new(self) -> float | None:
        """The Unix time of the oldest that was added since this was asked last; None where none was."""
        first, self._first_new = self._first_new, None
        return first

    def forget(self, before: int) -> None:
        """Let go of what is older (Unix seconds)."""
        fresh = compute.greater_equal(compute.cast(self.rows["Timestamp"], pa.int64()), before * 10**9)
        self.rows = self.rows.filter(fresh)
        self._forget_known()

    def _forget_known(self) -> None:
        if len(self._known) > self.rows.num_rows:
            self._known = set(map(str, self.rows.to_pylist()))

    def between(self, start: int, end: int) -> pd.DataFrame:
        """Those from `start` until before `end` (Unix seconds), as detectors see them."""
        told = self.rows.drop_columns(["Timestamp"]).to_pandas()
        told.insert(0, "time", self.rows["Timestamp"].to_numpy().view("int64") / 1e9)
        return told[(told["time"] >= start) & (told["time"] < end)].reset_index(drop=True)
