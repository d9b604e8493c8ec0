"""DuckDB for what is worked out in passing, in memory."""

from __future__ import annotations

from functools import cache

import duckdb

MEMORY_LIMIT = "1GB"
"""As a whole recording is given; by itself DuckDB takes most of the machine's."""


_FLUSHED = "1MB"
"""What is freed beyond it goes back to the system: by itself DuckDB's allocator holds some 50 MB for the next time."""


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            # what is too much fails: by itself it would go into files in whatever folder the process was started in
            "temp_directory": "",
            # for some hundred thousand rows a second thread costs a tenth more than it saves, and tens of MB
            "threads": 1,
            "allocator_background_threads": True,
            "allocator_flush_threshold": _FLUSHED,
            "allocator_bulk_deallocation_flush_threshold": _FLUSHED,
        }
    )


def in_passing() -> duckdb.DuckDBPyConnection:
    """A connection with temporary tables and views of its own, to be closed.

    All are of one engine, which takes tens of milliseconds to begin.
    """
    connection = _engine().cursor()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection
