"""Writing recordings."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from .encoding import is_encoded, parquet_options, without_unused
from .errors import UsageError
from .manifest import MANIFEST, encode_manifest
from .model import TABLES
from .parquet import OWN_MARK

GROUP_ROWS = 122_880
"""Rows of a Parquet row group: DuckDB's own size, so that each group is one unit of its parallel scan."""

PART_GROUPS = 32
"""Row groups of one part file: some tens of MB, one piece of work for one worker."""


class TableWriter:
    """Writes one table's rows as part files in a folder, in bounded memory.

    The bytes depend on the rows and their order only, not on how they were divided over calls of `write`.
    """

    def __init__(self, folder: Path, table: str, *, group_rows: int = GROUP_ROWS, level: int | None = None) -> None:
        self._folder, self._table, self._group_rows, self._level = folder, table, group_rows, level
        self._schema = TABLES[table].with_metadata(OWN_MARK)
        self._file: pq.ParquetWriter | None = None
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
        if self._file is not None and self.rows % (PART_GROUPS * self._group_rows) == 0:
            self._file.close()
            self._file = None
        if self._file is None:
            self.paths.append(self._folder / f"{self._table}-{len(self.paths):04d}.parquet")
            self._file = pq.ParquetWriter(
                self.paths[-1], self._schema, compression_level=self._level, **parquet_options(self._table)
            )
            self._file.add_key_value_metadata(OWN_MARK)
        # else the bytes would tell how the rows were handed over
        self._file.write_table(without_unused(rows.combine_chunks()))
        self.rows += rows.num_rows

    def close(self) -> None:
        """Write what waits and end the file."""
        if self._waiting_rows:
            self._write_group(pa.concat_tables(self._waiting))
        self._waiting, self._waiting_rows = [], 0
        if self._file is not None:
            self._file.close()
            self._file = None


class RecordingWriter:
    """Writes a recording aside and gives it its name only when it is whole.

    A recording that exists already is replaced at the end; after an exception nothing is left behind.
    The same rows in the same order give the same bytes.
    """

    def __init__(self, folder: Path, *, generator: str = "epicenter", group_rows: int = GROUP_ROWS) -> None:
        self.folder = folder
        self._generator, self._group_rows = generator, group_rows
        self._aside = folder.with_name(folder.name + ".partial")
        self._tables: dict[str, TableWriter] = {}

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: is a file, and a recording is a folder")
        if self.folder.is_dir() and any(self.folder.iterdir()) and not (self.folder / MANIFEST).exists():
            raise UsageError(f"{self.folder}: holds files that are not a recording, and would be replaced")
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)
        return self

    def write(self, table: str, rows: pa.Table) -> None:
        """Append `rows` to `table`, a key of `model.TABLES`."""
        if table not in self._tables:
            self._tables[table] = TableWriter(self._aside, table, group_rows=self._group_rows)
        self._tables[table].write(rows)

    def attach(self, name: str, content: bytes) -> None:
        """Put one more file beside the tables, such as a simulated world's truth.json."""
        (self._aside / name).write_bytes(content)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for writer in self._tables.values():
                writer.close()
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)

    def _finish(self) -> None:
        rows = {table: self._tables[table].rows if table in self._tables else 0 for table in TABLES}
        times = [time for writer in self._tables.values() for time in writer.times]
        self.attach(MANIFEST, encode_manifest(rows, times, self._generator))
        shutil.rmtree(self.folder, ignore_errors=True)
        self._aside.rename(self.folder)
