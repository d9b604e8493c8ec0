"""What is kept of spans and log records while their traces may still grow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..collector.model import LOGS, SPANS
from ..collector.told import without_resources
from .arrow import compute

SEQUENCE = "Sequence"
"""The record of the journal that a row came in."""

NUMBER = pa.field(SEQUENCE, pa.int64())


def slimmed(name: str, rows: pa.Table) -> pa.Table:
    """Rows of the table of that name without their resources: of a span's the version of its service is left."""
    if name == "spans":
        return without_resources(rows)
    return rows.select([column for column in rows.column_names if column != "ResourceAttributes"])


ADDED = {
    name: slimmed(name, schema.empty_table()).schema.append(NUMBER)
    for name, schema in (("spans", SPANS), ("logs", LOGS))
}
"""What comes, without what is not read."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
"""Of texts that come again and again each is kept once for all rows that came together."""

_FACTS: dict[str, pa.DataType] = {
    **{name: pa.uint64() for name in ("tid", "sid", "pid")},
    "name": pa.uint32(),
    **{name: pa.int64() for name in ("start", "duration")},
    "kind": pa.dictionary(pa.int8(), pa.string()),
    **dict.fromkeys(("TraceId", "service", "peer", "text"), _TEXT),
    **{
        name: pa.bool_()
        for name in ("root", "step", "lookup", "error", "failed", "late", "addressed", "responded", "resend")
    },
    "rank": pa.uint8(),
    "hidden": pa.int32(),
    SEQUENCE: pa.dictionary(pa.int32(), pa.int64()),
}
KEPT = {"spans": pa.schema(list(_FACTS.items())), "logs": ADDED["logs"].append(pa.field("tid", pa.uint64()))}
"""What is kept: what a span says of a call (`sides.FACTS`), 75 bytes of it; and log records as they are."""

TIMES = ("tid", "start", "duration")
"""What tells whether a trace is over."""

Times = npt.NDArray[np.int64]


class About(NamedTuple):
    """Of some spans: the earliest start and end and the latest end, Unix time in ns, and the first record of theirs."""

    first_start: int
    first_end: int
    last_end: int
    record: int


def narrow(facts: pa.Table) -> pa.Table:
    """As it is kept, each column copied: DuckDB's own arrays have room for twice as much, and say what is null."""
    columns: list[pa.Array] = []
    for field in KEPT["spans"]:
        column = facts[field.name]
        if pa.types.is_dictionary(field.type):
            column = compute.dictionary_encode(column)
        whole = pa.concat_arrays([*column.cast(field.type).chunks, pa.nulls(0, field.type)])
        if pa.types.is_primitive(field.type) and not whole.null_count:
            whole = pa.Array.from_buffers(field.type, len(whole), [None, whole.buffers()[1]])
        columns.append(whole)
    return pa.table(columns, schema=KEPT["spans"])


def starts(name: str, rows: pa.Table) -> Times:
    """Unix time in ns of each row of the table of that name."""
    return rows["start"].to_numpy() if name == "spans" else rows["Timestamp"].to_numpy().view(np.int64)


def ends(name: str, rows: pa.Table) -> Times:
    """The same for when each was over; a log record is at once."""
    begun = starts(name, rows)
    return begun + rows["duration"].to_numpy() if name == "spans" else begun


def told_of(spans: pa.Table) -> About:
    """What is told of spans that are kept; there is one or more."""
    begun, over = starts("spans", spans), ends("spans", spans)
    return About(int(begun.min()), int(over.min()), int(over.max()), min(compute.unique(spans[SEQUENCE]).to_pylist()))
