"""Spans -> `texts`: the words of failures that no pattern of `failures` knows, a few of them a window.

What a class cannot say ("other", "server") the words often do. Where they stand beside a class that is known they say
nothing new. Numbers, quoted names and paths are masked, so that one text is one text however often it is said.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from .engine import in_passing
from .failures import rank_sql
from .model import TEXTS
from .sides import ID, IS_CLIENT, IS_SERVER, LOUD, RECORD, forget_facts, masked, tell_facts

MOST_TEXTS = 10
"""Of a component in a window. The eleventh text in frequency is at most one failure in eleven: a detail."""

_MERGED = """select * exclude (failed), sum(failed)::bigint as failed from together
    group by all having sum(failed) > 0 order by all"""


def unseen_texts(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """Count the unseen words of failed spans in the views `spans` and `logs`; the result has schema TEXTS.

    window_s: length of the windows in seconds.
    """
    tell_facts(connection)
    try:
        return texts_of_facts(connection, window_s)
    finally:
        forget_facts(connection)


def texts_of_facts(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """The same of `calls_facts` (`sides.FACTS`) instead of `spans`."""
    return connection.sql(_query(window_s)).to_arrow_table().cast(TEXTS)


def merge_texts(parts: Iterable[pa.Table]) -> pa.Table:
    """Add up tables of TEXTS; what was taken away altogether is no row."""
    together = pa.concat_tables([TEXTS.empty_table(), *parts])
    with in_passing() as connection:
        connection.register("together", together)
        return connection.sql(_MERGED).to_arrow_table().cast(TEXTS)


def _query(window_s: int) -> str:
    # only spans that say that they failed have words; to ask them first spares reading the attributes of all others
    return f"""
        with failing as (
            select sid, start, service, peer, addressed, rank, text, {IS_CLIENT} as is_client from calls_facts
            where error and failed and ({IS_CLIENT} or {IS_SERVER} or kind = '')
        ), records as (
            select {ID} as sid, max_by({RECORD}, row(Timestamp, {RECORD})) as record from logs
            where SpanId <> '' and {LOUD} group by 1
        ), told as (
            select start // 1000000000 // {window_s} * {window_s} as "window",
                case when not is_client then service when addressed then peer else '' end as component,
                case when is_client then 'client' else 'server' end as side,
                case when coalesce(rank, {rank_sql("record")}) is not null then ''
                    when text <> '' then text else coalesce({masked("record")}, '') end as text
            from failing left join records using (sid)
        ), counted as (
            select "window", component, side, case when regexp_matches(text, '\\pL') then text else '' end as text,
                count(*) as failed
            from told where component <> '' group by all
        ), ordered as (
            select *, row_number() over same as nth from counted
            window same as (partition by "window", component, side order by text = '', failed desc, text)
        )
        select "window", component, side, case when nth <= {MOST_TEXTS} then text else '' end as text,
            sum(failed) as failed
        from ordered group by all order by all"""
