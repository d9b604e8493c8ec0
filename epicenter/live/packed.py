"""Rows of one table by their window, packed: most windows are never looked at again, and some change once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa

_CODEC = pa.Codec("zstd", 1)

Merge = Callable[[Sequence[pa.Table]], pa.Table]
"""Adds tables up; the result is in order of its windows."""


class Pack(msgspec.Struct, frozen=True, array_like=True):
    """One window's rows, compressed; `size`: bytes when they are unpacked."""

    rows: int
    size: int
    data: bytes


class Packed:
    """The windows of one table, each with all of its rows, by its start (Unix seconds).

    schema: that of the table, with a column "window". merge: adds what comes to what is there.
    """

    def __init__(self, schema: pa.Schema, merge: Merge) -> None:
        self._schema, self._merge = schema, merge
        self.packs: dict[int, Pack] = {}
        self._changed: int | None = None

    @property
    def first(self) -> int | None:
        """The oldest window that has rows."""
        return min(self.packs, default=None)

    @property
    def rows(self) -> int:
        """Of all windows together."""
        return sum(pack.rows for pack in self.packs.values())

    def added(self, rows: pa.Table) -> tuple[list[int], pa.Table]:
        """The windows that rows belong to, and all rows of these windows with them added; to be `put`."""
        touched: list[int] = sorted(set(rows["window"].to_pylist()))
        if not touched:
            return touched, rows
        return touched, self._merge([rows, *(self._unpacked(window) for window in touched)])

    def replace(self, first: int, rows: pa.Table) -> None:
        """Put rows, in order of their windows, in place of all that is known from the window `first` on."""
        known = {window for window in self.packs if window >= first}
        self.put(sorted(known | set(rows["window"].to_pylist())), rows)

    def put(self, windows: Sequence[int], rows: pa.Table) -> None:
        """Put rows, in order of their windows, in place of all that is known of these windows."""
        rows = rows.combine_chunks()
        starts, ends = (np.searchsorted(rows["window"].to_numpy(), windows, side) for side in ("left", "right"))
        for window, start, end in zip(windows, starts, ends, strict=True):
            before = self.packs.pop(window, None)
            if end > start:
                self.packs[window] = self._pack(rows.slice(start, end - start))
            if self.packs.get(window) != before:
                self._changed = window if self._changed is None else min(window, self._changed)

    def _pack(self, rows: pa.Table) -> Pack:
        (batch,) = rows.combine_chunks().to_batches()
        whole = batch.serialize()
        return Pack(rows.num_rows, whole.size, _CODEC.compress(whole, asbytes=True))

    def _unpacked(self, window: int) -> pa.Table:
        pack = self.packs.get(window)
        if pack is None:
            return self._schema.empty_table()
        whole = _CODEC.decompress(pack.data, pack.size)
        return pa.Table.from_batches([pa.ipc.read_record_batch(whole, self._schema)])

    def between(self, start: int, end: int) -> pa.Table:
        """The rows of the windows from `start` until before `end`, in order of their windows."""
        windows = sorted(window for window in self.packs if start <= window < end)
        return pa.concat_tables([self._schema.empty_table(), *map(self._unpacked, windows)])

    def changed(self) -> int | None:
        """The oldest window that has changed since this was asked last."""
        first, self._changed = self._changed, None
        return first

    def restore(self, packs: Mapping[int, Pack]) -> None:
        """Begin with the packs of an earlier run."""
        self.packs = dict(packs)
        self._changed = self.first

    def forget(self, before: int) -> bool:
        """Let go of older windows; whether there were any."""
        old = [window for window in self.packs if window < before]
        for window in old:
            del self.packs[window]
        return bool(old)

    def newest(self, rows: int) -> int:
        """A time from which on there are no more than so many rows, or the newest window alone."""
        count, since = 0, 0
        for window in sorted(self.packs, reverse=True):
            count += self.packs[window].rows
            if count > rows and since:
                return since
            since = window
        return 0
