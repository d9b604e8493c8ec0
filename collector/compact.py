"""Spans -> one narrow row each, with only what counting needs: attribute maps and texts are read once, here.

Ids are hashed to 64 bits, which makes the join of 10 million spans several times cheaper; by the birthday bound two
of them collide with a probability below one in a hundred thousand.
"""

from __future__ import annotations

import duckdb

from .failures import classify_sql

_PEER = """lower(coalesce(nullif(regexp_extract(coalesce(
    SpanAttributes['server.address'], SpanAttributes['net.peer.name'], SpanAttributes['service.peer.name'],
    SpanAttributes['peer.service'], SpanAttributes['http.host'],
    regexp_extract(coalesce(SpanAttributes['url.full'], SpanAttributes['http.url'], ''), '://([^/?#]+)', 1)
    ), '^(?:[^@]*@)?(\\[[^\\]]*\\]|[^:]*)', 1), ''), ''))"""
"""The host that the client addressed: the new and the old conventions, without user and port, in lower case."""

_STATUS = (
    "try_cast(coalesce(SpanAttributes['http.response.status_code'], SpanAttributes['http.status_code']) as integer)"
)
_GRPC = "coalesce(SpanAttributes['rpc.grpc.status_code'], SpanAttributes['rpc.response.status_code'], '')"
_GRPC_FAILURES = """('2', '4', '8', '13', '14', '15', 'UNKNOWN', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'INTERNAL',
    'UNAVAILABLE', 'DATA_LOSS')"""
"""The server's or the network's failures; the other codes are the caller's own mistakes, as HTTP's 4xx are."""

_FAILED = f"""(StatusCode = 'Error' and not (SpanKind = 'Server' and coalesce({_STATUS}, 0) between 400 and 499)
    or coalesce({_STATUS}, 0) >= 500 or {_GRPC} in {_GRPC_FAILURES})"""

_HELPER = """(SpanName = 'dns.lookup' or SpanName ilike 'dns lookup %' or SpanName in ('tcp.connect', 'tls.connect')
    or SpanAttributes['dns.question.name'] is not null)"""
"""Spans of resolving and connecting: never a call themselves, but they know why the call beside them failed."""

_EXCEPTIONS = """array_to_string(list_transform(coalesce(Events, []), lambda event: concat_ws(' ',
    event.Attributes['exception.type'], event.Attributes['exception.message'])), ' ')"""

_SAID = f"concat_ws(' ', StatusMessage, {_EXCEPTIONS}, SpanAttributes['error.type'])"

_HIDDEN = "greatest(coalesce(try_cast(SpanAttributes['retry_attempts'] as integer), 0), 0)"
"""Attempts that the client made inside this one span, after the first (botocore)."""

_RESEND = """coalesce(try_cast(coalesce(SpanAttributes['http.request.resend_count'],
    SpanAttributes['http.resend_count']) as integer), 0) > 0"""


def create_compact(connection: duckdb.DuckDBPyConnection, window_s: int) -> None:
    """Create the temporary table `compact` from the views `spans` and `logs`.

    Columns: tid, sid, pid (hashes of the trace, of the span and of its parent), root, kind (0 not recorded,
    1 internal, 2 server or consumer, 3 client or producer), service, name (hash), window, start, duration (ns),
    failed, class, peer, status, helper, hidden, resend. A span that was recorded twice is there once.
    """
    connection.execute("drop table if exists compact")
    connection.execute(
        f"""create temp table compact as
        select hash(TraceId) as tid, hash(TraceId, SpanId) as sid, hash(TraceId, ParentSpanId) as pid,
            ParentSpanId = '' as root,
            case SpanKind when '' then 0 when 'Server' then 2 when 'Consumer' then 2 when 'Client' then 3
                when 'Producer' then 3 else 1 end::tinyint as kind,
            ServiceName as service, hash(SpanName) as name, epoch_ns(Timestamp) as start,
            epoch_ns(Timestamp) // 1000000000 // {window_s} * {window_s} as "window",
            greatest(Duration, 0) as duration, {_FAILED} as failed, {_PEER} as peer,
            {_STATUS} as status, {_HELPER} as helper, {_HIDDEN} as hidden, {_RESEND} as resend,
            case when {_FAILED} then {classify_sql(_SAID)} else '' end as class
        from spans"""
    )
    (twice,) = connection.execute("select count(*) > count(distinct sid) from compact").fetchall()[0]
    if twice:
        connection.execute(
            """create or replace temp table compact as select * from compact
            qualify row_number() over (partition by sid order by duration desc, start, name) = 1"""
        )
    _add_words_of_logs(connection)
    _add_words_of_helpers(connection)


def _add_words_of_logs(connection: duckdb.DuckDBPyConnection) -> None:
    """Failed spans that do not say why take the words of the log records written inside them."""
    record = "concat_ws(' ', Body, LogAttributes['exception.type'], LogAttributes['exception.message'])"
    said = f"string_agg({record}, ' ' order by Timestamp)"
    connection.execute(
        f"""update compact set class = said.class from (
            select hash(TraceId, SpanId) as sid, {classify_sql(said)} as class
            from logs where SpanId <> '' and upper(SeverityText) not in ('TRACE', 'DEBUG', 'INFO') group by 1
        ) said
        where compact.sid = said.sid and compact.failed and compact.class = '' and said.class <> ''"""
    )


def _add_words_of_helpers(connection: duckdb.DuckDBPyConnection) -> None:
    """A failed call takes the class of the failed look-up or connection below it, or else beside it.

    Node's instrumentation puts those spans under the call where it knows it, and under the call's parent otherwise.
    """
    for link in ("compact.sid = helper.pid", "compact.pid = helper.pid"):
        connection.execute(
            f"""update compact set class = helper.class from (
                select pid, min(class) as class from compact where helper and failed and class <> '' group by pid
            ) helper
            where {link} and not compact.helper and compact.kind = 3 and compact.failed
                and compact.class in ('', 'connect')"""
        )
