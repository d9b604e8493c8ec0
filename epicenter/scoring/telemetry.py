"""A world's telemetry -> what detectors see of it, all in memory: no file is written and none is read."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ..collector.concepts import concepts_of
from ..collector.model import LOGS, SPANS, Windows
from ..collector.recording import summarize
from ..collector.windows import observe
from ..detectors.analysis import RecordingSummary
from ..synthetic import History
from ..synthetic.telemetry.changes import change_table
from ..synthetic.telemetry.mix import Mix
from ..synthetic.telemetry.samples import sample_tables
from ..synthetic.telemetry.spans import span_source

SPANS_PER_SECOND = 20.0
"""What `epicenter simulate` records unless told otherwise."""
MOST_SPANS = 300_000
"""Of a case, unless a rate is asked for: long worlds are seen in longer windows, so that each still has more spans
than a window of a short world (15 hours in windows of 60 s: 320; 90 minutes in windows of 10 s: 200)."""

_UNREAD = ("ResourceAttributes",)
"""Columns of which no window is made, and that take half of the time to load: no resource of a world tells a version.
A test holds the windows against those of a written recording."""


def windows_of(
    history: History, *, seed: int, mix: Mix, spans_per_second: float | None = None
) -> tuple[Windows, RecordingSummary]:
    """What detectors see of the history, told in the dialects of `mix`; the same arguments give the same windows.

    spans_per_second: sampled spans; None chooses `SPANS_PER_SECOND`, and `MOST_SPANS` at the most.
    """
    rate = spans_per_second or min(SPANS_PER_SECOND, MOST_SPANS / (history.end - history.start))
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")  # it takes every worker for a person who waits
        # sums of integers do not depend on threads, but two cases at a time already use two cores
        connection.execute("set threads = 1")
        connection.execute("set TimeZone = 'UTC'")
        _load_spans(connection, history, rate, seed, mix)
        samples = _load_samples(connection, history, mix)
        connection.register("changes", change_table(history.changes))
        found = summarize(connection)
        windows = observe(connection)
    return windows, RecordingSummary(
        from_=found.start,
        to=found.end,
        spans=found.spans,
        samples=samples,
        samples_unknown=samples - found.samples,  # what no concept reads was never loaded
        changes=found.changes,
        services=found.services,
        skipped=(),
    )


def _load_spans(connection: duckdb.DuckDBPyConnection, history: History, rate: float, seed: int, mix: Mix) -> None:
    """Tables rather than views over Arrow: they are read several times, and DuckDB reads its own faster."""
    unread = ", ".join(f'map {{}}::map(varchar, varchar) as "{name}"' for name in _UNREAD)
    _create(connection, "spans", SPANS)
    _create(connection, "logs", LOGS)
    source = span_source(history, spans_per_second=rate, seed=seed, mix=mix)
    for ticks in source.chunks():
        drawn = source.draw_encoded(ticks)
        _insert(connection, "spans", drawn.spans.drop_columns(list(_UNREAD)), f"*, {unread}")
        _insert(connection, "logs", drawn.logs, "*")


def _load_samples(connection: duckdb.DuckDBPyConnection, history: History, mix: Mix) -> int:
    """Load the samples whose names mean something to anybody, and return how many there were in all."""
    read: dict[str, bool] = {}
    count = 0
    for table in sample_tables(history, metrics=mix.metrics):
        names = table.column("Name")
        for name in names.unique().to_pylist():
            read.setdefault(name, bool(concepts_of(name)))
        known = pa.array([name for name, is_read in read.items() if is_read], pa.string())
        kept = table.filter(pc.field("Name").isin(known))
        if not count:
            _create(connection, "samples", kept.schema)
        _insert(connection, "samples", kept, "*")
        count += len(table)
    return count


def _create(connection: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema) -> None:
    connection.register("arriving", schema.empty_table())
    connection.execute(f"create temp table {table} as select * from arriving")
    connection.unregister("arriving")


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, columns: str) -> None:
    connection.register("arriving", rows)
    connection.execute(f"insert into {table} by name select {columns} from arriving")
    connection.unregister("arriving")
