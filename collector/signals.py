"""Samples -> `signals`: what metrics say of each component, window by window."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from .concepts import Concept, concepts_of, counts_outcomes, users_only
from .failures import quoted
from .labels import GRPC_LABELS, ROUTE_LABELS, STATUS_LABELS, WATCHED
from .model import SIGNALS, TIME
from .sides import bare_host

_POD_SUFFIX = "-[a-f0-9]{6,10}-[a-z0-9]{5}$"
"""What a Kubernetes Deployment appends to its own name in the names of its pods."""
_NAMESPACE = "^[^/]+/"
"""How Hubble begins the name of a pod."""
_BALANCER_PATH = "^(?:app|net|gwy)/([^/]+)/[a-f0-9]{8,}$"
"""How CloudWatch writes the name of a load balancer."""
_TARGET_SCHEME = "^(?:dns|xds|passthrough):/*"
"""What gRPC puts before the host in a target."""
_ASKED_AMISS = "501|505"
"""Statuses by which a server says that it does not know what was asked for: as gRPC's UNIMPLEMENTED, so of the 5xx are
no failures of its own (RFC 9110, 15.6.2 and 15.6.6)."""
_FAILED = "5|5xx|5\\d\\d|error|STATUS_CODE_ERROR|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|INTERNAL|UNAVAILABLE|DATA_LOSS"
"""Statuses that say that the callee failed: of HTTP, by class or in full, of spans, of gRPC. Its UNKNOWN is not among
them: elsewhere the word says that there was no status."""
_SWITCHED = "101"
"""Of a connection that goes on as another protocol: it lasts as long as its user stays, and is counted when it ends."""
_GRPC_FAILED = "(?i)2|4|8|13|14|15|unknown|deadline_?exceeded|resource_?exhausted|internal|unavailable|data_?loss"
"""gRPC's codes that do: as numbers, in capitals, or as Go writes them."""


_BY_OPERATOR = "Labels['endpoint'] <> '' and Labels['container'] <> '' and Labels['job'] <> ''"
"""Labels that the Prometheus operator gives all that it scrapes: there `service` is what stands before the pods to be
scraped, and `job` is that too, unless somebody says better (`jobLabel`)."""
_READ = {
    "job": "regexp_replace(Labels['job'], '^.*/', '')",  # OpenTelemetry's is the namespace and the name of a service
    "service": f"case when {_BY_OPERATOR} then '' else Labels['service'] end",
}
"""Labels that are not read as they are."""

SERIES = "hash(Name, Labels)"
"""The number of a series, cheaper to sort by than its labels; two are as seldom one as two spans are (`sides`)."""
_TABLES = ("signals_series", "signals_told", "signals_samples")

UNREAD = "unread"
"""The concept of what is not read, though it tells how something ended: detectors know of it that it was there."""

TOLD = pa.schema(
    {
        "series": pa.uint64(),
        **dict.fromkeys(("component", "concept", "item", "told_by"), pa.string()),
        **dict.fromkeys(("counter", "adds"), pa.bool_()),
        "scale": pa.float64(),
    }
)
"""What the labels of a series, which is known by its number, tell: a row for each concept that reads it."""
POINTS = pa.schema([("series", pa.uint64()), ("Timestamp", TIME), ("Value", pa.float64())])
"""Samples of numbered series."""


_NOTHING_TOLD = """select null::ubigint as series, '' as component, '' as concept, '' as item, '' as told_by,
    true as counter, true as adds, 1.0::double as scale where false"""


