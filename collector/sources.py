"""What a user hands over -> Parquet files by table: which files there are, who reads each, what was left out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from .changes import change_of
from .cloudtrail import convert_trail, looks_like_cloudtrail
from .columns import Columns, without_cycle_search
from .errors import UnreadableInput, UsageError
from .lines import MAX_LINE_BYTES, Report, read_head
from .model import CHANGE_KINDS, CHANGES
from .openmetrics import convert_text, looks_like_metrics
from .otlp import convert_lines, looks_like_otlp
from .parquet import copy_good_rows, faults, mistyped, select, table_of, unreadable
from .wal.reading import convert_journal
from .writer import TableWriter

Convert = Callable[..., Iterator[tuple[str, pa.Table]]]

_COMPRESSED = (".zst", ".gz")
_LINES = (".jsonl", ".ndjson")
_TEXT = (".prom", ".om", ".openmetrics")
_SEGMENT = re.compile(r"\d{20}\.wal")

_JSON: tuple[tuple[Callable[[bytes], bool], Convert], ...] = (
    (looks_like_otlp, convert_lines),
    (looks_like_cloudtrail, convert_trail),
)
"""Whether a JSON file that begins so is of a format, and who reads it then."""

TRUTH = "truth.json"
"""What a simulated world knows of its own incident; it is never opened, or an analysis could know it too."""


@dataclass(frozen=True)
class Source:
    """One file; `named` if the user gave its own name, not only its folder's."""

    path: Path
    named: bool


def walk(paths: Sequence[Path]) -> Iterator[Source]:
    """The files behind `paths`, folders in the order of their names; UsageError where a path does not exist.

    Of a journal's segments only the first, with which the others are read.
    """
    found = list(_files(paths))
    segments = sorted(source.path for source in found if _SEGMENT.fullmatch(source.path.name))
    first = {path.parent: path for path in reversed(segments)}
    read_with_it = {path for path in segments if path != first[path.parent]}
    yield from (source for source in found if source.path not in read_with_it)


def _files(paths: Sequence[Path]) -> Iterator[Source]:
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        if path.is_dir():
            yield from (Source(item, named=False) for item in sorted(path.rglob("*")) if not item.is_dir())
        else:
            yield Source(path, named=True)


class Copies:
    """Tells whether a file was seen before, itself or another with the same bytes: it would count everything twice."""

    def __init__(self) -> None:
        self._by_size: dict[int, list[Path]] = {}

    def twin(self, path: Path) -> Path | None:
        """The earlier file with the bytes of `path`; None for a first."""
        same_size = self._by_size.setdefault(path.stat().st_size, [])
        twin = next((other for other in same_size if other.samefile(path) or _digest(other) == _digest(path)), None)
        if twin is None:
            same_size.append(path)
        return twin


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def read_source(
    source: Source, scratch: Path, report: Report, *, max_line_bytes: int = MAX_LINE_BYTES
) -> dict[str, list[Path]] | None:
    """Parquet files by table that hold what `source` holds: itself, or files made in `scratch`; None: no telemetry.

    Raises UnreadableInput where nothing of the file can be used; what else is left out goes to `report`.
    """
    path = source.path
    folder = scratch / hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    if path.suffix == ".parquet":
        return _read_parquet(path, folder, report)
    convert = _converter(path)
    if convert is not None:
        return _store(convert(path, report, max_line_bytes=max_line_bytes), folder)
    if source.named:
        raise UnreadableInput(
            path, "is no telemetry (Parquet, OTLP JSON Lines, CloudTrail or metrics text with timestamps)"
        )
    return None


def _converter(path: Path) -> Convert | None:
    """Who reads a text file: told by its name, and where that is shared with other programs' files by its beginning."""
    if _SEGMENT.fullmatch(path.name):
        return convert_journal
    suffix = Path(path.stem).suffix if path.suffix in _COMPRESSED else path.suffix
    if suffix in _TEXT:
        return convert_text
    if suffix not in (*_LINES, ".json", ".txt"):
        return None
    head = read_head(path)
    if suffix == ".txt":
        return convert_text if looks_like_metrics(head) else None
    known = next((convert for looks_like, convert in _JSON if looks_like(head)), None)
    # JSON Lines that nobody knows were meant as telemetry: OTLP's reader says what is wrong with them
    return convert_lines if known is None and suffix in _LINES else known


def _store(tables: Iterator[tuple[str, pa.Table]], folder: Path) -> dict[str, list[Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    writers: dict[str, TableWriter] = {}
    try:
        with without_cycle_search():
            for table, rows in tables:
                if table not in writers:
                    writers[table] = TableWriter(folder, table, level=1)
                writers[table].write(rows)
    finally:
        for writer in writers.values():
            writer.close()
    return {table: writer.paths for table, writer in writers.items() if writer.paths}


def _read_parquet(path: Path, folder: Path, report: Report) -> dict[str, list[Path]]:
    """The file itself, or a copy without its bad rows; and the changes that an export of logs tells of."""
    table = table_of(path)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            wrong = mistyped(connection, table, path)
            if wrong is not None:
                raise wrong
            good = path
            for column, rule in faults(connection, table, path).items():
                report(UnreadableInput(path, rule, column=column))
                good = folder / f"{table}.parquet"
            if good != path:
                folder.mkdir(parents=True, exist_ok=True)
                copy_good_rows(connection, table, path, good)
            files = {table: [good]}
            if table == "logs" and not any(path.parent.glob("changes*.parquet")):
                files |= _store(_changes_in_logs(connection, good, path, report), folder)
        except duckdb.Error as error:
            raise unreadable(path, table, error) from error
    return files


def _changes_in_logs(
    connection: duckdb.DuckDBPyConnection, path: Path, name: Path, report: Report
) -> Iterator[tuple[str, pa.Table]]:
    kinds = ", ".join(f"'{kind}'" for kind in CHANGE_KINDS)
    event = "coalesce(nullif(EventName, ''), LogAttributes['event.name'])"
    query = f"""select epoch_ns(Timestamp), {event}, LogAttributes, Body, ServiceName
                from ({select(connection, "logs", [path])}) where {event} in ({kinds})"""
    changes = Columns(CHANGES)
    for time, kind, attributes, body, service in connection.execute(query).fetchall():
        try:
            change = change_of(kind, attributes, body, service)
        except ValueError as error:
            report(UnreadableInput(name, f"a change cannot be read ({error})", column="LogAttributes"))
        else:
            if change is not None:
                changes.append((time, *change))
    yield "changes", changes.take()
