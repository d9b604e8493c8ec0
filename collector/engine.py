"""DuckDB for what is worked out in passing, in memory."""

from __future__ import annotations

from functools import cache

import duckdb


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def in_passing() -> duckdb.DuckDBPyConnection:
    """A connection with temporary tables and views of its own, to be closed.

    All are of one engine, which takes tens of milliseconds to begin.
    """
    connection = _engine().cursor()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection
