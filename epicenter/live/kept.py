"""Rows that are kept for a while and seldom read whole: what is asked each time is at hand, the rest is packed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .arrow import read, written

Bools = npt.NDArray[np.bool_]

_WORTH_ROWS = 10_000
"""Of fewer, what a pack says of itself is as long as what it saves."""


@dataclass(frozen=True)
class _Piece:
    """Rows that came together: all columns; or those at hand, and the others compressed."""

    columns: pa.Table
    packed: bytes | None = None

    def whole(self, schema: pa.Schema) -> pa.Table:
        if self.packed is None:
            return self.columns
        found = {**dict(_columns(self.columns)), **dict(_columns(read(self.packed)))}
        return pa.table([found[name] for name in schema.names], schema=schema)


@dataclass(frozen=True)
class Kept:
    """Rows in the order in which they were added; it never changes, and what is made of it shares its rows.

    at_hand: the columns that can be read by themselves.
    """

    schema: pa.Schema
    at_hand: tuple[str, ...]
    pieces: tuple[_Piece, ...] = ()

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return sum(piece.columns.num_rows for piece in self.pieces)

    def read(self) -> pa.Table:
        """The columns that are at hand."""
        empty = self.schema.empty_table().select(self.at_hand)
        return pa.concat_tables([empty, *self.each()])

    def each(self) -> list[pa.Table]:
        """The same for each piece: rows that were added together."""
        return [piece.columns.select(self.at_hand) for piece in self.pieces]

    def where(self, wanted: Bools) -> pa.Table:
        """The wanted rows with all columns; the length of `wanted` is the number of rows."""
        found = [_filtered(piece.whole(self.schema), mine) for piece, mine in self._with(wanted) if mine.any()]
        return pa.concat_tables([self.schema.empty_table(), *found])

    def without(self, gone: Bools) -> Kept:
        """All but some rows; only pieces that lose a part of theirs are copied."""
        left: list[_Piece] = []
        for piece, mine in self._with(gone):
            if not mine.any():
                left.append(piece)
            elif not mine.all():
                left.append(_Piece(_filtered(piece.whole(self.schema), ~mine)))
        return Kept(self.schema, self.at_hand, tuple(left))

    def plus(self, rows: pa.Table) -> Kept:
        """With rows added."""
        return Kept(self.schema, self.at_hand, (*self.pieces, _Piece(rows))) if rows.num_rows else self

    def packed(self, quiet: Sequence[bool]) -> Kept:
        """With the pieces packed that are quiet; a piece each."""
        pieces = (self._packed(piece) if now else piece for piece, now in zip(self.pieces, quiet, strict=True))
        return Kept(self.schema, self.at_hand, tuple(pieces))

    def _packed(self, piece: _Piece) -> _Piece:
        if piece.packed is not None or piece.columns.num_rows < _WORTH_ROWS:
            return piece
        others = piece.columns.drop_columns(list(self.at_hand)).combine_chunks()
        return _Piece(piece.columns.select(self.at_hand).combine_chunks(), written(others))

    def _with(self, marks: Bools) -> Iterator[tuple[_Piece, Bools]]:
        at = 0
        for piece in self.pieces:
            rows = piece.columns.num_rows
            yield piece, marks[at : at + rows]
            at += rows


def _columns(rows: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    return zip(rows.column_names, rows.columns, strict=True)


def _filtered(rows: pa.Table, wanted: Bools) -> pa.Table:
    return rows if wanted.all() else rows.filter(pa.array(wanted))
