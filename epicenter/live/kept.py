"""Rows that are kept for a while and seldom read whole: what is asked each time is at hand, the rest is packed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from .arrow import compute, read, written

_WORTH_ROWS = 10_000
"""Of fewer, what a pack says of itself is as long as what it saves."""


@dataclass(frozen=True)
class _Piece:
    """Rows that came together: all columns; or those at hand, and the others compressed.

    keys: of the rows, each once: where a key's rows are is asked again and again of all pieces.
    """

    columns: pa.Table
    keys: pa.Array
    packed: bytes | None = None

    def whole(self, schema: pa.Schema) -> pa.Table:
        if self.packed is None:
            return self.columns
        found = {**dict(_columns(self.columns)), **dict(_columns(read(self.packed)))}
        return pa.table([found[name] for name in schema.names], schema=schema)


@dataclass(frozen=True)
class Kept:
    """Rows in the order in which they were added; it never changes, and what is made of it shares its rows.

    at_hand: the columns that can be read by themselves; the first is the key, by which rows are asked for.
    """

    schema: pa.Schema
    at_hand: tuple[str, ...]
    pieces: tuple[_Piece, ...] = ()

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return sum(piece.columns.num_rows for piece in self.pieces)

    @property
    def keys(self) -> pa.ChunkedArray:
        """The keys of all rows; each once for rows that were added together."""
        return pa.chunked_array([piece.keys for piece in self.pieces], self.schema.field(self.at_hand[0]).type)

    def read(self) -> pa.Table:
        """The columns that are at hand."""
        empty = self.schema.empty_table().select(self.at_hand)
        return pa.concat_tables([empty, *self.each()])

    def each(self) -> list[pa.Table]:
        """The same for each piece: rows that were added together."""
        return [piece.columns.select(self.at_hand) for piece in self.pieces]

    def where(self, keys: pa.Array) -> pa.Table:
        """The rows with one of these keys, all columns."""
        found = [piece.whole(self.schema).filter(mine) for piece, mine in self._with(keys) if mine is not None]
        return pa.concat_tables([self.schema.empty_table(), *found])

    def read_where(self, keys: pa.Array) -> pa.Table:
        """The rows with one of these keys, the columns that are at hand."""
        empty = self.schema.empty_table().select(self.at_hand)
        found = [(piece.columns.select(self.at_hand), mine) for piece, mine in self._with(keys) if mine is not None]
        return pa.concat_tables([empty, *(columns.filter(mine) for columns, mine in found)])

    def without(self, keys: pa.Array) -> Kept:
        """All rows but those with one of these keys; only pieces that lose a part of theirs are copied."""
        left: list[_Piece] = []
        for piece, gone in self._with(keys):
            if gone is None:
                left.append(piece)
            elif not compute.all(gone).as_py():
                others = piece.keys.filter(compute.invert(compute.is_in(piece.keys, keys)))
                left.append(_Piece(piece.whole(self.schema).filter(compute.invert(gone)), others))
        return Kept(self.schema, self.at_hand, tuple(left))

    def plus(self, rows: pa.Table) -> Kept:
        """With rows added."""
        if not rows.num_rows:
            return self
        piece = _Piece(rows, compute.unique(rows[self.at_hand[0]]))
        return Kept(self.schema, self.at_hand, (*self.pieces, piece))

    def packed(self, quiet: Sequence[bool]) -> Kept:
        """With the pieces packed that are quiet; a piece each."""
        pieces = (self._packed(piece) if now else piece for piece, now in zip(self.pieces, quiet, strict=True))
        return Kept(self.schema, self.at_hand, tuple(pieces))

    def _packed(self, piece: _Piece) -> _Piece:
        if piece.packed is not None or piece.columns.num_rows < _WORTH_ROWS:
            return piece
        others = piece.columns.drop_columns(list(self.at_hand)).combine_chunks()
        return _Piece(piece.columns.select(self.at_hand).combine_chunks(), piece.keys, written(others))

    def _with(self, keys: pa.Array) -> Iterator[tuple[_Piece, pa.ChunkedArray | None]]:
        """Each piece, and which of its rows have one of these keys; None where none has."""
        for piece in self.pieces:
            known = compute.any(compute.is_in(piece.keys, keys)).as_py()
            yield piece, compute.is_in(piece.columns[self.at_hand[0]], keys) if known else None


def _columns(rows: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    return zip(rows.column_names, rows.columns, strict=True)
