"""Parquet files of many makers -> views in exactly the model's columns.

Files are read where they are. Optional columns that a file lacks become empty; the flattened `Events.*` arrays of
ClickHouse become one list of events; the exporter's older words for kinds and status become today's; durations
below zero (a clock was set back; as an unsigned number it is enormous) become 0. Text columns that the model does
not know become labels (samples) or, where a file has no ResourceAttributes, resource attributes (spans, logs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from .casts import nothing_sql, number_sql, quoted, source_rules, value_sql, wrong_type
from .columns import EARLIEST_NS, LATEST_NS
from .errors import UnreadableInput
from .model import SPANS_REQUIRED, TABLES

REQUIRED = {
    "spans": SPANS_REQUIRED,
    "changes": ("Timestamp", "Kind", "Target"),
    "samples": ("Timestamp", "Name", "Value"),
    "logs": ("Timestamp", "Body"),
}
_ALIASES = {"MetricName": "Name"}

_EVENTS = 'STRUCT("Timestamp" TIMESTAMP_NS, "Name" VARCHAR, "Attributes" MAP(VARCHAR, VARCHAR))[]'
_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.timestamp("ns"): "TIMESTAMP_NS",
    pa.map_(pa.string(), pa.string()): "MAP(VARCHAR, VARCHAR)",
}

_ATTRIBUTE_NAMES = {"PodName": "k8s.pod.name", "NodeName": "k8s.node.name", "Namespace": "k8s.namespace.name"}
_LABEL_NAMES = {"PodName": "k8s_pod_name", "NodeName": "k8s_node_name", "ServiceName": "service_name"}
_NOT_ATTRIBUTES = {"TraceState", "ScopeName", "ScopeVersion", "ScopeSchemaUrl", "ResourceSchemaUrl"}
"""Columns of the exporter that tell nothing about the resource."""

OWN_MARK = {b"epicenter": b"recording/1"}
"""Parquet metadata of the files that Epicenter wrote: the model's columns, words and types, no nulls to fill."""


@dataclass(frozen=True)
class Shape:
    """What a Parquet file's columns are: files of one shape are read as one.

    types: column -> DuckDB type, in the file's order. own: it bears OWN_MARK, so its columns are taken as they are.
    """

    types: tuple[tuple[str, str], ...]
    own: bool


def table_of(path: Path) -> str:
    """Which table a Parquet file holds, told by its columns.

    Raises UnreadableInput where the file is no Parquet, or its columns are those of no table.
    """
    columns = _columns_of(path)
    known = columns | {_ALIASES[name] for name in columns if name in _ALIASES}
    missing = {table: [name for name in names if name not in known] for table, names in REQUIRED.items()}
    telling = {table: set(names) - {"Timestamp"} for table, names in REQUIRED.items()}
    table = min(telling, key=lambda name: len(telling[name] - known) / len(telling[name]))  # the nearest; else spans
    if missing[table]:
        found = ", ".join(sorted(columns)) or "none"
        needs = f"{table} need the columns {', '.join(REQUIRED[table])}"
        raise UnreadableInput(path, f"{needs}; missing {', '.join(missing[table])}; found {found:.500}")
    return table


def _columns_of(path: Path) -> set[str]:
    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableInput(path, "is not a whole Parquet file (it must begin and end with PAR1)") from error


def create_views(
    connection: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Path]], *, overlapping: Collection[str] = ()
) -> None:
    """Define the views `spans`, `logs`, `samples`, `changes` over `files`; a table without files is an empty view.

    overlapping: tables of which several sources may hold the same rows. A change counts once, and of one series and
    time one sample, the smallest, so that the order of the files does not matter. Spans have ids, by which whoever
    counts them tells copies; log records only say more about spans.
    """
    for table in TABLES:
        query = select(connection, table, files.get(table, ()))
        if table in overlapping and table == "samples":
            query = f"select Timestamp, Name, Labels, min(Value) as Value from ({query}) group by all"
        elif table in overlapping and table == "changes":
            query = f"select distinct * from ({query})"
        connection.execute(f"create temp view {table} as {query}")


def select(connection: duckdb.DuckDBPyConnection, table: str, files: Iterable[Path]) -> str:
    """The query that reads `files` in exactly the columns of `table`."""
    shapes: dict[Shape, list[Path]] = {}
    for path in files:
        shapes.setdefault(_shape_of(connection, path), []).append(path)
    if not shapes:
        columns = ", ".join(f'NULL::{_sql_type(field)} as "{field.name}"' for field in TABLES[table])
        return f"select {columns} where false"
    return " union all ".join(_select(table, shape, _source(paths)) for shape, paths in shapes.items())


