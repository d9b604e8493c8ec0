"""Writing recordings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from .aside import Aside, writing
from .encoding import is_encoded
from .errors import UsageError
from .manifest import MANIFEST, FileEntry, encode_manifest
from .model import TABLES
from .parquet import OWN_MARK
from .parts import PartFile

GROUP_ROWS = 122_880
"""Rows of a Parquet row group: DuckDB's own size, so that each group is one unit of its parallel scan."""

PART_GROUPS = 8
"""Row groups of one part file: some tens of MB, one piece of work for one worker."""

AT_ONCE = 2
"""Part files that are written at a time: encoding spans takes twice as long as drawing them."""


class TableWriter:
    """Writes one table's rows as part files in a folder, in bounded memory.

    The bytes depend on the rows and their order only, not on how they were divided over calls of `write`.
    """

    def __init__(self, folder: Path, table: str, *, group_rows: int = GROUP_ROWS, level: int | None = None) -> None:
        self._folder, self._table, self._group_rows, self._level = folder, table, group_rows, level
        self._schema = TABLES[table].with_metadata(OWN_MARK)
        self._parts: list[PartFile] = []
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self.paths: list[Path] = []
        self.rows = 0
        self.times: list[int] = []

    def write(self, rows: pa.Table) -> None:
        """Append `rows`, cast to the model's schema; whole row groups are written, the rest waits."""
        if rows.num_rows == 0:
            return
        rows = self._of_one_type(rows)
        times = rows["Timestamp"].to_numpy().view("int64")
        self.times = [min([*self.times, int(times.min())]), max([*self.times, int(times.max())])]
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= self._group_rows:
            waiting = pa.concat_tables(self._waiting)
            whole = waiting.num_rows - waiting.num_rows % self._group_rows
            for start in range(0, whole, self._group_rows):
                self._write_group(waiting.slice(start, self._group_rows))
            self._waiting = [waiting.slice(whole)]
            self._waiting_rows = waiting.num_rows - whole

    def _of_one_type(self, rows: pa.Table) -> pa.Table:
        """The rows as they are written: with dictionaries if the first rows had them, else as the model has them."""
        if not self.rows and not self._waiting and is_encoded(rows, self._schema):
            self._schema = rows.schema.with_metadata(OWN_MARK)
        rows = rows.select(self._schema.names)
        return rows.replace_schema_metadata(OWN_MARK) if rows.schema == self._schema else rows.cast(self._schema)

    def _write_group(self, rows: pa.Table) -> None:
        if self.rows % (PART_GROUPS * self._group_rows) == 0:
            if len(self._parts) == AT_ONCE:
                self._parts.pop(0).close()
            self.paths.append(self._folder / f"{self._table}-{len(self.paths):04d}.parquet")
            self._parts.append(PartFile(self.paths[-1], self._table, self._schema, self._level))
        self._parts[-1].write(rows)
        self.rows += rows.num_rows

    def _close_parts(self) -> None:
        """End all open files, also where one of them cannot be ended."""
        with ExitStack() as closing:
            for part in self._parts:
                closing.callback(part.close)
            self._parts = []

    def close(self) -> None:
        """Write what waits and end the files."""
        if self._waiting_rows:
            self._write_group(pa.concat_tables(self._waiting))
        self._waiting, self._waiting_rows = [], 0
        self._close_parts()

    def abandon(self) -> None:
        """Let go of a file that is not wanted any more."""
        self._waiting, self._waiting_rows = [], 0
        with suppress(OSError, pa.ArrowException):  # the failure that led here is the one that is told
            self.close()


class TextFile:
    """A file of another format than Parquet in a recording, such as OTLP JSON Lines."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._folder = folder
        self._file = path.open("wb", buffering=2**20)
        self._bytes = 0
        self._rows: dict[str, int] = {}
        self.times: list[int] = []

    def write(self, text: bytes) -> None:
        """Append; UnwritableOutput where the system refuses."""
        with writing(self._folder):
            self._file.write(text)
        self._bytes += len(text)

    def count(self, table: str, rows: int, times_ns: Sequence[int]) -> None:
        """Note what was written: rows of `table` when it is read again, and times among which are first and last."""
        self._rows[table] = self._rows.get(table, 0) + rows
        if len(times_ns):
            self.times = [min([*self.times, *times_ns]), max([*self.times, *times_ns])]

    def close(self) -> None:
        """Write what waits."""
        self._file.close()

    def abandon(self) -> None:
        """Let go of a file that is not wanted any more."""
        with suppress(OSError):  # the failure that led here is the one that is told
            self._file.close()

    def entry(self) -> FileEntry:
        """Its line in the manifest."""
        return FileEntry(self._bytes, dict(self._rows))


class RecordingWriter:
    """Writes a recording aside and gives it its name only when it is whole.

    A recording that exists already is replaced at the end; after an exception nothing is left behind.
    The same rows in the same order give the same bytes. UnwritableOutput where the system refuses to write.
    """

    def __init__(self, folder: Path, *, generator: str = "epicenter", group_rows: int = GROUP_ROWS) -> None:
        self.folder = folder
        self._generator, self._group_rows = generator, group_rows
        self._aside = Aside(folder)
        self._tables: dict[str, TableWriter] = {}
        self._files: dict[str, TextFile] = {}

    def __enter__(self) -> Self:
        with writing(self.folder):
            if self.folder.exists() and not self.folder.is_dir():
                raise UsageError(f"{self.folder}: is a file, and a recording is a folder")
            if self.folder.is_dir() and any(self.folder.iterdir()) and not (self.folder / MANIFEST).exists():
                raise UsageError(f"{self.folder}: holds files that are not a recording, and would be replaced")
            self._aside.make()
        return self

    def write(self, table: str, rows: pa.Table) -> None:
        """Append `rows` to `table`, a key of `model.TABLES`."""
        if table not in self._tables:
            self._tables[table] = TableWriter(self._aside.path, table, group_rows=self._group_rows)
        with writing(self.folder):
            self._tables[table].write(rows)

    def file(self, name: str) -> TextFile:
        """Begin a file of another format; it is closed with the recording and stands in its manifest."""
        with writing(self.folder):
            self._files[name] = TextFile(self._aside.path / name, self.folder)
        return self._files[name]

    def attach(self, name: str, content: bytes) -> None:
        """Put one more file beside the tables, such as a simulated world's truth.json."""
        with writing(self.folder):
            (self._aside.path / name).write_bytes(content)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with writing(self.folder):
                    self._finish()
        finally:
            for writer in (*self._tables.values(), *self._files.values()):
                writer.abandon()
            self._aside.remove()

    def _finish(self) -> None:
        for writer in (*self._tables.values(), *self._files.values()):
            writer.close()
        rows = {table: self._tables[table].rows if table in self._tables else 0 for table in TABLES}
        files = {name: file.entry() for name, file in self._files.items()}
        times = [time for writer in (*self._tables.values(), *self._files.values()) for time in writer.times]
        self.attach(MANIFEST, encode_manifest(rows, files, times, self._generator))
        self._aside.put_in_place()
