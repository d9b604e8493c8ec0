"""Spans as they come -> calls: provisional while a trace may still grow, added up for good once it cannot.

Counts add up over disjoint sets of traces only, so a trace's spans are kept until its newest is older than the allowed
lateness. What is kept follows from that lateness and not from history.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from ..collector.model import CALLS, LOGS, SPANS, TEXTS
from ..collector.texts import unseen_texts
from ..collector.windows import edge_calls

SEQUENCE = "Sequence"
"""The record of the journal that a row came in."""

_NS = 10**9
_PATIENCE = 10
"""A trace that grows for so many times the lateness is closed all the same: some ids are never new."""

_END = "epoch_ns(Timestamp) + greatest(Duration, 0)"
_ENDS = {"spans": _END, "logs": "epoch_ns(Timestamp)"}
_OPEN = "select TraceId from kept"
_STILL_OPEN = f"select TraceId from new group by 1 having max({_END}) >= $until"
_OF_OPEN_TRACES = """from new where epoch_ns(Timestamp) < $ahead
    and ({end} >= $until or TraceId in ({open}))"""
_AHEAD_S = 3600.0
"""A clock that goes so far ahead is wrong, and its spans would never grow old."""
_COLUMNS = {
    "spans": pa.schema([field for field in SPANS if field.name != "ResourceAttributes"]).append(
        pa.field(SEQUENCE, pa.int64())
    ),
    "logs": pa.schema([field for field in LOGS if field.name != "ResourceAttributes"]).append(
        pa.field(SEQUENCE, pa.int64())
    ),
}
_NOTHING = "map([]::varchar[], []::varchar[]) as ResourceAttributes"


@dataclass(frozen=True)
class Counted:
    """What some traces say: a table of CALLS and one of TEXTS."""

    calls: pa.Table
    texts: pa.Table


class Traces:
    """The spans and their log records that may still be told more of.

    until_ns: Unix time up to which traces were closed; spans that ended before it come too late.
    """

    def __init__(self, window_s: int, lateness_s: float, until_ns: int = 0) -> None:
        self._window_s, self._lateness_ns = window_s, round(lateness_s * _NS)
        self.until_ns = until_ns
        self._kept = {name: schema.empty_table() for name, schema in _COLUMNS.items()}
        self._pending: dict[str, list[pa.Table]] = {name: [] for name in _COLUMNS}

    @property
    def first(self) -> int | None:
        """The oldest record of the journal that something of is still kept."""
        firsts = [pa.compute.min(kept[SEQUENCE]).as_py() for kept in self._kept.values() if kept.num_rows]
        return min(firsts, default=None)

    def __len__(self) -> int:
        return self._kept["spans"].num_rows

    def add(self, name: str, rows: pa.Table, sequence: int) -> None:
        """Take rows of `spans` or `logs` that came in one record."""
        numbers = pa.repeat(pa.scalar(sequence, pa.int64()), rows.num_rows)
        self._pending[name].append(rows.append_column(SEQUENCE, numbers).select(_COLUMNS[name].names))

    def take_in(self, now: float, *, again: bool = False) -> dict[str, int]:
        """Keep what was added; how many items of each table came too late, or from far ahead of `now` (Unix seconds).

        again: it was taken in before (the process was restarted): what was closed then is no news. All of it in one
        call, since a trace counts as closed by its newest span.
        """
        late: dict[str, int] = {}
        bounds = {"until": self.until_ns, "ahead": round((now + _AHEAD_S) * _NS)}
        for name, schema in _COLUMNS.items():
            new = pa.concat_tables([schema.empty_table(), *self._pending[name]])
            self._pending[name] = []
            with duckdb.connect() as connection:
                connection.register("new", new)
                connection.register("kept", self._kept["spans"])
                query = _OF_OPEN_TRACES.format(end=_ENDS[name], open=_STILL_OPEN if again and name == "spans" else _OPEN)
                taken = connection.sql(query, params=bounds).to_arrow_table().cast(schema)
            late[name] = 0 if again else new.num_rows - taken.num_rows
            self._kept[name] = pa.concat_tables([self._kept[name], taken])
        return late

    def close(self, now: float) -> Counted:
        """Let go of the traces whose newest span is too old at `now` to be added to, and count them."""
        self.until_ns = max(self.until_ns, round(now * _NS) - self._lateness_ns)
        stale = self.until_ns - _PATIENCE * self._lateness_ns
        with duckdb.connect() as connection:
            for name, kept in self._kept.items():
                connection.register(f"kept_{name}", kept)
            connection.execute(
                f"""create temp table closed as select TraceId from kept_spans group by TraceId
                having max({_END}) < $1 or min(epoch_ns(Timestamp)) < $2""",
                [self.until_ns, stale],
            )
            old = f"""epoch_ns(Timestamp) < {self.until_ns} and TraceId not in (
                select TraceId from kept_spans where TraceId not in (from closed))"""
            gone = {"spans": "TraceId in (from closed)", "logs": f"TraceId in (from closed) or ({old})"}
            parts: dict[str, pa.Table] = {}
            for name, condition in gone.items():
                parts[name] = connection.sql(f"from kept_{name} where {condition}").to_arrow_table()
                rest = connection.sql(f"from kept_{name} where not ({condition})").to_arrow_table()
                self._kept[name] = rest.cast(_COLUMNS[name])
        return self._count(parts)

    def provisional(self) -> Counted:
        """What the traces say that are still open."""
        return self._count(self._kept)

    def _count(self, parts: dict[str, pa.Table]) -> Counted:
        if not parts["spans"].num_rows:
            return Counted(CALLS.empty_table(), TEXTS.empty_table())
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            for name, rows in parts.items():
                connection.register(f"rows_{name}", rows)
                connection.execute(f"create temp view {name} as select *, {_NOTHING} from rows_{name}")
            return Counted(edge_calls(connection, self._window_s), unseen_texts(connection, self._window_s))