def faults(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> dict[str, str]:
    """Look for rows that cannot be used: column -> the rule that some rows break in it.

    Raises duckdb.Error where the file's pages or a column cannot be read as the model's.
    """
    told = _counted(connection, _source([path]), _source_rules(connection, table, path))
    return told | _counted(connection, f"({select(connection, table, [path])})", _rules(table))


def mistyped(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> UnreadableInput | None:
    """What is wrong with a file of which one column is of a type that can never become the model's; else None."""
    shape = _shape_of(connection, path)
    if shape.own:
        return None
    for name, kind in shape.types:
        column = _ALIASES.get(name, name)
        if column in TABLES[table].names:
            wrong = wrong_type(_sql_type(TABLES[table].field(column)), kind)
            if wrong:
                return UnreadableInput(path, wrong, column=name)
    return None


def _counted(
    connection: duckdb.DuckDBPyConnection, source: str, rules: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    if not rules:
        return {}
    counts = ", ".join(f"count_if(({good}) is not true)" for good, _ in rules.values())
    rows, *bad = connection.execute(f"select count(*), {counts} from {source}").fetchall()[0]
    return {
        column: f"{count:,} of {rows:,} rows {what}"
        for (column, (_, what)), count in zip(rules.items(), bad, strict=True)
        if count
    }


def _source_rules(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> dict[str, tuple[str, str]]:
    """Column of the file -> (what its rows must fulfil, how to say that they do not), where its type leaves doubt."""
    shape = _shape_of(connection, path)
    wanted = {field.name: _sql_type(field) for field in TABLES[table]}
    named = [(name, _ALIASES.get(name, name), kind) for name, kind in shape.types]
    known = {name: (column, wanted[column], kind) for name, column, kind in named if column in wanted}
    return {} if shape.own else source_rules(known)


def unreadable(path: Path, table: str, error: duckdb.Error) -> UnreadableInput:
    """What to say of a file whose reading as `table` ended with `error`."""
    why = str(error).strip().split("\n", 1)[0].rstrip(" :.")
    return UnreadableInput(path, f"cannot be read as {table} ({why})")


def damage(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> UnreadableInput | None:
    """Read every page of a file that the model's columns come from; None where all of them can be read.

    A file's footer may be whole and its pages not, which only shows where they are read.
    """
    try:
        connection.execute(f"select max(hash(r)) from ({select(connection, table, [path])}) r").fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        return unreadable(path, table, error)
    return None


def copy_good_rows(connection: duckdb.DuckDBPyConnection, table: str, path: Path, target: Path) -> None:
    """Write the rows of `path` that have no fault to `target`."""
    good = " and ".join(f"({condition})" for condition, _ in _rules(table).values())
    told = [f"({condition})" for condition, _ in _source_rules(connection, table, path).values()]
    shape = _shape_of(connection, path)
    source = f"(from {_source([path])} where {' and '.join(told)})" if told else _source([path])
    query = f"from ({_select(table, shape, source)}) where {good}"
    connection.execute(f"copy ({query}) to {_quoted_text(target)} (format parquet)")


def _rules(table: str) -> dict[str, tuple[str, str]]:
    """Column -> (what a row must fulfil in SQL, how to say that it does not)."""
    time = f"Timestamp >= make_timestamp_ns({EARLIEST_NS}) and Timestamp < make_timestamp_ns({LATEST_NS})"
    rules = {"Timestamp": (time, "have no time between the years 2000 and 2100")}
    if table == "spans":
        rules |= {column: (f"{column} <> ''", "have no id") for column in ("TraceId", "SpanId")}
    return rules


def _shape_of(connection: duckdb.DuckDBPyConnection, path: Path) -> Shape:
    described = connection.execute(f"describe select * from {_source([path])}").fetchall()
    types = tuple((str(name), str(kind)) for name, kind, *_ in described)
    metadata = pq.read_metadata(path).metadata or {}
    return Shape(types, OWN_MARK.items() <= metadata.items())


def _source(paths: Sequence[Path]) -> str:
    names = ", ".join(map(_quoted_text, paths))
    return f"read_parquet([{names}], binary_as_string = true, hive_partitioning = false)"


def _quoted_text(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _sql_type(field: pa.Field) -> str:
    return _EVENTS if field.name == "Events" else _SQL_TYPES[field.type]


def _select(table: str, shape: Shape, source: str) -> str:
    if shape.own:
        kept = quoted(name for name in TABLES[table].names if name != "Value")
        value = f', {number_sql(quoted(["Value"]))} as "Value"' if table == "samples" else ""
        return f"select {kept}{value} from {source}"
    sources = {_ALIASES.get(name, name): name for name, _ in shape.types}
    types = {_ALIASES.get(name, name): kind for name, kind in shape.types}
    schema = TABLES[table]
    extra = [name for name, kind in types.items() if kind == "VARCHAR" and name not in schema.names]
    columns: list[str] = []
    for field in schema:
        name, wanted = field.name, _sql_type(field)
        if name in types:
            value = value_sql(name, sources[name], types[name], wanted)
        elif name == "Labels":
            value = _texts_as_map({_LABEL_NAMES.get(column, column): sources[column] for column in extra})
        elif name == "ResourceAttributes":
            kept = [column for column in extra if column not in _NOT_ATTRIBUTES]
            value = _texts_as_map({_ATTRIBUTE_NAMES.get(column, column): sources[column] for column in kept})
        elif name == "Events" and "Events.Name" in types:
            value = _flattened_events()
        else:
            value = nothing_sql(wanted)
        columns.append(f'{value} as "{name}"')
    return f"select {', '.join(columns)} from {source}"


def _flattened_events() -> str:
    return (
        'list_transform(list_zip("Events.Timestamp", "Events.Name", "Events.Attributes"), lambda e: '
        f'struct_pack("Timestamp" := e[1]::TIMESTAMP_NS, "Name" := e[2], "Attributes" := e[3]))::{_EVENTS}'
    )


def _texts_as_map(sources: Mapping[str, str]) -> str:
    """Text columns as one map, sorted by key; an empty text is no entry."""
    if not sources:
        return nothing_sql("MAP(VARCHAR, VARCHAR)")
    entries = ", ".join(f"{{k: {_quoted_text(key)}, v: {quoted([source])}}}" for key, source in sorted(sources.items()))
    return f"map_from_entries(list_filter([{entries}], lambda e: e.v <> ''))"
