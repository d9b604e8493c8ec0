"""Spans that are kept for a while and seldom read: a little about each piece of them is at hand, the rest is packed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from .arrow import compute, read, written
from .facts import KEPT, About, told_of

_WORTH_ROWS = 10_000
"""Of fewer, what a pack says of itself is as long as what it saves."""

_SCHEMA = KEPT["spans"]


@dataclass(frozen=True)
class _Piece:
    """Spans that came together, as they are or packed.

    traces: of the spans, each once: where a trace's spans are is asked again and again of all pieces.
    """

    rows: pa.Table | bytes
    num_rows: int
    traces: pa.Array
    about: About


@dataclass(frozen=True)
class Kept:
    """Spans (`KEPT`) in the order in which they were added; it never changes, what is made of it shares its rows."""

    pieces: tuple[_Piece, ...] = ()

    @property
    def num_rows(self) -> int:
        """How many spans there are."""
        return sum(piece.num_rows for piece in self.pieces)

    @property
    def traces(self) -> pa.ChunkedArray:
        """The `tid` of all spans; each once for spans that were added together."""
        return pa.chunked_array([piece.traces for piece in self.pieces], _SCHEMA.field("tid").type)

    @property
    def about(self) -> list[About]:
        """What is known of each piece without reading it: of spans that were added together."""
        return [piece.about for piece in self.pieces]

    def read(self, columns: Sequence[str], wanted: Sequence[bool]) -> pa.Table:
        """Some columns of the pieces that are wanted; a piece each."""
        found = [self._read(piece, columns) for piece, one in zip(self.pieces, wanted, strict=True) if one]
        return pa.concat_tables([_SCHEMA.empty_table().select(columns), *found])

    def where(self, traces: pa.Array, columns: Sequence[str] | None = None) -> pa.Table:
        """The spans of these traces, all columns or some with `tid`."""
        names = _SCHEMA.names if columns is None else columns
        touched = (self._read(piece, names) for piece, mine in self._with(traces) if compute.any(mine).as_py())
        found = [rows.filter(compute.is_in(rows["tid"], traces)) for rows in touched]
        return pa.concat_tables([_SCHEMA.empty_table().select(names), *found])

    def without(self, traces: pa.Array) -> Kept:
        """All spans but those of these traces; only pieces that lose a part of theirs are copied."""
        left: list[_Piece] = []
        for piece, gone in self._with(traces):
            if not compute.any(gone).as_py():
                left.append(piece)
            elif not compute.all(gone).as_py():
                rows = self._read(piece, _SCHEMA.names)
                left.append(self._piece(rows.filter(compute.invert(compute.is_in(rows["tid"], traces)))))
        return replace(self, pieces=tuple(left))

    def plus(self, rows: pa.Table) -> Kept:
        """With spans added."""
        return replace(self, pieces=(*self.pieces, self._piece(rows))) if rows.num_rows else self

    def packed(self, quiet: Sequence[bool]) -> Kept:
        """With the pieces packed that are quiet; a piece each."""
        pieces = (_packed(piece) if now else piece for piece, now in zip(self.pieces, quiet, strict=True))
        return replace(self, pieces=tuple(pieces))

    def _piece(self, rows: pa.Table) -> _Piece:
        return _Piece(rows, rows.num_rows, compute.unique(rows["tid"]), told_of(rows))

    def _read(self, piece: _Piece, columns: Sequence[str]) -> pa.Table:
        if isinstance(piece.rows, bytes):
            return read(piece.rows, [_SCHEMA.get_field_index(name) for name in columns]).select(columns)
        return piece.rows.select(columns)

    def _with(self, traces: pa.Array) -> Iterator[tuple[_Piece, pa.Array]]:
        """Each piece, and which of its traces are among these."""
        return ((piece, compute.is_in(piece.traces, traces)) for piece in self.pieces)


def _packed(piece: _Piece) -> _Piece:
    if isinstance(piece.rows, bytes) or piece.num_rows < _WORTH_ROWS:
        return piece
    return replace(piece, rows=written(piece.rows.combine_chunks()))
