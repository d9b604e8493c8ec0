"""Attribute maps -> a column for each attribute that the counting of calls reads: that is read many times faster.

DuckDB takes `SpanAttributes['name']` of a map and of a struct alike, so the SQL is the same for both.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from .sides import ATTRIBUTES_READ

_NAMES = pa.array(ATTRIBUTES_READ, pa.string())
_compute: Any = import_module("pyarrow.compute")  # made when it is imported, so that no type checker can see it

TOLD = pa.struct([(name, pa.string()) for name in ATTRIBUTES_READ])
"""What becomes of a span's attributes; null where it has none of a name."""


def told_attributes(maps: pa.ChunkedArray) -> pa.ChunkedArray:
    """The attributes of each map that are read, as TOLD."""
    return pa.chunked_array([_told(chunk) for chunk in maps.chunks], TOLD)


def _told(maps: pa.MapArray) -> pa.StructArray:
    offsets = maps.offsets.to_numpy()
    keys, values = (entries.slice(offsets[0], offsets[-1] - offsets[0]) for entries in (maps.keys, maps.items))
    which = _compute.index_in(keys, _NAMES).fill_null(-1).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(which >= 0)
    rows, which = np.searchsorted(offsets - offsets[0], places, "right") - 1, which[places]
    columns: list[pa.Array] = []
    for number in range(len(_NAMES)):
        mine = which == number
        if not mine.any():
            columns.append(pa.nulls(len(maps), pa.string()))
            continue
        at = np.full(len(maps), -1, np.int64)
        at[rows[mine]] = places[mine]
        columns.append(values.take(pa.array(at, mask=at < 0)))
    return pa.StructArray.from_arrays(columns, fields=list(TOLD))
