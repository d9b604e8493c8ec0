"""Rows on their way into Arrow: gathered as tuples, turned into columns by the batch, maps built flat."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

EARLIEST_NS = 946_684_800 * 10**9
LATEST_NS = 4_102_444_800 * 10**9
"""2000-01-01 and 2100-01-01: outside, a unit was mistaken (seconds for nanoseconds) or a clock was never set."""

Pairs = tuple[tuple[str, str], ...]
"""The entries of one map, each key once."""


def checked_time(nanos: int, what: str) -> int:
    """`nanos` itself; ValueError where it does not lie between the years 2000 and 2100."""
    if not EARLIEST_NS <= nanos < LATEST_NS:
        raise ValueError(f"{what} {nanos} is not a time in nanoseconds between the years 2000 and 2100")
    return nanos


Build = Callable[[Sequence[Any]], pa.Array]
"""Makes one column's array of its values."""


class Columns:
    """Rows of one table of the model; `take()` hands over what has gathered.

    builders: how to build the columns that are no plain values, by column name.
    """

    def __init__(self, schema: pa.Schema, **builders: Build) -> None:
        self._schema, self._builders = schema, builders
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, row: tuple[Any, ...]) -> None:
        """Add one row, in the schema's order."""
        self._rows.append(row)

    def take(self) -> pa.Table:
        """The rows as an Arrow table; none are left afterwards."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        self._rows.clear()
        arrays: list[pa.Array] = []
        for field, values in zip(self._schema, columns, strict=True):
            build = self._builders.get(field.name)
            arrays.append(pa.array(values, field.type) if build is None else build(values).cast(field.type))
        return pa.table(arrays, schema=self._schema)


def maps(rows: Sequence[Pairs]) -> pa.Array:
    """Build a map column."""
    keys, values = zip(*chain.from_iterable(rows), strict=True) if any(rows) else ((), ())
    return pa.MapArray.from_arrays(offsets(rows), pa.array(keys, pa.string()), pa.array(values, pa.string()))


def shared_maps(rows: Sequence[Pairs]) -> pa.Array:
    """Build a map column whose rows repeat a few maps (a resource, a series): each is built once."""
    places: dict[Pairs, int] = {}
    taken = [places.setdefault(pairs, len(places)) for pairs in rows]
    return maps(list(places)).take(pa.array(taken, pa.int32()))


def offsets(rows: Sequence[Sequence[Any]]) -> pa.Array:
    """Where each row's items begin in the flat list of all items, and where the last one's end."""
    return pa.array(accumulate(map(len, rows), initial=0), pa.int32())


@contextmanager
def without_cycle_search() -> Generator[None]:
    """Rows gather as millions of small tuples that make no cycles: to search for some took a third of the time."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()
