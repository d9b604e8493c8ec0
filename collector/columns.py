"""Rows on their way into Arrow, gathered column by column, with maps kept flat so that they are cheap to build."""

from __future__ import annotations

from collections.abc import Iterable
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


class Maps:
    """A map column, as offsets into one list of keys and one of values."""

    def __init__(self) -> None:
        self._offsets, self._keys, self._values = [0], list[str](), list[str]()

    def append(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Add one row."""
        for key, value in pairs:
            self._keys.append(key)
            self._values.append(value)
        self._offsets.append(len(self._keys))

    def take(self) -> pa.MapArray:
        """The rows so far; the builder is empty afterwards."""
        array = pa.MapArray.from_arrays(
            pa.array(self._offsets, pa.int32()), pa.array(self._keys, pa.string()), pa.array(self._values, pa.string())
        )
        self.__init__()
        return array


class SharedMaps:
    """A map column whose rows repeat a few maps (a resource, a series): each is built once."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._places: dict[Pairs, int] = {}
        self._maps = Maps()

    def append(self, pairs: Pairs) -> None:
        """Add one row."""
        place = self._places.get(pairs)
        if place is None:
            place = self._places[pairs] = len(self._places)
            self._maps.append(pairs)
        self._rows.append(place)

    def take(self) -> pa.Array:
        """The rows so far; the builder is empty afterwards."""
        array = self._maps.take().take(pa.array(self._rows, pa.int32()))
        self.__init__()
        return array


Builder = Maps | SharedMaps | list[Any]


class Columns:
    """Rows of one table of the model; `take()` hands over what has gathered.

    A subclass names the columns that it builds otherwise than from a list of plain values.
    """

    def __init__(self, schema: pa.Schema, **builders: Any) -> None:
        self._schema = schema
        self._columns = [builders.get(field.name, list[Any]()) for field in schema]
        self._appends = [column.append for column in self._columns]
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, *row: Any) -> None:
        """Add one row, in the schema's order."""
        for append, value in zip(self._appends, row, strict=True):
            append(value)
        self._length += 1

    def take(self) -> pa.Table:
        """The rows as an Arrow table; the builder is empty afterwards."""
        arrays: list[pa.Array] = []
        for column, field in zip(self._columns, self._schema, strict=True):
            if isinstance(column, list):
                arrays.append(pa.array(column, field.type))
                column.clear()
            else:
                arrays.append(column.take().cast(field.type))
        self._length = 0
        return pa.table(arrays, schema=self._schema)
