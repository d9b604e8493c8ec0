"""Recordings: telemetry on disk as Parquet in the model's columns, and how they are opened.

A recording is a folder of `spans*.parquet`, `logs*.parquet`, `samples*.parquet`, `changes*.parquet`,
an optional `manifest.json` and, where a world was simulated, `truth.json`, which nothing here reads.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import UsageError
from .model import TABLES
from .views import create_views

PART_ROWS = 4_000_000
"""Rows of one part file: enough for DuckDB to skip by row group, small enough to hand one part to one worker."""

ROW_GROUP_ROWS = 122_880
"""DuckDB's own row group size, so that each group is one unit of its parallel scan."""

MANIFEST = "manifest.json"


class RecordingWriter:
    """Writes a recording aside and gives it its name only when it is whole.

    A folder that exists already is replaced at the end; after an exception nothing is left behind.
    The same tables in the same order give the same bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._aside = folder.with_name(folder.name + ".partial")
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._rows = dict.fromkeys(TABLES, 0)
        self._part_rows = dict.fromkeys(TABLES, 0)
        self._parts = dict.fromkeys(TABLES, 0)

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: is a file, and a recording is a folder")
        if self.folder.is_dir() and any(self.folder.iterdir()) and not (self.folder / MANIFEST).exists():
            raise UsageError(f"{self.folder}: holds files that are not a recording, and would be replaced")
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)
        return self

    def write(self, table: str, rows: pa.Table) -> None:
        """Append `rows` (cast to the model's schema of `table`); a part that is full is closed."""
        schema = TABLES[table]
        if rows.num_rows == 0:
            return
        if table in self._writers and self._part_rows[table] + rows.num_rows > PART_ROWS:
            self._writers.pop(table).close()
        if table not in self._writers:
            path = self._aside / f"{table}-{self._parts[table]:04d}.parquet"
            self._writers[table] = pq.ParquetWriter(path, schema, compression="zstd")
            self._parts[table] += 1
            self._part_rows[table] = 0
        self._writers[table].write_table(rows.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)
        self._part_rows[table] += rows.num_rows
        self._rows[table] += rows.num_rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        if kind is not None:
            shutil.rmtree(self._aside, ignore_errors=True)
            return
        manifest = {"schema": "epicenter.recording/1", "rows": self._rows}
        (self._aside / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._aside.rename(self.folder)


@dataclass(frozen=True)
class Summary:
    """What a recording holds: first and last moment in Unix seconds (0 if empty), rows, distinct services."""

    start: float
    end: float
    spans: int
    samples: int
    changes: int
    services: int


@dataclass(frozen=True)
class Recording:
    """Parquet files by table, in the model's columns or close to them, and what had to be left out.

    files: table name -> files, in the order they were given.
    skipped: one sentence for each file, or stretch of lines, that could not be used.
    ignored: files that are no telemetry.
    """

    files: dict[str, tuple[Path, ...]]
    skipped: tuple[str, ...]
    ignored: tuple[str, ...]
    scratch: Path

    def connect(self, *, memory_limit: str | None = None, threads: int | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with one view a table, in exactly the model's columns; it spills into `scratch`."""
        connection = duckdb.connect()
        connection.execute("set temp_directory = ?", [str(self.scratch / "spill")])
        connection.execute("set TimeZone = 'UTC'")
        if memory_limit is not None:
            connection.execute("set memory_limit = ?", [memory_limit])
        if threads is not None:
            connection.execute("set threads = ?", [threads])
        create_views(connection, self.files)
        return connection


def summarize(connection: duckdb.DuckDBPyConnection) -> Summary:
    """Count what the views of `connection` hold."""
    start, end = _one(
        connection,
        """select coalesce(min(low), 0) / 1e9, coalesce(max(high), 0) / 1e9 from (
               select min(epoch_ns(Timestamp)) as low, max(epoch_ns(Timestamp) + Duration) as high from spans
               union all select min(epoch_ns(Timestamp)), max(epoch_ns(Timestamp)) from samples
               union all select min(epoch_ns(Timestamp)), max(epoch_ns(Timestamp)) from changes
               union all select min(epoch_ns(Timestamp)), max(epoch_ns(Timestamp)) from logs)""",
    )
    spans, services = _one(connection, "select count(*), count(distinct ServiceName) from spans")
    (samples,) = _one(connection, "select count(*) from samples")
    (changes,) = _one(connection, "select count(*) from changes")
    return Summary(float(start), float(end), int(spans), int(samples), int(changes), int(services))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[float, ...]:
    # all rows are fetched, though there is one: DuckDB keeps a connection busy until its result is read to the end
    return connection.execute(query).fetchall()[0]
