"""Parquet files of which several are written at the same time, each by a thread of its own."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .encoding import parquet_options, without_unused
from .parquet import OWN_MARK

WAITING_GROUPS = 4
"""Row groups that wait to be written at the most: half of a part, so that two parts in a row overlap."""


class PartFile:
    """One file of a table, written in the background."""

    def __init__(self, path: Path, table: str, schema: pa.Schema, level: int | None) -> None:
        self._file = pq.ParquetWriter(path, schema, compression_level=level, **parquet_options(table))
        self._file.add_key_value_metadata(OWN_MARK)
        self._thread = ThreadPoolExecutor(1)
        self._writing: deque[Future[None]] = deque()

    def write(self, rows: pa.Table) -> None:
        """Write rows as one row group, as soon as those before are written; raises what writing those raised."""
        while self._writing and (len(self._writing) > WAITING_GROUPS or self._writing[0].done()):
            self._writing.popleft().result()
        self._writing.append(self._thread.submit(self._write, rows))

    def _write(self, rows: pa.Table) -> None:
        # else the bytes would tell how the rows were handed over
        self._file.write_table(without_unused(rows.combine_chunks()))

    def close(self) -> None:
        """End the file; raises what writing the last row groups raised."""
        try:
            while self._writing:
                self._writing.popleft().result()
        finally:
            self._thread.shutdown(cancel_futures=True)
            self._file.close()
