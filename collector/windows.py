"""Spans -> `calls`, the one mergeable partial, and the three frames that detectors see.

The two sides of a call are paired by parent and never by time, so clock skew makes no edges; a call belongs to the
window of its client's clock where a client was seen. How attempts are told:

- a server span is one answered attempt; its client is the parent span, if that was recorded;
- a client span that no server span and no further client span of its own stands under reached nobody;
- a client span around client spans of its own service is a wrapper: they are the attempts;
- where kinds were not recorded, a span whose parent belongs to another service is the server's side;
- a repeat is a later sibling with the same target and name after one that failed, or says so by its resend count.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from .compact import create_compact
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
from .recording import summarize
from .signals import signals

WINDOW_LENGTHS_S = (10, 30, 60, 300, 900, 3600)
MOST_WINDOWS = 2000
"""A day's page is drawn from some two thousand windows; more would cost without showing more."""

# An answered attempt is a server span with what is known of its client's side. A client span that was recorded on its
# own (kind Client, or, where kinds are absent, with nothing but this child) lends its duration; a caller that is the
# parent's own server or internal span does not.
_ANSWERED = """
select s.sid as id, s.tid, s.service as server, s.duration as server_ns, coalesce(c.service, '') as client,
    case when lone then c.duration end as client_ns, coalesce(c.peer, '') as peer,
    coalesce(c."window", s."window") as "window", coalesce(c.start, s.start) as start,
    case when lone then c.pid else s.pid end as parent, coalesce(c.name, s.name) as name,
    s.failed or coalesce(lone and c.failed, false) as failed, s.root or coalesce(lone and c.root, false) as entry,
    case when coalesce(lone and c.failed, false) and c.class in ('deadline', 'connect') then 'deadline'
        else 'server' end as class,
    coalesce(lone and c.failed and s.duration > c.duration, false) as wasted,
    coalesce(lone and c.resend, false) as resend, coalesce(case when lone then c.hidden end, 0) as hidden,
    true as answered
from served s left join (
    select *, kind = 3 or (kind = 0 and sid in (select pid from only_children)) as lone from compact where not helper
) c on s.pid = c.sid and not s.root
"""

_SERVED = """
select s.* from compact s where kind = 2 or (kind = 0 and root)
union all
select s.* from compact s join compact p on s.pid = p.sid and not s.root and s.kind = 0 and s.service <> p.service
"""

_UNANSWERED = """
select c.sid as id, c.tid, '' as server, 0 as server_ns, c.service as client, c.duration as client_ns, c.peer,
    c."window", c.start, c.pid as parent, c.name, c.failed, c.root as entry,
    case when c.class <> '' then c.class when c.status >= 500 then 'server' else 'other' end as class,
    false as wasted, c.resend, c.hidden, false as answered
from compact c anti join (
    select pid from compact where not root and not helper and kind in (2, 3)
) below on c.sid = below.pid
where c.kind = 3 and not c.helper
"""


def choose_window(start_s: float, end_s: float) -> int:
    """The shortest of `WINDOW_LENGTHS_S` that cuts the time into at most `MOST_WINDOWS` windows."""
    return next((w for w in WINDOW_LENGTHS_S if (end_s - start_s) / w <= MOST_WINDOWS), WINDOW_LENGTHS_S[-1])


