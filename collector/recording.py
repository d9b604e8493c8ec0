"""Recordings: telemetry on disk, opened as one set of tables in the model's columns.

A recording of our own is a folder of `spans*.parquet`, `logs*.parquet`, `samples*.parquet`, `changes*.parquet`, an
optional `manifest.json` and, where a world was simulated, `truth.json`, which nothing here reads. Files of other
makers are read in place where they are Parquet, and converted once, streaming, into a scratch folder where they are
not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from .errors import UnreadableInput
from .lines import MAX_LINE_BYTES, Report, refuse
from .manifest import MANIFEST, check_manifest, not_a_manifest
from .model import TABLES
from .parquet import create_views, damage
from .sources import TRUTH, Copies, Source, read_source, walk
from .writer import RecordingWriter

__all__ = ["Recording", "RecordingWriter", "Summary", "open_recording", "summarize", "without_damaged"]

_SENTENCES_PER_FILE = 3


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
    skipped: one sentence for each file, line or row that could not be used; of one file three at the most, and a count.
    ignored: a sentence for each file that is no telemetry, or a copy of another. A recording's own manifest and truth
        are told of only where they were given by name.
    overlapping: the tables of which several sources hold rows, and so may hold the same.
    """

    files: dict[str, tuple[Path, ...]]
    skipped: tuple[str, ...]
    ignored: tuple[str, ...]
    scratch: Path
    overlapping: frozenset[str]

    def connect(self, *, memory_limit: str | None = None, threads: int | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with one view a table, in exactly the model's columns; it spills into `scratch`.

        Queries raise duckdb.Error where a file's pages turn out damaged: `without_damaged` tells which.
        """
        connection = duckdb.connect()
        connection.execute("set enable_progress_bar = false")  # it takes every process without a main file for a person
        connection.execute("set temp_directory = ?", [str(self.scratch / "spill")])
        connection.execute("set TimeZone = 'UTC'")
        if memory_limit is not None:
            connection.execute("set memory_limit = ?", [memory_limit])
        if threads is not None:
            connection.execute("set threads = ?", [threads])
        create_views(connection, self.files, overlapping=self.overlapping)
        return connection


def open_recording(
    paths: Sequence[Path], *, scratch: Path, skip_bad: bool = False, max_line_bytes: int = MAX_LINE_BYTES
) -> Recording:
    """Open files and folders, of any mix of formats, as one recording.

    scratch: an existing folder that the caller removes after use.
    skip_bad: use what is good and list what is not in `skipped`.

    Raises UnreadableInput for the first file, line or column that cannot be used (unless `skip_bad`), and where
    nothing usable is left; UsageError where a path does not exist.
    """
    files: dict[str, list[Path]] = {table: [] for table in TABLES}
    skipped = _LeftOut()
    report: Report = skipped.add if skip_bad else refuse
    copies = Copies()
    origins: dict[str, set[Path]] = {table: set() for table in TABLES}
    for source in walk(paths):
        try:
            found = _read(source, scratch, report, copies, skipped, max_line_bytes)
        except UnreadableInput as error:
            report(error)
            continue
        for table, parts in found.items():
            files[table] += parts
            origins[table].add(_origin(source.path))
    by_table = {table: tuple(parts) for table, parts in files.items()}
    _something(by_table, paths, skipped.sentences())
    overlapping = frozenset(table for table in TABLES if len(origins[table]) > 1)
    return Recording(by_table, skipped.sentences(), tuple(skipped.ignored), scratch, overlapping)


def _something(files: Mapping[str, Sequence[Path]], given: Sequence[Path], skipped: Sequence[str]) -> None:
    if not any(files.values()):
        why = f" ({'; '.join(skipped)})" if skipped else ""
        raise UnreadableInput(", ".join(map(str, given)), f"holds no telemetry that can be read{why}")


def without_damaged(recording: Recording, *, skip_bad: bool = False) -> Recording:
    """Read every file to its end and leave out those that cannot be: for when reading has failed, and why is unknown.

    Raises UnreadableInput for the first damaged file (unless `skip_bad`), and where nothing is left.
    """
    files: dict[str, tuple[Path, ...]] = {}
    skipped = list(recording.skipped)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table, paths in recording.files.items():
            damaged = {path: error for path in paths if (error := damage(connection, table, path))}
            for error in damaged.values():
                if not skip_bad:
                    raise error
                skipped.append(str(error))
            files[table] = tuple(path for path in paths if path not in damaged)
    _something(files, [path for paths in recording.files.values() for path in paths], skipped)
    return replace(recording, files=files, skipped=tuple(skipped))


def _read(
    source: Source, scratch: Path, report: Report, copies: Copies, skipped: _LeftOut, max_line_bytes: int
) -> dict[str, list[Path]]:
    if source.path.name == TRUTH:
        if source.named:
            skipped.ignore(source.path, "is never read")
        return {}
    if not source.path.is_file():
        raise UnreadableInput(source.path, "is no regular file, or a link to nothing")
    if not os.access(source.path, os.R_OK):
        raise UnreadableInput(source.path, "may not be read by this user")
    if source.path.name == MANIFEST:
        check_manifest(source.path.parent)
        other = not_a_manifest(source.path.parent)
        if other:
            skipped.ignore(source.path, other)
        return {}
    twin = copies.twin(source.path)
    if twin is not None:
        skipped.ignore(source.path, f"holds the same bytes as {twin}")
        return {}
    found = read_source(source, scratch, report, max_line_bytes=max_line_bytes)
    if found is None:
        skipped.ignore(source.path, "is no telemetry")
    elif not found:
        skipped.ignore(source.path, "holds nothing that could be used")
    return found or {}


def _origin(path: Path) -> Path:
    """What a file's rows are distinct within: the parts of one written recording, or the file alone."""
    return path.parent if (path.parent / MANIFEST).is_file() and path.suffix == ".parquet" else path


class _LeftOut:
    """What was not used: of bad files the first few sentences and a count of the rest, of others why."""

    def __init__(self) -> None:
        self._errors: dict[str, list[UnreadableInput]] = {}
        self._more: dict[str, int] = {}
        self.ignored: list[str] = []

    def ignore(self, path: Path, why: str) -> None:
        """Tell of a file that is not bad, unless there was something bad to tell of it."""
        if str(path) not in self._errors:
            self.ignored.append(f"{path}: {why}")

    def add(self, error: UnreadableInput) -> None:
        errors = self._errors.setdefault(error.path, [])
        if len(errors) < _SENTENCES_PER_FILE:
            errors.append(error)
        else:
            self._more[error.path] = self._more.get(error.path, 0) + 1

    def sentences(self) -> tuple[str, ...]:
        found: list[str] = []
        for path, errors in self._errors.items():
            found += [str(error) for error in errors]
            if path in self._more:
                found.append(f"{path}: and {self._more[path]:,} more of the kind")
        return tuple(found)


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
    spans, services = _one(connection, "select count(*), count(distinct nullif(ServiceName, '')) from spans")
    (samples,) = _one(connection, "select count(*) from samples")
    (changes,) = _one(connection, "select count(*) from changes")
    return Summary(float(start), float(end), int(spans), int(samples), int(changes), int(services))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[float, ...]:
    # all rows are fetched, though there is one: DuckDB keeps a connection busy until its result is read to the end
    return connection.execute(query).fetchall()[0]
