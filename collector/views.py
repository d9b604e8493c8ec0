"""Parquet files of many makers -> views in exactly the model's columns.

Optional columns that a file lacks become empty; ClickHouse's flattened `Events.*` arrays become one list of
events; unsigned durations become signed, so that a difference below zero cannot overflow; columns of text that
the model does not know are kept as attributes (spans) or labels (samples).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import UnreadableInput
from .model import SPANS_REQUIRED, TABLES

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.timestamp("ns"): "TIMESTAMP_NS",
    pa.map_(pa.string(), pa.string()): "MAP(VARCHAR, VARCHAR)",
}
_EVENTS_TYPE = 'STRUCT("Timestamp" TIMESTAMP_NS, "Name" VARCHAR, "Attributes" MAP(VARCHAR, VARCHAR))[]'

_REQUIRED = {
    "spans": SPANS_REQUIRED,
    "logs": ("Timestamp", "Body"),
    "samples": ("Timestamp", "Value"),
    "changes": ("Timestamp", "Kind", "Target"),
}
_ALIASES = {"MetricName": "Name"}
_WELL_KNOWN_TEXT = {"PodName": "k8s.pod.name", "ServiceName": "service_name"}


def table_of(path: Path) -> str:
    """Which table a Parquet file holds, told by its columns.

    Raises UnreadableInput where the file is no Parquet, or its columns are those of no table.
    """
    columns = columns_of(path)
    for table in ("changes", "spans", "logs", "samples"):
        if all(name in columns for name in _REQUIRED[table]) and (
            table != "samples" or columns & {"Name", "MetricName"}
        ):
            return table
    missing = [name for name in SPANS_REQUIRED if name not in columns]
    found = ", ".join(sorted(columns)) or "none"
    raise UnreadableInput(
        path, f"spans need the columns {', '.join(SPANS_REQUIRED)}; missing {', '.join(missing)}; found {found}"
    )


def columns_of(path: Path) -> set[str]:
    """The top-level column names of a Parquet file; UnreadableInput where it is none, or is cut off."""
    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        rule = "is not a whole Parquet file (it must begin and end with PAR1)"
        raise UnreadableInput(path, rule) from error


def create_views(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Path]]) -> None:
    """Define the views `spans`, `logs`, `samples`, `changes` over `files`; a table without files is an empty view."""
    for table, schema in TABLES.items():
        selects = [_select(connection, table, path) for path in files.get(table, ())]
        if not selects:
            columns = ", ".join(f'NULL::{_sql_type(field)} as "{field.name}"' for field in schema)
            selects = [f"select {columns} where false"]
        union = " union all ".join(selects)
        if table == "samples" and len(files.get(table, ())) > 1:
            # the same scrape can stand in two files; a counter must not be counted twice
            union = f"select distinct * from ({union})"
        connection.execute(f"create temp view {table} as {union}")


def _sql_type(field: pa.Field) -> str:
    return _EVENTS_TYPE if field.name == "Events" else _SQL_TYPES[field.type]


def _select(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> str:
    source = "read_parquet('" + str(path).replace("'", "''") + "')"
    described = connection.execute(f"describe select * from {source}").fetchall()
    types = {_ALIASES.get(str(row[0]), str(row[0])): str(row[1]) for row in described}
    names = {_ALIASES.get(str(row[0]), str(row[0])): str(row[0]) for row in described}
    schema = TABLES[table]
    extra = [name for name in types if types[name] == "VARCHAR" and name not in schema.names]
    columns = [_column(field, names, types, extra) for field in schema]
    return f"select {', '.join(columns)} from {source}"


def _column(field: pa.Field, names: Mapping[str, str], types: Mapping[str, str], extra: Sequence[str]) -> str:
    name, sql_type = field.name, _sql_type(field)
    if name in types:
        value = _value(name, names[name], types[name], sql_type)
    elif name in ("ResourceAttributes", "Labels") and extra:
        value = _texts_as_map(name, names, extra)
    elif name == "Events" and "Events.Name" in types:
        value = (
            'list_transform(list_zip("Events.Timestamp", "Events.Name", "Events.Attributes"), lambda e: '
            f'struct_pack("Timestamp" := e[1]::TIMESTAMP_NS, "Name" := e[2], "Attributes" := e[3]))::{_EVENTS_TYPE}'
        )
    else:
        value = _nothing(field, sql_type)
    return f'{value} as "{name}"'


def _value(name: str, source: str, found: str, wanted: str) -> str:
    if found == wanted:
        return f"coalesce(\"{source}\", '')" if wanted == "VARCHAR" else f'"{source}"'
    if wanted == "TIMESTAMP_NS" and found in ("BIGINT", "UBIGINT", "DOUBLE"):
        return f'make_timestamp_ns("{source}"::BIGINT)'
    if wanted == "TIMESTAMP_NS" and found.startswith("TIMESTAMP WITH"):
        return f"(\"{source}\" at time zone 'UTC')::TIMESTAMP_NS"
    return f'"{source}"::{wanted}'


def _nothing(field: pa.Field, sql_type: str) -> str:
    if sql_type == "VARCHAR":
        return "''"
    return "MAP {}::" + sql_type if sql_type.startswith("MAP") else f"NULL::{sql_type}"


def _texts_as_map(column: str, names: Mapping[str, str], extra: Sequence[str]) -> str:
    keys = sorted(_WELL_KNOWN_TEXT.get(name, name) for name in extra)
    by_key = {_WELL_KNOWN_TEXT.get(name, name): names[name] for name in extra}
    if column == "Labels":
        by_key = {key.replace(".", "_"): source for key, source in by_key.items()}
        keys = sorted(by_key)
    pairs = ", ".join(f"'{key}': coalesce(\"{by_key[key]}\", '')" for key in keys)
    return "MAP {" + pairs + "}"
