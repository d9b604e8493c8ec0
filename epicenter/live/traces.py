"""Spans as they come -> what has to be added to the calls, and taken away from them.

Counts add up over disjoint sets of traces, and a trace's spans come in several requests, some of them late. So a trace
is counted anew whenever more of it comes: what it counted for before is taken away. Its spans are kept until the newest
is older than the allowed lateness, so memory follows from that lateness and not from history; the work follows from
what comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from ..collector.engine import in_passing
from ..collector.model import CALL_COUNTS, CALL_EXAMPLES, CALLS, LOGS, SPANS, TEXTS
from ..collector.texts import unseen_texts
from ..collector.told import TOLD, told_attributes
from ..collector.windows import edge_calls
from .arrow import compute

SEQUENCE = "Sequence"
"""The record of the journal that a row came in."""

_NS = 10**9
_PATIENCE = 10
"""A trace that grows for so many times the lateness is closed all the same: some ids are never new."""
AHEAD_S = 3600.0
"""A clock that goes so far ahead is wrong, and its spans would never grow old."""

_NUMBER = pa.field(SEQUENCE, pa.int64())
_ADDED = {
    name: pa.schema([*(field for field in schema if field.name != "ResourceAttributes"), _NUMBER])
    for name, schema in (("spans", SPANS), ("logs", LOGS))
}
"""What is added: nothing that is counted is read from a resource but its service."""

_PLACE = _ADDED["spans"].get_field_index("SpanAttributes")
_COLUMNS = {**_ADDED, "spans": _ADDED["spans"].set(_PLACE, pa.field("SpanAttributes", TOLD))}
"""What is kept: of the attributes those that are read."""

_NOTHING = "map([]::varchar[], []::varchar[]) as ResourceAttributes"
_END = "epoch_ns(Timestamp) + greatest(Duration, 0)"
_ENDS = {"spans": _END, "logs": "epoch_ns(Timestamp)"}
_ON_TIME = """from new where epoch_ns(Timestamp) < $ahead
    and ({end} >= $until or (TraceId <> '' and TraceId in ({open})))"""
_KEPT = "select TraceId from kept_spans"
_STILL_OPEN = f"select TraceId from new_spans group by 1 having max({_END}) >= $until"

Tables = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Counted:
    """What some traces say: a table of CALLS and one of TEXTS, to be added to those of other traces."""

    calls: pa.Table
    texts: pa.Table


class Traces:
    """The spans and log records of traces that may still grow.

    until_ns: Unix time up to which traces were closed; spans that ended before it come too late.
    """

    def __init__(self, window_s: int, lateness_s: float) -> None:
        self._window_s, self._lateness_ns = window_s, round(lateness_s * _NS)
        self.until_ns = 0
        self._kept: dict[str, pa.Table] = {name: schema.empty_table() for name, schema in _COLUMNS.items()}
        self._added: dict[str, list[pa.Table]] = {name: [] for name in _ADDED}

    @property
    def first(self) -> int | None:
        """The oldest record of the journal that something of is still kept."""
        firsts = [compute.min(kept[SEQUENCE]).as_py() for kept in self._kept.values() if kept.num_rows]
        return min(firsts, default=None)

    def __len__(self) -> int:
        return self._kept["spans"].num_rows

    def add(self, name: str, rows: pa.Table, sequence: int) -> None:
        """Take rows of `spans` or `logs` that came in one record."""
        numbers = pa.repeat(pa.scalar(sequence, pa.int64()), rows.num_rows)
        self._added[name].append(rows.append_column(SEQUENCE, numbers).select(_ADDED[name].names))

    def _new(self) -> dict[str, pa.Table]:
        new = {name: pa.concat_tables([schema.empty_table(), *self._added[name]]) for name, schema in _ADDED.items()}
        self._added = {name: [] for name in _ADDED}
        spans = new["spans"].combine_chunks()
        new["spans"] = spans.set_column(_PLACE, "SpanAttributes", told_attributes(spans["SpanAttributes"]))
        return new

    def keep_again(self, now: float) -> None:
        """Keep what was added without counting it: it was counted before the process was restarted.

        All of it in one call, since a trace counts as closed by its newest span.
        """
        new = self._new()
        with self._connection(new) as connection:
            spans = self._on_time(connection, "spans", now, _STILL_OPEN)
        with self._connection(new, kept={**self._kept, "spans": spans}) as connection:
            self._kept = {"spans": spans, "logs": self._on_time(connection, "logs", now, _KEPT)}

    def count(self, now: float) -> tuple[Counted, Counted, dict[str, int]]:
        """What to add for what was added, what to take away for it, and how many items of each table were too late.

        So are those that are far ahead of `now` (Unix seconds): their time says nothing.
        """
        new = self._new()
        with self._connection(new) as connection:
            on_time = {name: self._on_time(connection, name, now, _KEPT) for name in new}
        late = {name: new[name].num_rows - on_time[name].num_rows for name in new}
        if not any(rows.num_rows for rows in on_time.values()):
            return _nothing(), _nothing(), late
        with self._connection(on_time) as connection:
            touched = "TraceId <> '' and TraceId in (select TraceId from new_spans union select TraceId from new_logs)"
            before = {name: connection.sql(f"from kept_{name} where {touched}").to_arrow_table() for name in new}
        after = {name: pa.concat_tables([before[name].cast(_COLUMNS[name]), on_time[name]]) for name in new}
        self._kept = {name: pa.concat_tables([self._kept[name], on_time[name]]) for name in new}
        return self._counted(after), _negated(self._counted(before)), late

    def _on_time(self, connection: duckdb.DuckDBPyConnection, name: str, now: float, still: str) -> pa.Table:
        query = _ON_TIME.format(end=_ENDS[name], open=still).replace("from new ", f"from new_{name} ")
        bounds = {"until": self.until_ns, "ahead": round((now + AHEAD_S) * _NS)}
        return connection.sql(query, params=bounds).to_arrow_table().cast(_COLUMNS[name])

    def _connection(self, new: Tables, kept: Tables | None = None) -> duckdb.DuckDBPyConnection:
        connection = in_passing()
        for prefix, tables in (("new", new), ("kept", self._kept if kept is None else kept)):
            for name, rows in tables.items():
                connection.register(f"{prefix}_{name}", rows)
        return connection

    def close(self, now: float) -> None:
        """Let go of the traces whose newest span is too old at `now` to be added to."""
        self.until_ns = max(self.until_ns, round(now * _NS) - self._lateness_ns)
        with self._connection({}) as connection:
            connection.execute(
                f"""create temp table open as select TraceId from kept_spans group by TraceId
                having max({_END}) >= {self.until_ns}
                and min(epoch_ns(Timestamp)) >= {self.until_ns - _PATIENCE * self._lateness_ns}"""
            )
            still = {
                "spans": "TraceId in (from open)",
                "logs": f"TraceId in (from open) or (epoch_ns(Timestamp) >= {self.until_ns} "
                "and TraceId not in (select TraceId from kept_spans))",
            }
            for name, condition in still.items():
                rest = connection.sql(f"from kept_{name} where {condition}").to_arrow_table()
                self._kept[name] = rest.cast(_COLUMNS[name])

    def _counted(self, parts: Tables) -> Counted:
        if not parts["spans"].num_rows:
            return _nothing()
        with in_passing() as connection:
            for name, rows in parts.items():
                connection.register(f"rows_{name}", rows)
                connection.execute(f"create temp view {name} as select *, {_NOTHING} from rows_{name}")
            failed = compute.any(compute.equal(parts["spans"]["StatusCode"], "Error")).as_py()
            texts = unseen_texts(connection, self._window_s) if failed else TEXTS.empty_table()
            return Counted(edge_calls(connection, self._window_s), texts)


def _nothing() -> Counted:
    return Counted(CALLS.empty_table(), TEXTS.empty_table())


def _negated(counted: Counted) -> Counted:
    """What takes the same away; of what is added an example stays, which may be one of these."""
    calls, texts = counted.calls, counted.texts
    for name in CALL_COUNTS:
        calls = calls.set_column(calls.schema.get_field_index(name), name, compute.negate(calls[name]))
    for name in CALL_EXAMPLES:
        blank = pa.repeat(pa.scalar("", pa.string()), calls.num_rows)
        calls = calls.set_column(calls.schema.get_field_index(name), name, blank)
    place = texts.schema.get_field_index("failed")
    return Counted(calls, texts.set_column(place, "failed", compute.negate(texts["failed"])))