def signals(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """Condense the view `samples`; the result has schema SIGNALS.

    Counters give the increase within the window, a fall being a restart from zero; the first sample of a series
    increases by nothing. Gauges give their mean. A NaN (Prometheus's staleness marker) is no value.
    """
    names = _names(connection)
    unread = [_unread(name, window_s) for name in names if counts_outcomes(name)]
    try:
        _tell(connection, names)
        _place(connection, f"(select {SERIES} as series, Timestamp, Value from samples {_read_ones(names)})", window_s)
        return _together(connection, [_VALUES, *unread])
    finally:
        _forget(connection)


def signals_of(connection: duckdb.DuckDBPyConnection, window_s: int, told: pa.Table, points: pa.Table) -> pa.Table:
    """The same of samples of numbered series (POINTS; more columns are passed over), whose labels told TOLD."""
    connection.register("signals_given", told)
    connection.register("signals_points", points)
    try:
        connection.execute("create temp table signals_told as from signals_given")
        _place(connection, "signals_points", window_s)
        return _together(connection, [_VALUES])
    finally:
        _forget(connection)
        for name in ("signals_given", "signals_points"):
            connection.unregister(name)


def told_by_series(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """What the labels of each series in the view `samples` (of names and labels) tell; the result has schema TOLD."""
    try:
        _tell(connection, _names(connection))
        return connection.sql("select * from signals_told").to_arrow_table().cast(TOLD)
    finally:
        _forget(connection)


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return sorted(str(row[0]) for row in connection.execute("select distinct Name from samples").fetchall())


def _forget(connection: duckdb.DuckDBPyConnection) -> None:
    for table in _TABLES:
        connection.execute(f"drop table if exists temp.{table}")


def _tell(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Make `signals_told`: what labels tell is asked of each series once."""
    connection.execute(f"""
        create temp table signals_series as select {SERIES} as series, any_value(Name) as Name, any_value(Labels) as
        Labels from samples {_read_ones(names)} group by 1""")
    parts = [_told(name, concept) for name in names for concept in concepts_of(name)]
    connection.execute(f"create temp table signals_told as {' union all '.join([_NOTHING_TOLD, *parts])}")


def _place(connection: duckdb.DuckDBPyConnection, points: str, window_s: int) -> None:
    """Make `signals_samples`: points in their windows."""
    connection.execute(f"""
        create temp table signals_samples as
        select series, Timestamp, Value, {_window(window_s)} as "window" from {points} where not isnan(Value)""")


def _read_ones(names: Sequence[str]) -> str:
    listed = ", ".join(quoted(name) for name in names if concepts_of(name))
    return f"where Name in ({listed})" if listed else "where false"


def _window(window_s: int) -> str:
    return f"epoch_ns(Timestamp) // 1000000000 // {window_s} * {window_s}"


def _exact(value: str) -> str:
    """SQL for a sum that is the same in any order, which one of floating-point numbers is not: of billionths."""
    return f"sum(try_cast(round({value} * 1e9) as hugeint))::double / 1e9"


_VALUES = f"""
        with changes as (
            select series, "window",
                case when Value < lag(Value) over each then Value else Value - lag(Value) over each end as change
            from signals_samples semi join (from signals_told where counter) using (series)
            window each as (partition by series order by Timestamp, Value)
        ), values_told as (
            select series, "window", true as counter, {_exact("change")} as value
            from changes where change is not null group by series, "window"
            union all
            select series, "window", false, avg(Value)
            from signals_samples semi join (from signals_told where not counter) using (series)
            group by series, "window"
        )
        select "window", component, concept, item, told_by, value * scale as value, adds
        from values_told join signals_told using (series, counter)"""
"""SQL for the rows of each series, concept and window."""


def _together(connection: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> pa.Table:
    # several series of one component and item (pods, routes, status codes): counters add up, gauges average;
    # what an application, its proxy and its spans all count is counted once
    query = f"""
        with told as (
            select "window", component, concept, item, told_by, bool_or(adds) as adds,
                case when bool_or(adds) then {_exact("value")} else avg(value) end as value,
                min(value) as low, max(value) as high
            from ({" union all ".join(f"({part})" for part in parts)}) where component <> ''
            group by "window", component, concept, item, told_by)
        select "window", component, concept, item,
            case when bool_or(adds) then max(value) else avg(value) end as value, min(low) as low, max(high) as high
        from told group by "window", component, concept, item order by all"""
    return connection.sql(query).to_arrow_table().cast(SIGNALS)


def unknown_samples(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows of the view `samples` no concept reads."""
    counts = connection.execute("select Name, count(*) from samples group by Name").fetchall()
    return sum(int(count) for name, count in counts if not concepts_of(str(name)))


def unknown_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Metric names that no concept reads, sorted: what a user may want to add."""
    names = [str(row[0]) for row in connection.execute("select distinct Name from samples").fetchall()]
    return sorted(name for name in names if not concepts_of(name))


def _told(name: str, concept: Concept) -> str:
    """What a concept makes of the series of a name."""
    return f"""
        select series, {_component(concept)} as component, '{concept.name}' as concept, {_item(concept)} as item,
            '{concept.told_by}' as told_by, {concept.kind == "counter"} as counter, {concept.kind != "gauge"} as adds,
            {concept.scale}::double as scale
        from signals_series where Name = {quoted(name)} {_only(concept)}"""


def _unread(name: str, window_s: int) -> str:
    """How many samples with a status there are of a counter that no concept reads, as rows about its name."""
    return f"""select {_window(window_s)} as "window",
        {quoted(name)} as component, '{UNREAD}' as concept, '' as item, '' as told_by, count(*)::double as value,
        true as adds from samples where Name = {quoted(name)} and {_label((*STATUS_LABELS, *GRPC_LABELS))} <> ''
        group by 1"""


def _component(concept: Concept) -> str:
    named = _label(concept.component)
    if concept.about_hosts:
        return bare_host(f"regexp_replace({named}, '{_TARGET_SCHEME}', '')")
    # a zone may end with the root's dot, but the root is nothing but a dot
    owner = f"regexp_replace({named}, '{_NAMESPACE if concept.by_pod else _POD_SUFFIX}', '')"
    parts = f"regexp_replace({owner}, '([^.])[.]$', '\\1')"
    return f"regexp_replace({parts}, '{_BALANCER_PATH}', '\\1')"


def _item(concept: Concept) -> str:
    item = _label(concept.item)
    if concept.detail:
        item += f" || chr(9) || {_label(concept.detail)}"
    if not concept.words:
        return item
    return f"case {item} " + " ".join(f"when '{a}' then '{b}'" for a, b in concept.words) + f" else {item} end"


def _only(concept: Concept) -> str:
    """Which series a concept is about, where that is not all of the name."""
    only = "".join(f"and regexp_full_match({_label((label,))}, '{like}') " for label, like in concept.only)
    if users_only(concept):
        only += f"and not regexp_full_match({_label(ROUTE_LABELS)}, '{WATCHED}') "
        only += f"and {_label(STATUS_LABELS)} <> '{_SWITCHED}' "
    only += "".join(f"and not regexp_full_match({_label((label,))}, '{like}') " for label, like in concept.unless)
    if not concept.failures_only:
        return only
    status = _label(STATUS_LABELS)
    failed_status = f"(regexp_full_match({status}, '{_FAILED}') and not regexp_full_match({status}, '{_ASKED_AMISS}'))"
    failed_grpc = f"regexp_full_match({_label(GRPC_LABELS)}, '{_GRPC_FAILED}')"
    error_type = "coalesce(Labels['error_type'], '')"
    # a client's error.type is often its status: one below 500 is the caller's own mistake
    says_error = f"({error_type} <> '' and not regexp_full_match({error_type}, '[1-4]\\d\\d|{_ASKED_AMISS}'))"
    return f"{only}and ({failed_status} or {failed_grpc} or {says_error})"


def _label(labels: tuple[str, ...]) -> str:
    """The first of the labels that is there and not empty, as SQL."""
    if not labels:
        return "''"
    return "coalesce(" + ", ".join(f"nullif({_READ.get(label, _plain(label))}, '')" for label in labels) + ", '')"


def _plain(label: str) -> str:
    return f"Labels['{label}']"