def edge_calls(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """Count the calls in the views `spans` and `logs`; the result has schema CALLS."""
    create_compact(connection, window_s)
    connection.execute(f"create or replace temp table served as {_SERVED}")
    connection.execute(
        """create or replace temp table only_children as
        select pid from compact where kind = 0 and not root group by pid having count(*) = 1"""
    )
    connection.execute(f"create or replace temp view attempts as {_ANSWERED} union all {_UNANSWERED}")
    _find_repeats(connection)
    table = connection.sql(_counts()).to_arrow_table().cast(CALLS)
    for name in ("compact", "served", "only_children", "repeats"):
        connection.execute(f"drop table {name}")
    return table


def _find_repeats(connection: duckdb.DuckDBPyConnection) -> None:
    """Repeats stand only under parents below which something failed, which is a small part of the whole."""
    connection.execute(
        """create or replace temp table repeats as
        select id from (
            select id, resend or coalesce(bool_or(failed) over (
                partition by parent, client, name, case when peer <> '' then peer else server end
                order by start, id rows between unbounded preceding and 1 preceding
            ), false) as repeat
            from attempts
            where resend or (client <> '' and parent in (select parent from attempts where failed and client <> ''))
        ) where repeat"""
    )


def _counts() -> str:
    sums = [f"sum({name})" for name in CALL_COUNTS if name not in LATENCY_COLUMNS and not name.startswith("errors_")]
    sums += [f"sum(errors) filter (class = '{name}')" for name in ERROR_CLASSES]
    sums += [f"sum(attempts - hidden) filter (bucket = {index})" for index in range(len(LATENCY_COLUMNS))]
    names = [name for name in CALL_COUNTS if name not in LATENCY_COLUMNS and not name.startswith("errors_")]
    names += [f"errors_{name}" for name in ERROR_CLASSES] + list(LATENCY_COLUMNS)
    columns = dict(zip(names, sums, strict=True))
    counts = ", ".join(f"coalesce({columns[name]}, 0)::bigint as {name}" for name in CALL_COUNTS)
    keys = ", ".join(f'"{key}"' for key in CALL_KEYS)
    return f"""
        with counted as (
            select {keys}, {counts}, min(example) as example, min(failing) as failing from ({_COUNTED}) group by {keys}
        ), traces as (
            select hash(TraceId) as tid, min(TraceId) as trace from spans
            where hash(TraceId) in (select example from counted union select failing from counted) group by 1
        )
        select counted.* exclude (example, failing), coalesce(one.trace, '') as example_trace,
            coalesce(bad.trace, '') as error_trace
        from counted left join traces one on example = one.tid left join traces bad on failing = bad.tid
        order by {keys}"""


# First by latency bucket and error class too: that leaves few rows for the many columns that come of them.
_BUCKET = " + ".join(f"(seen_ns > {round(bound * 1e9)})::tinyint" for bound in LATENCY_BOUNDS_S)
_COUNTED = f"""
    select "window", client, server, peer, {_BUCKET} as bucket,
        case when failed then class when hidden > 0 then 'other' else '' end as class,
        sum(1 + hidden) as attempts, sum(hidden) as hidden, count(*) - count(repeats.id) as originals,
        count_if(answered) as answered, count(*) - count_if(answered) + sum(hidden) as unanswered,
        count_if(entry) as entries, count_if(failed) + sum(hidden) as errors, count_if(wasted) as wasted,
        sum(client_ns) as client_ns, sum(server_ns) as server_ns,
        sum(greatest(client_ns - server_ns, 0)) filter (answered) as uncovered_ns,
        sum(client_ns) filter (not answered) as unanswered_ns, min(tid) as example, min(tid) filter (failed) as failing
    from (select *, coalesce(client_ns, server_ns) as seen_ns from attempts) left join repeats using (id)
    group by all"""


def merge_calls(parts: Iterable[pa.Table]) -> pa.Table:
    """Add up partials of disjoint sets of traces; any order and any grouping give the same table."""
    together = pa.concat_tables([CALLS.empty_table(), *parts])
    keys = ", ".join(f'"{key}"' for key in CALL_KEYS)
    counts = ", ".join(f"sum({name})::bigint as {name}" for name in CALL_COUNTS)
    traces = ", ".join(
        f"coalesce(arg_min({name}, hash({name})) filter ({name} <> ''), '') as {name}" for name in CALL_EXAMPLES
    )
    with duckdb.connect() as connection:
        connection.register("together", together)
        query = f"select {keys}, {counts}, {traces} from together group by {keys} order by {keys}"
        return connection.sql(query).to_arrow_table().cast(CALLS)


def observe(connection: duckdb.DuckDBPyConnection, window_s: int | None = None) -> Windows:
    """What detectors see of the telemetry behind `connection`; `window_s` None chooses the length."""
    found = summarize(connection)
    length = window_s or choose_window(*_calls_between(connection, found.start, found.end))
    calls = edge_calls(connection, length).to_pandas()
    changes = connection.execute(
        """select epoch_ns(Timestamp) / 1e9 as time, * exclude (Timestamp) from changes
        order by time, Kind, Target, Actor, Generation"""
    ).df()
    start = int(found.start // length) * length
    end = max(start, -int(-found.end // length) * length)
    return Windows(length, start, end, calls, signals(connection, length).to_pandas(), changes)


def _calls_between(connection: duckdb.DuckDBPyConnection, start: float, end: float) -> tuple[float, float]:
    """First and last moment of the spans, since they need the shortest windows; without spans, `start` and `end`."""
    query = "select epoch_ns(min(Timestamp)) / 1e9, epoch_ns(max(Timestamp)) / 1e9 from spans"
    first, last = connection.execute(query).fetchall()[0]
    return (start, end) if first is None else (float(first), float(last))
