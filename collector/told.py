"""Attribute maps -> a column for each attribute that the counting of calls reads: that is read many times faster.

DuckDB takes `SpanAttributes['name']` of a map and of a struct alike, so the SQL is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from .model import SPANS
from .sides import ATTRIBUTES_READ, EVENT_ATTRIBUTES_READ

_NAMES = pa.array(ATTRIBUTES_READ, pa.string())
_compute: Any = import_module("pyarrow.compute")  # made when it is imported, so that no type checker can see it

TOLD = pa.struct([(name, pa.string()) for name in ATTRIBUTES_READ])
"""What becomes of a span's attributes; null where it has none of a name."""

OF_RESOURCE = {"ServiceVersion": "service.version"}
"""Columns in place of a span's resource: nothing is read of one but its service, and the version of that."""

TOLD_SPANS = pa.schema(
    [
        *(pa.field(f.name, TOLD) if f.name == "SpanAttributes" else f for f in SPANS if f.name != "ResourceAttributes"),
        *((name, pa.string()) for name in OF_RESOURCE),
    ]
)
"""Spans as they are counted: of an event not all need be there."""


def without_resources(rows: pa.Table) -> pa.Table:
    """Spans with what is read of their resources in place of these; the same where that was done before."""
    if "ResourceAttributes" not in rows.column_names:
        return rows
    resources = rows["ResourceAttributes"]
    for name, attribute in OF_RESOURCE.items():
        rows = rows.append_column(name, _compute.map_lookup(resources, attribute, "first").fill_null(""))
    return rows.drop_columns(["ResourceAttributes"])


def told_spans(spans: pa.Table) -> pa.Table:
    """Rows of SPANS, with or `without_resources`, as TOLD_SPANS."""
    spans = without_resources(spans)
    maps = spans["SpanAttributes"]
    attributes = pa.chunked_array([told(one.offsets, one.keys, one.items.take) for one in maps.chunks], TOLD)
    columns = [attributes if field.type == TOLD else spans[field.name] for field in TOLD_SPANS]
    return pa.table(columns, schema=TOLD_SPANS)


def told(offsets: pa.Array, keys: pa.Array, texts: Callable[[pa.Array], pa.Array]) -> pa.StructArray:
    """The attributes that are read, as TOLD, of maps that begin and end at `offsets` in their keys.

    texts: gives the values at some places of them; it is asked for what is read alone, which is less than half.
    ValueError where one of these comes twice in a map, or has no value.
    """
    ends = offsets.to_numpy()
    which = _compute.index_in(keys.slice(ends[0], ends[-1] - ends[0]), _NAMES)
    which = which.fill_null(-1).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(which >= 0)
    rows, which = np.searchsorted(ends - ends[0], places, "right") - 1, which[places]
    values = texts(pa.array(places + ends[0]))
    if values.null_count:
        raise ValueError("an attribute has no value")
    columns: list[pa.Array] = []
    for number in range(len(_NAMES)):
        mine = which == number
        if not mine.any():
            columns.append(pa.nulls(len(offsets) - 1, pa.string()))
            continue
        at = np.full(len(offsets) - 1, -1, np.int64)
        if (np.diff(rows[mine]) == 0).any():
            raise ValueError(f"{ATTRIBUTES_READ[number]} comes twice in one map")
        at[rows[mine]] = np.flatnonzero(mine)
        columns.append(values.take(pa.array(at, mask=at < 0)))
    return pa.StructArray.from_arrays(columns, fields=list(TOLD))


def of_events(lists: pa.ListArray) -> pa.ListArray:
    """Of each list of key-values, which are those of an event, the ones that are read."""
    pairs = lists.values
    read = _compute.is_in(pairs.field("key"), pa.array(EVENT_ATTRIBUTES_READ, pa.string()))
    ends = np.append(0, np.cumsum(read.to_numpy(zero_copy_only=False)))[lists.offsets.to_numpy()]
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pairs.filter(read))
