"""Spans -> attempts: the two sides of each call, paired by parent.

Clocks never pair anything, so their skew makes no edges. All that follows from one trace follows from that trace
alone, which is what lets the counts of disjoint sets of traces be added.

An attempt is one of these:
- a client span with the server span below it;
- a server span without a client span: its parent is the caller's own work, or is not in the data, or there is none;
- a client span that no server span stands below, unless it wraps the client spans of a lower layer in its own
  service (an SDK's operation around its HTTP requests): then those are the attempts;
- each of several server spans of one service below one client span: a client that tries again inside one span;
- a failed look-up, or connection, that no client span stands around or beside: the span of its call never ended, or a
  driver makes none;
- what its caller says it failed by, where that is an attempt that reached nobody, and no span of that trace is of one.

To send a message is a call to its broker, by whose name nobody is reached who reads it: that is another call, of which
only the reader's side is seen.

A call whose time ran out while its look-up still waited failed in that: clients that give up before their resolver
does say no more than that time ran out.
"""

from __future__ import annotations

import duckdb

from .failures import RANK
from .sides import CLIENTS, IS_CLIENT, IS_SERVER, SAID, SERVERS, STEPS, UNTOLD, tell_kinds

VIEWS = ("calls_attempts", "calls_loose", "calls_told", "calls_sides")
TABLES = (
    *("calls_kinds", "calls_said", "calls_pairs", "calls_crowded", "calls_steps", "calls_others"),
    *("calls_below", "calls_above", "calls_odd"),
)

# ---------------------------------------------------------------------------------------------------------------------
# one row a client span, a server span, or both

_SAYING = f"""
select c.* replace (least(c.rank, said.rank) as rank, greatest(hidden, coalesce(retried, 0)) as hidden)
from ({CLIENTS}) c left join calls_said said on c.sid = said.sid
"""
_PAIRS = f"""
select c.sid as c_sid, s.sid as s_sid, c.pid as c_pid, s.pid as s_pid, coalesce(c.tid, s.tid) as tid,
    c.service as client, s.service as server, case when c.addressed or s.sid is null then c.peer else '' end as peer,
    c.name, c.sent, coalesce(c.start, s.start) as start,
    c.duration as client_ns, s.duration as server_ns, c.failed as c_failed, s.failed as s_failed,
    c.rank, c.late, c.responded, c.hidden, c.resend, coalesce(c.root, s.entry) as root
from ({SERVERS}) s
full join ({{clients}}) c on case when not c.sent then c.sid end = s.pid
"""


