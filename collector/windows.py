"""Spans -> `calls`, the one mergeable partial, and the frames that detectors see.

`pairing` tells what an attempt is; here attempts become counts. A call belongs to the window of its client's clock
where a client was seen, else of the server's.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from .engine import in_passing
from .failures import RANK
from .model import (
    CALL_COUNTS,
    CALL_EXAMPLES,
    CALL_KEYS,
    CALLS,
    ERROR_CLASSES,
    LATENCY_BOUNDS_S,
    LATENCY_COLUMNS,
    Windows,
)
from .pairing import forget, pair
from .recording import summarize
from .sides import forget_facts, tell_facts
from .signals import signals
from .texts import unseen_texts
from .versions import first_seen, versions

WINDOW_LENGTHS_S = (10, 30, 60, 300, 900, 3600)
MOST_WINDOWS = 1000
"""A screen shows some thousand columns, and a window of sampled traces needs enough calls to tell a failure rate."""


def choose_window(start_s: float, end_s: float, least_s: float = 0.0) -> int:
    """The shortest of `WINDOW_LENGTHS_S` that cuts the time into at most `MOST_WINDOWS` windows.

    least_s: how far apart the samples are; in shorter windows, most would hold none.
    """
    fitting = (w for w in WINDOW_LENGTHS_S if w >= least_s and (end_s - start_s) / w <= MOST_WINDOWS)
    return next(fitting, WINDOW_LENGTHS_S[-1])


def edge_calls(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """Count the calls in the views `spans` and `logs`; the result has schema CALLS, ordered by its keys.

    window_s: length of the windows in seconds.
    """
    tell_facts(connection)
    try:
        return calls_of_facts(connection, window_s)
    finally:
        forget_facts(connection)


def calls_of_facts(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """The same of `calls_facts` (`sides.FACTS`) and `calls_brief` instead of `spans`."""
    try:
        pair(connection)
        connection.execute(f"create temp table calls_repeats as {_REPEATS}")
        return connection.sql(_counts(window_s)).to_arrow_table().cast(CALLS)
    finally:
        forget(connection)
        connection.execute("drop table if exists temp.calls_repeats")


# A retry starts when an equal sibling has failed, which tells it from a fan-out of equal calls. JavaScript clocks
# round a start down to whole milliseconds.
_CLOCK_NS = 1_000_000
_REPEATS = f"""
select id from (
    select id, min(case when failed then start + client_ns end) over (
        partition by pid, client, name, case when peer <> '' then peer else server end order by start, id
        rows between unbounded preceding and 1 preceding
    ) <= start + {_CLOCK_NS} as again
    from calls_attempts
    where pid in (select pid from calls_attempts where failed and pid is not null)
) where again
"""


def _counts(window_s: int) -> str:
    """SQL for the counts of `calls_attempts`: first by latency bucket and class, which leaves few rows to spread."""
    names = [name for name in CALL_COUNTS if name not in LATENCY_COLUMNS and not name.startswith("errors_")]
    columns = {name: f"sum({name})" for name in names}
    columns |= {f"errors_{name}": _errors(RANK[name]) for name in ERROR_CLASSES}
    columns |= {"refused": _errors(RANK["refused"]), "errors_connect": _errors(RANK["refused"], RANK["connect"])}
    columns |= {name: f"sum(attempts - hidden) filter (bucket = {index})" for index, name in enumerate(LATENCY_COLUMNS)}
    counts = ", ".join(f"coalesce({columns[name]}, 0)::bigint as {name}" for name in CALL_COUNTS)
    keys = ", ".join(f'"{key}"' for key in CALL_KEYS)
    return f"""
        with counted as (
            select {keys}, {counts}, min(example) as example, min(failing) as failing
            from ({_COUNTED.format(window_s=window_s)}) group by {keys}
        ), traces as (
            select tid, min(TraceId) as trace from calls_brief
            where tid in (select example from counted union select failing from counted) group by 1
        )
        select counted.* exclude (example, failing), coalesce(one.trace, '') as example_trace,
            coalesce(bad.trace, '') as error_trace
        from counted left join traces one on example = one.tid left join traces bad on failing = bad.tid
        order by {keys}"""


def _errors(*ranks: int) -> str:
    return f"sum(errors) filter (rank in ({', '.join(map(str, ranks))}))"


def _bucket(first: int, end: int) -> str:
    """SQL for the index of the latency bucket, as a search by halves: it is asked for every attempt."""
    if first == end:
        return str(first)
    middle = (first + end) // 2
    bound = round(LATENCY_BOUNDS_S[middle] * 1e9)
    return f"case when seen_ns <= {bound} then {_bucket(first, middle)} else {_bucket(middle + 1, end)} end"


_BUCKET = _bucket(0, len(LATENCY_BOUNDS_S))
_COUNTED = f"""
    select start // 1000000000 // {{window_s}} * {{window_s}} as "window", client, server, peer, {_BUCKET} as bucket,
        case when failed then rank when hidden > 0 then {RANK["other"]} end as rank,
        count(*) + sum(hidden) as attempts, sum(hidden) as hidden, count(*) - count_if(again or repeats.id is not null)
        as originals, count(server_ns) as answered, count(*) - count(server_ns) + sum(hidden) as unanswered,
        count_if(entry) as entries, count_if(failed) + sum(hidden) as errors, count_if(wasted) as wasted,
        sum(client_ns) as client_ns, sum(server_ns) as server_ns, sum(uncovered_ns) as uncovered_ns,
        sum(client_ns) filter (server_ns is null) as unanswered_ns,
        min(tid) as example, min(tid) filter (failed or hidden > 0) as failing
    from (select *, coalesce(client_ns, server_ns) as seen_ns from calls_attempts)
    left join calls_repeats repeats using (id)
    group by all"""


def merge_calls(parts: Iterable[pa.Table]) -> pa.Table:
    """Add up partials of disjoint sets of traces; any order and any grouping give the same table."""
    together = pa.concat_tables([CALLS.empty_table(), *parts])
    keys = ", ".join(f'"{key}"' for key in CALL_KEYS)
    counts = ", ".join(f"sum({name})::bigint as {name}" for name in CALL_COUNTS)
    traces = ", ".join(
        f"coalesce(arg_min({name}, hash({name})) filter ({name} <> ''), '') as {name}" for name in CALL_EXAMPLES
    )
    with in_passing() as connection:
        connection.register("together", together)
        query = f"select {keys}, {counts}, {traces} from together group by {keys} order by {keys}"
        return connection.sql(query).to_arrow_table().cast(CALLS)


def observe(connection: duckdb.DuckDBPyConnection, window_s: int | None = None) -> Windows:
    """What detectors see of the telemetry behind `connection`; `window_s` None chooses the length."""
    found = summarize(connection)
    length = window_s or choose_window(*_span_of_calls(connection, found.start, found.end))
    calls = edge_calls(connection, length).to_pandas()
    changes = connection.execute(
        """select epoch_ns(Timestamp) / 1e9 as time, * exclude (Timestamp) from changes
        order by time, Kind, Target, Actor, Generation"""
    ).df()
    start = int(found.start // length) * length
    end = max(start, -int(-found.end // length) * length)
    seen = signals(connection, length).to_pandas()
    texts = unseen_texts(connection, length).to_pandas()
    known = first_seen(versions(connection, length))
    return Windows(length, start, end, calls, seen, changes, texts, known)


def _span_of_calls(connection: duckdb.DuckDBPyConnection, start: float, end: float) -> tuple[float, float, float]:
    """First and last moment of the spans, since they need the shortest windows.

    Without spans, `start`, `end` and the seconds between two samples of a series, in the median of all.
    """
    query = "select epoch_ns(min(Timestamp)) / 1e9, epoch_ns(max(Timestamp)) / 1e9 from spans"
    first, last = connection.execute(query).fetchall()[0]
    if first is not None:
        return float(first), float(last), 0.0
    apart = connection.execute(
        """select median(apart) from (select (epoch_ns(max(Timestamp)) - epoch_ns(min(Timestamp))) / 1e9
        / (count(*) - 1) as apart from samples group by Name, Labels having count(*) > 1)"""
    ).fetchall()[0][0]
    return start, end, float(apart or 0.0)
