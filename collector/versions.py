"""Spans -> which versions of services were seen, and since when.

The version is the resource attribute `service.version` (OpenTelemetry's resource semantic conventions).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import duckdb
import pyarrow as pa

from .engine import in_passing
from .model import VERSIONS, Versions
from .told import OF_RESOURCE

_VERSION = f"ResourceAttributes['{OF_RESOURCE['ServiceVersion']}']"

MOST = 100
"""Versions of a service that are told of: who writes something new into each span names no releases by it."""


def versions(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """The first window of each service and version in the view `spans`; the result has schema VERSIONS."""
    seen = f"select min(epoch_ns(Timestamp)) as start, ServiceName as service, {_VERSION} as version from spans"
    return _rows(connection, f"{seen} group by all", "service", window_s)


def versions_by_window(connection: duckdb.DuckDBPyConnection, window_s: int) -> pa.Table:
    """Each window in which each was seen, of spans with their version in a column of its own (`told.TOLD_SPANS`)."""
    seen = "select epoch_ns(Timestamp) as start, ServiceName as service, ServiceVersion as version from spans"
    return _rows(connection, seen, 'service, "window"', window_s)


def _rows(connection: duckdb.DuckDBPyConnection, seen: str, by: str, window_s: int) -> pa.Table:
    query = f"""
        select distinct start // 1000000000 // {window_s} * {window_s} as "window", service, version from ({seen})
        where service <> '' and version <> ''
        qualify row_number() over (partition by {by} order by "window", version) <= {MOST} order by all"""
    return connection.sql(query).to_arrow_table().cast(VERSIONS)


def merge_versions(parts: Iterable[pa.Table]) -> pa.Table:
    """All rows of some tables, each once, in order of their windows."""
    together = pa.concat_tables([VERSIONS.empty_table(), *parts])
    with in_passing() as connection:
        connection.register("together", together)
        return connection.sql("select distinct * from together order by all").to_arrow_table().cast(VERSIONS)


def first_seen(rows: pa.Table) -> dict[tuple[str, str], int]:
    """The first window of each service and version of VERSIONS, as detectors see them."""
    return earliest(((row["service"], row["version"]), row["window"]) for row in rows.to_pylist())


def earliest(seen: Iterable[tuple[tuple[str, str], int]]) -> dict[tuple[str, str], int]:
    """Of the times that each was seen the first."""
    first: dict[tuple[str, str], int] = {}
    for what, window in seen:
        first[what] = min(window, first.get(what, window))
    return first


def seen_from(known: Versions, start: int) -> dict[tuple[str, str], int]:
    """The same in windows from `start` on (Unix seconds): what was seen earlier has been there from the first on."""
    return {what: max(window, start) for what, window in known.items()}


def last_heard(heard: Versions, services: Collection[str]) -> dict[tuple[str, str], int]:
    """Of when each was seen last those of some services, of each the `MOST` that were seen last."""
    left, kept = Counter[str](), dict[tuple[str, str], int]()
    for what, window in sorted(heard.items(), key=lambda one: (-one[1], one[0])):
        left[what[0]] += 1
        if what[0] in services and left[what[0]] <= MOST:
            kept[what] = window
    return kept
