"""Samples as they come -> signals, window by window: a window is closed once no sample of it is taken any more."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ..collector.concepts import concepts_of
from ..collector.engine import in_passing
from ..collector.model import SAMPLES
from ..collector.signals import POINTS, SERIES, signals_of
from .arrow import compute
from .config import Limits
from .facts import NUMBER, SEQUENCE
from .series import Series
from .traces import AHEAD_S

_NS = 10**9
_FORGOTTEN_S = 900
"""A counter that was silent for so long begins anew: what it rose by meanwhile belongs to no window."""

_CARRIED = -1
"""In place of a record's number: the last sample of its series before the open windows, kept to count from."""

_AT_ONCE = 4_000_000
"""Samples of which signals are made at a time: a gigabyte is enough for twice as many."""
_SORTED = ("window", "component", "concept", "item")

_COMING = SAMPLES.append(NUMBER)
_KEPT = POINTS.append(NUMBER)
"""32 bytes a sample: what the labels of its series tell is kept once."""


class Samples:
    """The samples of the windows that are open, and one before them of each series.

    until_s: start of the oldest open window, in Unix seconds.
    """

    def __init__(self, window_s: int, lateness_s: float, limits: Limits, until_s: int = 0) -> None:
        self._window_s, self._lateness_s = window_s, lateness_s
        self._most_names = limits.series
        self._series = Series(limits)
        self.until_s = until_s
        self._kept = _KEPT.empty_table()
        self._pending: list[pa.Table] = []
        self._known: dict[str, bool] = {}

    @property
    def first(self) -> int | None:
        """The oldest record of the journal that something of is still kept."""
        numbers = self._kept[SEQUENCE]
        return compute.min(numbers.filter(compute.greater(numbers, 0))).as_py()

    @property
    def state(self) -> dict[str, pa.Table]:
        """The samples that only serve to count from, and what is known of their series."""
        carried = self._kept.filter(compute.equal(self._kept[SEQUENCE], _CARRIED))
        return {"samples": carried, **self._series.state}

    def restore(self, tables: Mapping[str, pa.Table]) -> None:
        """Begin with the state of an earlier run; what one of before 1 December 2026 kept is passed over."""
        if "members" in tables and "place" in tables["members"].column_names:
            self._kept = tables["samples"].cast(_KEPT)
            self._series.restore(tables)

    def add(self, rows: pa.Table, sequence: int) -> None:
        """Take samples that came in one record; those that mean nothing here are passed over."""
        means = pa.array([name for name in compute.unique(rows["Name"]).to_pylist() if self._means(name)], pa.string())
        rows = rows.filter(compute.is_in(rows["Name"], means))
        if rows.num_rows:
            numbers = pa.repeat(pa.scalar(sequence, pa.int64()), rows.num_rows)
            self._pending.append(rows.append_column(NUMBER, numbers))

    def _means(self, name: str) -> bool:
        if name not in self._known:
            if len(self._known) > self._most_names:
                self._known.clear()
            self._known[name] = bool(concepts_of(name))
        return self._known[name]

    def take_in(self, now: float) -> tuple[int, int, int]:
        """Keep what was added; how many samples came too late, how many were folded, and how many left out.

        Those far ahead of `now` (Unix seconds) are passed over like late ones: their window would never close.
        """
        new = pa.concat_tables([_COMING.empty_table(), *self._pending])
        at_ns = compute.cast(new["Timestamp"], pa.int64())
        timely = compute.and_(
            compute.greater_equal(at_ns, self.until_s * _NS), compute.less(at_ns, round((now + AHEAD_S) * _NS))
        )
        on_time = new.filter(timely)
        folded, left_out = self._keep(on_time) if on_time.num_rows else (0, 0)
        self._pending = []
        return new.num_rows - on_time.num_rows, folded, left_out

    def _keep(self, rows: pa.Table) -> tuple[int, int]:
        with in_passing() as connection:
            connection.register("coming", rows)
            connection.execute(f"create temp table numbered as select *, {SERIES} as series from coming")
            connection.register("series", self._series.admit(connection))
            columns = ", ".join(_KEPT.names)
            kept = connection.sql(f"select {columns}, how from numbered join series using (series)").to_arrow_table()
        self._kept = pa.concat_tables([self._kept, kept.select(_KEPT.names).cast(_KEPT)])
        named, folded = (compute.sum(compute.equal(kept["how"], how)).as_py() or 0 for how in ("named", "folded"))
        return folded, rows.num_rows - named - folded

    def close(self, now: float) -> tuple[pa.Table, pa.Table]:
        """Signals of the windows that close at `now`, and of those that stay open."""
        until_s = max(self.until_s, int((now - self._lateness_s) // self._window_s * self._window_s))
        found = self._signals()
        with in_passing() as connection:
            connection.register("kept", self._kept)
            kept = connection.sql(_going_on(until_s)).to_arrow_table().cast(_KEPT)
        found = found.filter(compute.greater_equal(found["window"], self.until_s))
        self._kept, self.until_s = kept, until_s
        self._series.keep(compute.unique(kept["series"]))
        open_ones = compute.greater_equal(found["window"], until_s)
        return found.filter(compute.invert(open_ones)), found.filter(open_ones)

    def _signals(self) -> pa.Table:
        """Of all that is kept; of much, of some components at a time."""
        whole, parts, found = self._series.told, 1 + self._kept.num_rows // _AT_ONCE, []
        for part in range(parts):
            with in_passing() as connection:
                told, points = whole, self._kept
                if parts > 1:
                    connection.register("told", whole)
                    query = "from told where hash(component) % ? = ?"
                    told = connection.sql(query, params=[parts, part]).to_arrow_table()
                    points = points.filter(compute.is_in(points["series"], told["series"]))
                found.append(signals_of(connection, self._window_s, told, points))
        return found[0] if parts == 1 else pa.concat_tables(found).sort_by([(key, "ascending") for key in _SORTED])


def _going_on(until_s: int) -> str:
    """SQL for the samples of the windows that stay open, and the last one before them of each series."""
    until, forgotten = until_s * _NS, (until_s - _FORGOTTEN_S) * _NS
    return f"""
        select * from kept where epoch_ns(Timestamp) >= {until}
        union all
        select * replace ({_CARRIED} as {SEQUENCE}) from kept
        where epoch_ns(Timestamp) between {forgotten} and {until - 1} and not isnan(Value)
        qualify row_number() over (partition by series order by Timestamp desc) = 1"""
