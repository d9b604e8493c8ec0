"""Samples as they come -> signals, window by window: a window is closed once no sample of it is taken any more."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from ..collector.concepts import concepts_of
from ..collector.engine import in_passing
from ..collector.model import SAMPLES, SIGNALS
from ..collector.signals import signals
from .arrow import compute
from .config import Limits
from .facts import SEQUENCE
from .traces import AHEAD_S

_NS = 10**9
_FORGOTTEN_S = 900
"""A counter that was silent for so long begins anew: what it rose by meanwhile belongs to no window."""

_SERVICE = "coalesce(Labels['service_name'], '')"
"""Whom a series is of, where it says so: by OpenTelemetry's name. A job may hold those of a whole cluster."""

_CARRIED = -1
"""In place of a record's number: the last sample of its series before the open windows, kept to count from."""


class Samples:
    """The samples of the windows that are open, and one before them of each series.

    until_s: start of the oldest open window, in Unix seconds. limits: of more series, in all or of one service, those
    that came last are left out.
    """

    def __init__(self, window_s: int, lateness_s: float, limits: Limits, until_s: int = 0) -> None:
        self._window_s, self._lateness_s = window_s, lateness_s
        self._most, self._most_of_one = limits.series, limits.service_series
        self.until_s = until_s
        self._schema = SAMPLES.append(pa.field(SEQUENCE, pa.int64()))
        self._kept = self._schema.empty_table()
        self._pending: list[pa.Table] = []
        self._known: dict[str, bool] = {}

    @property
    def first(self) -> int | None:
        """The oldest record of the journal that something of is still kept."""
        numbers = self._kept[SEQUENCE]
        return compute.min(numbers.filter(compute.greater(numbers, 0))).as_py()

    @property
    def carried(self) -> pa.Table:
        """The samples that only serve to count from."""
        return self._kept.filter(compute.equal(self._kept[SEQUENCE], _CARRIED)).select(SAMPLES.names)

    def add(self, rows: pa.Table, sequence: int) -> None:
        """Take samples that came in one record; those that mean nothing here are passed over."""
        means = pa.array([name for name in compute.unique(rows["Name"]).to_pylist() if self._means(name)], pa.string())
        rows = rows.filter(compute.is_in(rows["Name"], means))
        if rows.num_rows:
            numbers = pa.repeat(pa.scalar(sequence, pa.int64()), rows.num_rows)
            self._pending.append(rows.append_column(SEQUENCE, numbers))

    def _means(self, name: str) -> bool:
        if name not in self._known:
            if len(self._known) > self._most:
                self._known.clear()
            self._known[name] = bool(concepts_of(name))
        return self._known[name]

    def carry(self, rows: pa.Table) -> None:
        """Begin with what `carried` gave before a restart."""
        self.add(rows, _CARRIED)

    def take_in(self, now: float) -> tuple[int, int]:
        """Keep what was added; how many samples came too late, and how many belong to series that are too many.

        Those far ahead of `now` (Unix seconds) are passed over like late ones: their window would never close.
        """
        if not self._pending:
            return 0, 0
        new = pa.concat_tables([self._schema.empty_table(), *self._pending])
        self._pending = []
        at_ns = compute.cast(new["Timestamp"], pa.int64())
        timely = compute.and_(
            compute.greater_equal(at_ns, self.until_s * _NS), compute.less(at_ns, round((now + AHEAD_S) * _NS))
        )
        on_time = new.filter(compute.or_(timely, compute.equal(new[SEQUENCE], _CARRIED)))
        self._kept = pa.concat_tables([self._kept, on_time])
        return new.num_rows - on_time.num_rows, self._bound()

    def _bound(self) -> int:
        if self._kept.num_rows <= min(self._most, self._most_of_one):
            return 0
        with in_passing() as connection:
            connection.register("kept", self._kept)
            connection.execute(
                f"""create temp table series as select Name, Labels, min(Sequence) as first, {_SERVICE} as service
                from kept group by Name, Labels"""
            )
            of_one = "select service, count(*) as series from series group by service"
            total, most_of_one = connection.execute(
                f"select sum(series), max(series) filter (service <> '') from ({of_one})"
            ).fetchall()[0]
            if total <= self._most and (most_of_one or 0) <= self._most_of_one:
                return 0
            connection.execute(
                """create temp table known as select Name, Labels from series
                qualify service = '' or row_number() over (
                    partition by service order by first, Name, Labels::varchar) <= ?
                order by first, Name, Labels::varchar limit ?""",
                [self._most_of_one, self._most],
            )
            bounded = connection.sql("select kept.* from kept semi join known using (Name, Labels)").to_arrow_table()
        before, self._kept = self._kept.num_rows, bounded.cast(self._schema)
        return before - self._kept.num_rows

    def close(self, now: float) -> tuple[pa.Table, pa.Table]:
        """Signals of the windows that close at `now`, and of those that stay open."""
        with in_passing() as connection:
            connection.register("kept", self._kept)
            columns = ", ".join(SAMPLES.names)
            connection.execute(f"create temp table samples as select {columns} from kept order by Name")
            found = signals(connection, self._window_s) if self._kept.num_rows else SIGNALS.empty_table()
            found = found.filter(compute.greater_equal(found["window"], self.until_s))
            until_s = max(self.until_s, int((now - self._lateness_s) // self._window_s * self._window_s))
            self._kept = self._from(connection, until_s)
            self.until_s = until_s
        open_ones = compute.greater_equal(found["window"], self.until_s)
        return found.filter(compute.invert(open_ones)), found.filter(open_ones)

    def _from(self, connection: duckdb.DuckDBPyConnection, until_s: int) -> pa.Table:
        until, forgotten = until_s * _NS, (until_s - _FORGOTTEN_S) * _NS
        query = f"""
            select * from kept where epoch_ns(Timestamp) >= {until}
            union all
            select * replace ({_CARRIED} as Sequence) from kept
            where epoch_ns(Timestamp) between {forgotten} and {until - 1} and not isnan(Value)
            qualify row_number() over (partition by Name, Labels order by Timestamp desc) = 1"""
        return connection.sql(query).to_arrow_table().cast(self._schema)
