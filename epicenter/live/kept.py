"""Rows that are kept for a while and seldom read: a little about each piece of them is at hand, the rest is packed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import pyarrow as pa

from .arrow import compute, read, written

_WORTH_ROWS = 10_000
"""Of fewer, what a pack says of itself is as long as what it saves."""

_About = TypeVar("_About")


@dataclass(frozen=True)
class _Piece(Generic[_About]):
    """Rows that came together, as they are or packed.

    keys: of the rows, each once: where a key's rows are is asked again and again of all pieces.
    """

    rows: pa.Table | bytes
    num_rows: int
    keys: pa.Array
    about: _About


@dataclass(frozen=True)
class Kept(Generic[_About]):
    """Rows in the order in which they were added; it never changes, and what is made of it shares its rows.

    key: the column by which rows are asked for. tell: what is to be known of the rows of a piece without reading them.
    """

    schema: pa.Schema
    key: str
    tell: Callable[[pa.Table], _About]
    pieces: tuple[_Piece[_About], ...] = ()

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return sum(piece.num_rows for piece in self.pieces)

    @property
    def keys(self) -> pa.ChunkedArray:
        """The keys of all rows; each once for rows that were added together."""
        return pa.chunked_array([piece.keys for piece in self.pieces], self.schema.field(self.key).type)

    @property
    def about(self) -> list[_About]:
        """What was told of each piece: rows that were added together."""
        return [piece.about for piece in self.pieces]

    def read(self, columns: Sequence[str], wanted: Sequence[bool]) -> pa.Table:
        """Some columns of the pieces that are wanted; a piece each."""
        found = [self._read(piece, columns) for piece, one in zip(self.pieces, wanted, strict=True) if one]
        return pa.concat_tables([self.schema.empty_table().select(columns), *found])

    def where(self, keys: pa.Array, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows with one of these keys, all columns or some with the key."""
        names = self.schema.names if columns is None else columns
        touched = (self._read(piece, names) for piece, mine in self._with(keys) if compute.any(mine).as_py())
        found = [rows.filter(compute.is_in(rows[self.key], keys)) for rows in touched]
        return pa.concat_tables([self.schema.empty_table().select(names), *found])

    def without(self, keys: pa.Array) -> Kept[_About]:
        """All rows but those with one of these keys; only pieces that lose a part of theirs are copied."""
        left: list[_Piece[_About]] = []
        for piece, gone in self._with(keys):
            if not compute.any(gone).as_py():
                left.append(piece)
            elif not compute.all(gone).as_py():
                rows = self._read(piece, self.schema.names)
                left.append(self._piece(rows.filter(compute.invert(compute.is_in(rows[self.key], keys)))))
        return replace(self, pieces=tuple(left))

    def plus(self, rows: pa.Table) -> Kept[_About]:
        """With rows added."""
        return replace(self, pieces=(*self.pieces, self._piece(rows))) if rows.num_rows else self

    def packed(self, quiet: Sequence[bool]) -> Kept[_About]:
        """With the pieces packed that are quiet; a piece each."""
        pieces = (_packed(piece) if now else piece for piece, now in zip(self.pieces, quiet, strict=True))
        return replace(self, pieces=tuple(pieces))

    def _piece(self, rows: pa.Table) -> _Piece[_About]:
        return _Piece(rows, rows.num_rows, compute.unique(rows[self.key]), self.tell(rows))

    def _read(self, piece: _Piece[_About], columns: Sequence[str]) -> pa.Table:
        if isinstance(piece.rows, bytes):
            return read(piece.rows, [self.schema.get_field_index(name) for name in columns]).select(columns)
        return piece.rows.select(columns)

    def _with(self, keys: pa.Array) -> Iterator[tuple[_Piece[_About], pa.Array]]:
        """Each piece, and which of its keys are among these."""
        return ((piece, compute.is_in(piece.keys, keys)) for piece in self.pieces)


def _packed(piece: _Piece[_About]) -> _Piece[_About]:
    if isinstance(piece.rows, bytes) or piece.num_rows < _WORTH_ROWS:
        return piece
    return replace(piece, rows=written(piece.rows.combine_chunks()))
