"""What one span says of a call: the SQL expressions that read attribute maps and texts, each of them once.

Ids become 64-bit hashes of (TraceId, SpanId), which makes joins several times cheaper; by the birthday bound any two
of 10 million spans collide with a probability of about 3 in a million.
"""

from __future__ import annotations

import re

import duckdb

from .failures import LOOKUP_S, RANK, host_sql, late_sql, quoted, rank_sql

TRACE = "hash(TraceId)"
ID = f"hash({TRACE}, SpanId)"
PARENT = f"case when ParentSpanId <> '' then hash({TRACE}, ParentSpanId) end"


def _first(*names: str) -> str:
    return "coalesce(" + ", ".join(f"nullif(SpanAttributes['{name}'], '')" for name in names) + ")"


_HOST = _first("server.address", "net.peer.name", "http.host")
_AUTHORITY = (
    f"nullif(regexp_extract({_first('url.full', 'http.url')}, '^[a-zA-Z+.-]+://(?:[^/?#@]*@)?([^/?#]+)', 1), '')"
)
# coalesce alone tries the pattern on every span, also where it is not asked for
_ADDRESSED = f"""coalesce({_HOST}, case when {_HOST} is null and {_first("url.full", "http.url")} is not null
    then {_AUTHORITY} end,
    {_first("service.peer.name", "peer.service", "rpc.service", "messaging.destination.name")}, '')"""


def bare_host(address: str) -> str:
    """SQL for a host name in lower case, without port, IPv6 brackets and the root's dot."""
    bare = rf"regexp_replace(lower({address}), '^\[([^\]]*)\](?::\d+)?$|^([^:]*):\d+$', '\1\2')"
    # most have neither port nor brackets, and to try the pattern is the dearest part of reading a span
    odd = f"contains({address}, ':') or contains({address}, '[')"
    return f"rtrim(case when {odd} then {bare} else lower({address}) end, '.')"


_STATUS = f"try_cast({_first('http.response.status_code', 'http.status_code')} as integer)"
_GRPC = _first("rpc.grpc.status_code", "rpc.response.status_code", "rpc.status_code")

# HTTP 4xx and their gRPC kin are the caller's own mistakes, even though conventions set a client span's status to
# Error for them; 429 and RESOURCE_EXHAUSTED are not: there the callee says that it has had enough.
# A pattern and no list of texts: DuckDB makes a hash join of `in` each time that it is asked.
_GRPC_FAILURES = "'2|4|8|13|14|15|UNKNOWN|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|INTERNAL|UNAVAILABLE|DATA_LOSS'"
FAILED = f"""case when {_STATUS} between 400 and 499 then {_STATUS} = 429
    else StatusCode = 'Error' or coalesce({_STATUS} >= 500, false)
        or coalesce(regexp_full_match({_GRPC}, {_GRPC_FAILURES}), false)
    end"""

_EVENTS = """array_to_string(list_transform(Events, lambda event: concat_ws(': ',
    event."Attributes"['exception.type'], event."Attributes"['exception.message'])), ' ')"""
_CODES = f"case {_GRPC} when '4' then 'DEADLINE_EXCEEDED' when '14' then 'UNAVAILABLE' else {_GRPC} end"
WORDS = f"concat_ws(' ', StatusMessage, {_EVENTS}, {_first('error.type')}, {_CODES})"
"""Everything that a span says of why it failed; instrumentations differ in where they say it."""

_EXCEPTION = """list_filter(Events, lambda event: coalesce(event."Attributes"['exception.message'], '') <> '')[1]"""
_OWN_WORDS = f"coalesce({_EXCEPTION}.\"Attributes\"['exception.message'], nullif(StatusMessage, ''), '')"
"""The exception's own words, else the status message, which is often its class alone."""

_ESCAPED = f"""concat_ws(' ', StatusMessage, {_EXCEPTION.removesuffix("[1]")}[-1]."Attributes"['exception.message'])"""
"""What ended a span, after all that it got over: the last exception, and the status."""

