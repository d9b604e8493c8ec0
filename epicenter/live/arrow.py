"""Arrow's functions on columns, which it makes when it is imported, so that no type checker can see them; and tables as
bytes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pyarrow as pa

compute: Any = import_module("pyarrow.compute")


def written(table: pa.Table) -> bytes:
    """A table as Arrow's stream, compressed."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def read(stream: bytes, fields: Sequence[int] | None = None) -> pa.Table:
    """What was `written`; fields: the numbers of the columns that are read, none for all."""
    options = pa.ipc.IpcReadOptions(included_fields=None if fields is None else list(fields))
    return pa.ipc.open_stream(stream, options=options).read_all()