def pair(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary view `calls_attempts` from the facts (`sides`) and the view `logs`: one row an attempt.

    Columns: id, tid (hash of the trace), client, server ("" = not seen), peer, name (hash), pid (parent of the client
    span, NULL where there is none), start, client_ns (NULL = not seen), server_ns (NULL = not answered), uncovered_ns,
    entry, failed, rank (of the class if it failed), wasted, hidden, again (said or known to be a retry).
    """
    tell_kinds(connection)
    connection.execute(f"create temp table calls_said as {SAID}")
    (records,) = connection.execute("select count(*) from calls_said").fetchall()[0]
    connection.execute(f"create temp table calls_pairs as {_PAIRS.format(clients=_SAYING if records else CLIENTS)}")
    crowded = _is_crowded(connection)
    if crowded:
        connection.execute(f"create temp table calls_crowded as {_CROWDED}")
    connection.execute(f"create temp table calls_steps as {STEPS}")
    connection.execute(f"create temp view calls_loose as {_LOOSE + _FANS if crowded else _LOOSE}")
    connection.execute(f"create temp table calls_others as {_OTHERS}")
    connection.execute(f"create temp table calls_below as {_BELOW}")
    connection.execute(f"create temp table calls_above as {_ABOVE}")
    connection.execute(f"create temp table calls_odd as {_ODD}")
    connection.execute(f"create temp view calls_attempts as {_ATTEMPTS.format(but=_NOT_CROWDED if crowded else '')}")


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what `pair` made, whether it came to its end or not."""
    for kind, names in (("view", VIEWS), ("table", TABLES)):
        for name in names:
            connection.execute(f"drop {kind} if exists temp.{name}")


# ---------------------------------------------------------------------------------------------------------------------
# spans recorded twice, and clients with several servers

# A lonely server has a key of its own: where client and server share an id, as Zipkin's shared spans do, that client
# must not look like its copy, or what becomes of it would depend on whether other traces hold copies.
_KEY = "coalesce(c_sid, ~s_sid)"

_CROWDED = f"select {_KEY} as key from calls_pairs group by key having count(*) > 1"
_NOT_CROWDED = f"and {_KEY} not in (from calls_crowded)"


def _is_crowded(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether some span was recorded twice, or some client span has several servers.

    Counting is cheap and finding is not: where every client and server span is in one row of the pairs, nothing is
    there twice but perhaps among those that found no partner, which are few.
    """
    told = f"select count(*) filter ({IS_CLIENT}), count(*) filter ({IS_SERVER}), 0 from calls_sides"
    paired = f"""select count(c_sid), count(s_sid), (
            select count(*) - count(distinct {_KEY}) from calls_pairs where c_sid is null or s_sid is null
        ) from calls_pairs"""
    return connection.execute(told).fetchall() != connection.execute(paired).fetchall()


_LOOSE = """
select *, 1 as nth, 1 as fan, server_ns as below_ns from calls_pairs where (c_sid is null or s_sid is null)
"""

# The longest copy of a span counts. Of several server spans of one service below one client span, one whose fate is
# the client's answered what the client saw; of the others only the server's side is known.
_FANS = f"""{_NOT_CROWDED}
union all by name
select *, row_number() over of_one as nth, count(*) over all_of_one as fan, sum(server_ns) over all_of_one as below_ns
from (
    select * from calls_pairs where {_KEY} in (from calls_crowded)
    qualify row_number() over (partition by c_sid, s_sid order by client_ns desc, server_ns desc, start,
        c_failed desc, s_failed desc, rank, client, server, peer, name, hidden desc, c_pid, s_pid) = 1
)
window of_one as (partition by {_KEY}, server order by s_failed is distinct from c_failed, s_sid),
    all_of_one as (partition by {_KEY}, server)
"""

# ---------------------------------------------------------------------------------------------------------------------
# client spans without a server span, and server spans without a client span

_LONELY_CLIENTS = "from calls_loose where c_sid is not null and s_sid is null"
_LONELY_SERVERS = "from calls_loose where c_sid is null and s_pid is not null"

# Spans that are no side of a call, and stand directly around a lonely server or below a lonely client.
_OTHERS = f"""
select sid, pid, service, duration, failed
from calls_sides where kind not in ('Client', 'Producer', 'Server', 'Consumer')
    and (sid in (select s_pid {_LONELY_SERVERS}) or pid in (select c_sid {_LONELY_CLIENTS}))
"""

_BELOW = f"""
with children as (
    select c_sid as sid, c_pid as pid, client as service, client_ns as duration, c_failed as failed, true as calls
    from calls_pairs
    union all
    select sid, pid, service, duration, failed, false from calls_others
)
select c_sid as sid, bool_or(calls and service = client) as wraps,
    min_by({{'service': service, 'duration': duration, 'failed': failed}}, row(children.sid, -duration))
        filter (service <> client) as answer
from (select c_sid, client {_LONELY_CLIENTS}) join children on pid = c_sid
group by c_sid
"""

_ABOVE = f"""
with parents as (
    select s_sid as sid, server as service, false as sent from calls_pairs
    union all
    select sid, service, false from calls_others
    union all
    select c_sid, client, true from calls_pairs where sent
)
select pid, below, min(service) as service, bool_or(service = below and not sent) as nested
from (select s_pid as pid, server as below {_LONELY_SERVERS}) join parents on sid = pid
group by pid, below
"""


def _fate(answered: str, wasted: str) -> str:
    """The class of a failed attempt: what a server answered with tells nothing of the way to that server."""
    return f"""case when {answered} and (rank = {RANK["deadline"]} or {wasted}) then {RANK["deadline"]}
        when {answered} then {RANK["server"]} else coalesce(rank, {RANK["other"]}) end::utinyint"""


_WASTED = "coalesce(c_failed and server_ns > client_ns, false)"

_ODD = f"""
with beside as (
    select pid, peer, min(rank) as rank from calls_steps where failed group by pid, peer
), around as (
    select pid, min(rank) as rank from calls_steps where failed group by pid
), slow as (
    select sid, pid, start as since, start + duration as until, coalesce(peer, '') as peer
    from calls_steps where not failed
), alone as (
    select slow.sid from slow join calls_pairs calls on slow.pid = calls.c_pid
    where calls.start < until and since < calls.start + client_ns
    group by slow.sid having count(distinct c_sid) = 1
), stuck as (
    select distinct c_sid as sid from (
        select loose.*, since, until from calls_loose loose join slow on loose.c_sid = slow.pid
        union all
        select loose.*, since, until from calls_loose loose join slow on loose.c_pid = slow.pid
        where case when '' in (loose.peer, slow.peer) then slow.sid in (from alone) else loose.peer = slow.peer end
    ) where late and s_sid is null and not responded
        and until >= start + client_ns and 2 * (start + client_ns - greatest(since, start)) > client_ns
), known as (
    select loose.* replace (
            case when s_sid is null then least(loose.rank, around.rank, case when coalesce(loose.rank,
                {RANK["other"]}) > {RANK["dns_unspecified"]} then beside.rank end,
                case when stuck.sid is not null then {RANK["dns_timeout"]}::utinyint end) else loose.rank end as rank,
            coalesce(loose.server, answer.service) as server, coalesce(server_ns, answer.duration) as server_ns,
            coalesce(s_failed, answer.failed) as s_failed,
            coalesce(loose.client, above.service) as client
        ), c_sid is not null and nth = 1 as seen, s_sid is not null or answer is not null as answered
    from calls_loose loose
    left join around on loose.c_sid = around.pid and loose.c_failed
    left join beside on loose.c_pid = beside.pid and loose.peer = beside.peer and loose.c_failed
    left join stuck on loose.c_sid = stuck.sid
    left join calls_below below on loose.c_sid = below.sid and loose.s_sid is null
    left join calls_above above on loose.c_sid is null and loose.s_pid = above.pid and loose.server = above.below
    where not coalesce(wraps, false) and not coalesce(nested, false)
)
select hash(c_sid, s_sid) as id, tid, coalesce(client, '') as client, coalesce(server, '') as server,
    coalesce(peer, '') as peer, name, case when seen then c_pid end as pid, start,
    case when seen then client_ns end as client_ns, case when answered then server_ns end as server_ns,
    case when answered and seen then greatest(client_ns - coalesce(below_ns, server_ns), 0) end as uncovered_ns,
    root and nth = 1 as entry,
    coalesce(s_failed, false) or coalesce(seen and c_failed, false) as failed,
    {_fate("(answered or coalesce(responded, false))", _WASTED)} as rank, seen and answered and {_WASTED} as wasted,
    case when seen then greatest(hidden + 1 - fan, 0) else 0 end as hidden, coalesce(resend, false) or nth > 1 as again
from known
union all
select sid, tid, service, '', coalesce(peer, ''), name, pid, start, duration, NULL, NULL, root and lookup, true,
    coalesce(rank, case when lookup then {RANK["dns_unspecified"]} else {RANK["connect"]} end)::utinyint,
    false, 0, false
from calls_steps steps
anti join calls_pairs around on around.c_sid = steps.pid
anti join (select c_pid, peer from calls_pairs where c_failed) beside
    on beside.c_pid = steps.pid and beside.peer in ('', steps.peer)
anti join calls_pairs during on during.tid = case when not steps.lookup then steps.tid end
    and during.client = steps.service and steps.start between during.start and during.start + during.client_ns
anti join (select pid from calls_steps where lookup and failed) below on below.pid = steps.sid
anti join (select pid from calls_steps where lookup and failed) sought
    on sought.pid = case when not steps.lookup then steps.pid end
where failed
qualify row_number() over (partition by sid order by duration desc, start) = 1
union all
select sid, tid, service, '', peer, 0, sid, start, duration, NULL, NULL, false, true, rank, false, 0, false
from ({UNTOLD}) untold
anti join calls_pairs told on told.tid = untold.tid and told.client = untold.service and told.c_failed
anti join calls_steps steps on steps.tid = untold.tid and steps.service = untold.service and steps.failed
qualify row_number() over (partition by tid, service order by duration, start, sid) = 1
"""

_ATTEMPTS = f"""
select c_sid as id, tid, client, server, peer, name, c_pid as pid, start, client_ns, server_ns,
    greatest(client_ns - server_ns, 0) as uncovered_ns, root as entry, c_failed or s_failed as failed,
    {_fate("true", _WASTED)} as rank, {_WASTED} as wasted, hidden, resend as again
from calls_pairs
where c_sid is not null and s_sid is not null {{but}}
union all
from calls_odd
"""