LONGEST = 200
"""Characters of a text: the sentence that a person reads. What follows it is a trace of the stack."""

_VARIES = r"""'[^']*'|"[^"]*"|`[^`]*`|[^\s,;()<>=]*[\d/@\\][^\s,;()<>=]*"""
"""Quoted words, and words with a number or a path in them: an id, an address, a time, a name."""


def masked(words: str) -> str:
    """SQL for a text without what varies from failure to failure."""
    return f"trim(regexp_replace(left({words}, {LONGEST}), {quoted(_VARIES)}, '#', 'g'))"


PEER = bare_host("address")
_PEER_OR_WORDS = f"case when address <> '' then {PEER} when failed then {host_sql('words')} else '' end"

LOOKUP = """(SpanName in ('dns.lookup', 'http.dns') or starts_with(SpanName, 'DNS lookup ')
    or coalesce(SpanAttributes['dns.question.name'], '') <> '')"""
STEP = f"""({LOOKUP} or SpanName in ('tcp.connect', 'tls.connect', 'http.getconn', 'http.connect', 'http.tls',
    'http.send', 'http.receive', 'http.headers'))"""
"""Steps inside one attempt, as Node's dns and net and Go's httptrace instrumentation record them, some as kind Client.

They are no attempts, but they know why the attempt around or beside them failed.
"""
_NO_CLIENT = "SpanKind in ('Server', 'Consumer', 'Internal')"
_STEP_PEER = f"""coalesce(nullif({bare_host("coalesce(SpanAttributes['dns.question.name'], '')")}, ''),
    nullif({PEER}, ''), {host_sql("words")})"""

_BRIEF = f"""TraceId, {TRACE} as tid, {ID} as sid, {PARENT} as pid, epoch_ns(Timestamp) as start,
    greatest(Duration, 0) as duration, ServiceName as service, SpanKind as kind, ParentSpanId = '' as root,
    {STEP} as step, StatusCode = 'Error' as error"""
# of children of one span, so that half of a hash tells them apart
_NAME = f"""(hash(case when not {STEP} then {_first("url.full", "http.url")} end, SpanName) & 4294967295)::uinteger"""
FACTS = f"""
select {_BRIEF}, failed, {_NAME} as name, {LOOKUP} as lookup, case when failed then {rank_sql("words")} end as rank,
    failed and {late_sql("words")} as late,
    case when {STEP} then case when failed or {LOOKUP} then {_STEP_PEER} end
        when not {_NO_CLIENT} then {_PEER_OR_WORDS}
        when failed then nullif({host_sql(_ESCAPED)}, '') end as peer, address <> '' as addressed,
    {_STATUS} is not null as responded,
    coalesce(try_cast(SpanAttributes['retry_attempts'] as usmallint), 0)::integer as hidden,
    coalesce(try_cast({_first("http.request.resend_count", "http.resend_count")} as integer) > 0, false) as resend,
    case when StatusCode = 'Error' and failed then {masked(_OWN_WORDS)} end as text
from (
    select *, {FAILED} as failed, {_ADDRESSED} as address, case when {FAILED} then {WORDS} end as words from spans
)
"""
"""What each span says, once: all that follows reads these columns, of this as a view or of rows that were kept.

rank: the class of the words (`failures.RANK`), NULL where they tell of none. late: they say that time ran out, in
whatever. responded: an HTTP status came back.
hidden: attempts inside this one span after the first (botocore's retry_attempts). resend: says that it is a retry.
text: the words, with what varies masked.
"""


