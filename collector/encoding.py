"""How a table's columns are laid out in Parquet: what makes them quick to write and small.

Texts may be handed over dictionary-encoded: then they are looked up nowhere, and the file is the same in type.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from .model import SPANS

_IDS = ("TraceId", "SpanId", "ParentSpanId")
"""Random, so only the digits are left to compress: 16 letters are half a byte each."""
_NUMBERS = ("Timestamp", "Duration")
"""Spans' numbers: the starts are in order, so small differences are written."""
_STATISTICS = ("Timestamp", "Duration", "SpanKind", "ServiceName")
"""Columns of spans by which readers skip row groups; the smallest and the greatest id or attribute help nobody."""


def decoded(kind: pa.DataType) -> pa.DataType:
    """The type without its dictionaries, which may be inside lists, maps and structs."""
    if pa.types.is_dictionary(kind):
        return decoded(kind.value_type)
    if pa.types.is_map(kind):
        return pa.map_(decoded(kind.key_type), decoded(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(decoded(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, decoded(field.type)) for field in kind])
    return kind


def is_encoded(rows: pa.Table, schema: pa.Schema) -> bool:
    """Whether the rows are the schema's but for dictionaries."""
    return rows.schema.names == schema.names and [decoded(kind) for kind in rows.schema.types] == schema.types


def without_unused(rows: pa.Table) -> pa.Table:
    """The rows, one chunk a column, with those map values alone in the dictionaries that they use.

    So that what is written does not depend on which other rows the values were drawn with.
    """
    for i, field in enumerate(rows.schema):
        if pa.types.is_map(field.type) and pa.types.is_dictionary(field.type.item_type):
            (chunk,) = rows.column(i).chunks
            rows = rows.set_column(i, field, _compact(chunk))
    return rows


def _compact(maps: pa.MapArray) -> pa.MapArray:
    first, last = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
    items = maps.items.slice(first, last - first)
    codes = items.indices.to_numpy()
    used = np.bincount(codes, minlength=len(items.dictionary)) > 0
    renumbered = (np.cumsum(used) - 1).astype(np.int32)[codes]
    values = pa.DictionaryArray.from_arrays(pa.array(renumbered), items.dictionary.filter(pa.array(used)), safe=False)
    offsets = pa.array(maps.offsets.to_numpy() - first)
    return pa.MapArray.from_arrays(offsets, maps.keys.slice(first, last - first), values)


def parquet_options(table: str) -> dict[str, Any]:
    """Arguments of `pq.ParquetWriter` for a table of the model; what is not of spans is left to Parquet's defaults."""
    options: dict[str, Any] = {"compression": "zstd", "store_schema": False}
    if table != "spans":
        return options
    leaves = [leaf for field in SPANS for leaf in _leaves(field.name, field.type)]
    encodings = dict.fromkeys(_NUMBERS, "DELTA_BINARY_PACKED") | dict.fromkeys(_IDS, "DELTA_LENGTH_BYTE_ARRAY")
    texts = [leaf for leaf in leaves if leaf not in (*_IDS, *_NUMBERS)]
    return options | {
        "use_dictionary": texts,
        "column_encoding": encodings,
        "write_statistics": list(_STATISTICS),
    }


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """Parquet's names of the columns that a nested column becomes."""
    if pa.types.is_map(kind):
        yield from (f"{path}.key_value.key", f"{path}.key_value.value")
    elif pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path
