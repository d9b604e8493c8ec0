"""A segment of the journal as telemetry: for folding, and for whoever looks before it is folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from .. import lines
from ..errors import UnreadableInput, UnreadableRequest
from ..otlp import fast
from ..otlp.decode import Export, parse
from ..otlp.rows import BATCH_ROWS, Rows
from ..otlp.totals import Totals
from ..polled import POLLED, Polled
from .frames import Damage, Record, read_segment
from .segments import first_sequence, segments

_SPANS = Export("traces", b"").kind
TOTALS = "totals"
_AT_ONCE_BYTES = 2**20
"""Requests that are decoded together: enough that their number costs little, and the memory of their rows as well."""


class SegmentReader:
    """Decodes a segment; notes how far its numbers go and whether all could be read.

    tell: takes what is damaged or cannot be decoded. growing: a torn end is not told of, since nobody was answered yet
    for what somebody still writes, or wrote when a crash came.
    Spans in protobuf are decoded many requests at once: what is in the journal was checked before it was written.
    """

    def __init__(self, segment: Path, tell: Callable[[str], None], *, growing: bool = False) -> None:
        self._segment, self._tell_of, self._growing = segment, tell, growing
        self.last = first_sequence(segment)
        self.damaged = False
        self._rows = Rows()
        self._plain = True  # as most segments are: nothing but texts and whole numbers has come yet

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Rows by table, in the order of the records as far as that matters; OSError where it cannot be read."""
        together: list[Record] = []
        size = 0
        for part in self._records():
            self.last = part.sequence
            if part.kind == _SPANS:
                together.append(part)
                size += len(part.payload)
                if size >= _AT_ONCE_BYTES:
                    yield from self._spans(together)
                    together, size = [], 0
            else:
                yield from self._read(part)
            yield from self._rows.take(BATCH_ROWS)
        yield from self._spans(together)
        yield from self._rows.take(1)

    def _records(self) -> Iterator[Record]:
        damage: Damage | None = None
        for part in read_segment(self._segment):
            if damage is not None:
                self._lost(damage)
            damage = part if isinstance(part, Damage) else None
            if isinstance(part, Record):
                yield part
        if damage is not None and not self._growing:
            self._lost(damage)

    def _spans(self, records: Sequence[Record]) -> Iterator[tuple[str, pa.Table]]:
        """Of many records at once, or each by itself where one of them is odd."""
        bodies = [record.payload for record in records]
        found = fast.plain_spans(bodies) if self._plain else None
        if found is None:
            self._plain, found = False, fast.spans(bodies)
        if found is not None:
            yield "spans", found
            return
        for record in records:
            alone = fast.spans([record.payload])
            if alone is None:
                yield from self._read(record)
            else:
                yield "spans", alone

    def _read(self, record: Record) -> Iterator[tuple[str, pa.Table]]:
        """The tables of a record where they come at once; what comes row by row gathers."""
        try:
            if record.kind == POLLED:
                yield "samples", Polled.of_body(record.payload).rows
                return
            # what cannot be used was told to its sender, who alone can mend it
            self._rows.add(parse(Export.of_kind(record.kind, record.payload)), lambda error, count: None)
        except UnreadableRequest as error:
            self._tell(f"record {record.sequence} is left out: {error}")

    def _lost(self, damage: Damage) -> None:
        self._tell(f"bytes {damage.start:,} to {damage.end:,} are damaged; the records in them are lost")

    def _tell(self, what: str) -> None:
        self.damaged = True
        self._tell_of(what)


def convert_journal(path: Path, report: lines.Report, *, max_line_bytes: int = 0) -> Iterator[tuple[str, pa.Table]]:
    """The tables of a segment and of all after it, which no server has folded yet.

    They are one source, since what came as deltas is added up from segment to segment. What is damaged or cannot be
    decoded goes to `report`; UnreadableInput where a file cannot be read. max_line_bytes: for formats that have lines.
    """
    found = segments(path.parent)
    try:
        path.stat()  # what a server folds meanwhile would be missing here and there
        totals = totals_before(path, None)
        for segment in (one for one in found if one >= path):
            reader = SegmentReader(segment, _teller(segment, report), growing=segment == found[-1])
            yield from totals.added_up(reader.tables())
    except FileNotFoundError as error:
        raise UnreadableInput(path, "has become part of a recording meanwhile; ask again") from error
    except OSError as error:
        raise UnreadableInput(path, f"cannot be read ({error.strerror})") from error


def _teller(segment: Path, report: lines.Report) -> Callable[[str], None]:
    return lambda what: report(UnreadableInput(segment, what))


def totals_files(journal: Path) -> list[Path]:
    """What the running totals were after some segments, oldest first."""
    return sorted(journal.glob(f"{TOTALS}-{'[0-9]' * 20}"))


def totals_before(segment: Path, most: int | None) -> Totals:
    """The totals as the segments before this one left them, also where it was folded already and a crash came then."""
    first = first_sequence(segment)
    before = [path for path in totals_files(segment.parent) if segment_after(path) < first]
    return Totals(before[-1].read_bytes() if before else b"", most=most)


def segment_after(totals: Path) -> int:
    """The first sequence number of the segment after which the totals were kept."""
    return int(totals.name.rpartition("-")[2])