def tell_facts(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary views `calls_facts` and, of its columns that read no words, `calls_brief`.

    To plan a query takes tens of milliseconds for what reads words, whether it asks for them or not.
    """
    connection.execute(f"create temp view calls_facts as {FACTS}")
    connection.execute(f"create temp view calls_brief as select {_BRIEF}, {FAILED} as failed from spans")


def forget_facts(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop them."""
    for name in ("calls_facts", "calls_brief"):
        connection.execute(f"drop view if exists temp.{name}")


ATTRIBUTES_READ = tuple(sorted(set(re.findall(r"SpanAttributes\['([^']+)'\]", FACTS))))
"""The span attributes that are read."""
EVENT_ATTRIBUTES_READ = tuple(sorted(set(re.findall(r"\"Attributes\"\['([^']+)'\]", FACTS))))
"""The attributes of events that are read."""

IS_CLIENT = "(kind in ('Client', 'Producer') and not step)"
IS_SERVER = "kind in ('Server', 'Consumer')"

CLIENTS = f"""
select sid, pid, tid, start, duration, service, root, name, coalesce(peer, '') as peer, failed, rank, late, responded,
    hidden, resend, addressed, kind = 'Producer' and peer <> '' as sent
from calls_told where {IS_CLIENT}
"""
"""Client and producer spans: the attempts as their callers saw them."""

SERVERS = f"""
select sid, pid, tid, start, duration, service, root and kind = 'Server' as entry, failed
from calls_sides where {IS_SERVER}
"""

UNTOLD = f"""
select sid, tid, start, duration, service, peer, rank
from calls_facts
where {_NO_CLIENT.replace("SpanKind", "kind")} and not step and failed and peer <> '' and rank <= {RANK["deadline"]}
"""
"""What is no attempt, and failed by words of one that reached nobody: drivers of stores make no span of connecting."""

STEPS = f"""
select sid, pid, tid, start, duration, service, root, name, peer, lookup, rank, failed
from calls_told where step and (failed or lookup and duration >= {round(LOOKUP_S * 1e9)})
"""
"""The steps that failed, and the look-ups that were so slow that their calls may have failed."""

# glibc's and urllib3's words of a broken attempt that was tried again inside the same span.
_RETRIED = r"count(*) filter (regexp_matches(Body, '^Retrying \(Retry\('))"
RECORD = "concat_ws(' ', Body, LogAttributes['exception.type'], LogAttributes['exception.message'])"
LOUD = "upper(SeverityText) not in ('TRACE', 'DEBUG', 'INFO')"

SAID = f"""
select {ID} as sid, min({rank_sql(RECORD)}) as rank, {_RETRIED}::usmallint as retried
from logs where SpanId <> '' and {LOUD}
group by 1 having rank is not null or retried > 0
"""
"""Log records written inside a span: OpenTelemetry moves exceptions from span events to log records.

A record explains a failure but does not make one: libraries log what they then get over.
retried: urllib3's warnings of attempts that its one span hides.
"""


def tell_kinds(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary views `calls_told` and `calls_sides`: the facts and the brief ones, with all kinds.

    Without kinds, a root or a span below another service's is the server's side. Its parent is the client's side
    if it stands inside its own service around nothing but this one span; a parent that is itself a server's side,
    or is around more, is the caller's own work, whose duration says nothing of the call.
    """
    (unknown,) = connection.execute("select count(*) from (from calls_brief where kind = '' limit 1)").fetchall()[0]
    if unknown:
        connection.execute(f"create temp table calls_kinds as {_KINDS}")
    for view, of in (("calls_told", "calls_facts"), ("calls_sides", "calls_brief")):
        connection.execute(f"create temp view {view} as {_INFERRED.format(of=of) if unknown else f'from {of}'}")


_INFERRED = """
select facts.* replace (coalesce(nullif(kind, ''), inferred, 'Internal') as kind)
from {of} facts left join calls_kinds on kind = '' and facts.sid = calls_kinds.sid
"""
_KINDS = """
with narrow as (
    select distinct sid, pid, service, kind = '' as unknown from calls_brief
), remote as (
    select child.sid, child.pid from narrow child join narrow parent on child.pid = parent.sid
    where child.service <> parent.service
), servers as (
    select sid from narrow where unknown and pid is null union select sid from remote
), lone as (
    select pid from narrow where pid is not null group by pid having count(distinct sid) = 1
)
select sid, case when sid in (from servers) then 'Server' else 'Client' end as inferred
from narrow where unknown and (sid in (from servers)
    or sid in (select pid from remote) and sid in (from lone))
group by all
"""
