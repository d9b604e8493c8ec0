"""Ended segments -> parts of a recording, so that a kill at any moment neither loses nor doubles a record.

A part is named by its table and the sequence numbers of its segment, so folding a segment again gives the same files
the same names. They are written aside, made durable, renamed, and only then is the segment removed: while it is
there its parts are as good as unwritten, and once it is gone they are whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa

from ..aside import writing
from ..columns import without_cycle_search
from ..errors import UnreadableRequest, UsageError
from ..manifest import MANIFEST, encode_manifest, read_manifest
from ..model import TABLES
from ..otlp import fast
from ..otlp.decode import Export, parse
from ..otlp.rows import BATCH_ROWS, Rows
from ..otlp.totals import Totals
from ..polled import POLLED, Polled
from ..writer import TableWriter
from .frames import Damage, Record, read_segment
from .segments import first_sequence, put_aside, sync_folder

GENERATOR = "epicenter watch"

_SPANS = Export("traces", b"").kind
_GROUP_ROWS = 16_384
"""An eighth of what a recording has otherwise, and so are the rows of a part: some of these groups are held at once,
beside a server under load."""
_AT_ONCE_BYTES = 2 * 2**20
"""Requests that are decoded together: enough that their number costs little."""
_DIGITS = 20
_TOTALS = "totals"

Report = Callable[[str], None]


def fold(segment: Path, recording: Path, report: Report, *, most_series: int | None = None) -> None:
    """Make an ended segment parts of a recording, and remove it; one process at a time, the oldest segment first.

    The recording's folder must lie in the file system of the folder beside it that ends in `.folding`.
    report: takes a sentence on each record that is damaged or cannot be decoded; a segment with damage is kept under
    another name. most_series: of delta temporality, whose totals are kept from segment to segment.
    Raises UnwritableOutput where the system refuses (the segment is left for another time then), and UsageError where
    the folder is a recording that somebody finished.
    """
    aside = recording.with_name(f"{recording.name}.folding")
    with writing(recording), _aside(aside):
        _begin(recording, aside)
        reader = _Reader(segment, report)
        totals = _totals_before(segment, most_series)
        parts = _write(reader, totals, aside)
        _put_in_place(parts, recording, f"{first_sequence(segment):0{_DIGITS}d}-{reader.last:0{_DIGITS}d}")
        _keep_totals(totals, segment)
        if reader.damaged:
            put_aside(segment)
        else:
            segment.unlink()
        sync_folder(segment.parent)
        _forget_totals(segment)


def last_folded(recording: Path) -> int:
    """The last sequence number that the parts of a recording were made of; 0 where there are none."""
    return max((last for _, last in map(sequences, parts_of(recording))), default=0)


def parts_of(recording: Path) -> list[Path]:
    """The parts that were folded, oldest first."""
    number = "[0-9]" * _DIGITS
    found = [path for table in TABLES for path in recording.glob(f"{table}-{number}-{number}-*.parquet")]
    return sorted(found, key=sequences)


def sequences(part: Path) -> tuple[int, int]:
    """First and last sequence number of the segment that a part was made of."""
    _, first, last, _ = part.stem.split("-")
    return int(first), int(last)


class _Reader:
    """Decodes a segment; notes how far its numbers go and whether all could be read.

    Spans in protobuf are decoded many requests at once: what is in the journal was checked before it was written.
    """

    def __init__(self, segment: Path, report: Report) -> None:
        self._segment, self._report = segment, report
        self.last = first_sequence(segment)
        self.damaged = False
        self._rows = Rows()
        self._plain = True  # as most segments are: nothing but texts and whole numbers has come yet

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        together: list[Record] = []
        size = 0
        for part in read_segment(self._segment):
            if isinstance(part, Damage):
                self._tell(f"bytes {part.start:,} to {part.end:,} are damaged; the records in them are lost")
                continue
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

    def _tell(self, what: str) -> None:
        self.damaged = True
        self._report(f"{self._segment}: {what}")


@contextmanager
def _aside(folder: Path) -> Generator[None]:
    """An empty folder, which is gone afterwards, also where what is written into it has filled the disk."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _begin(recording: Path, aside: Path) -> None:
    recording.mkdir(exist_ok=True)
    manifest = read_manifest(recording)
    if manifest is None:
        # without counts: parts come and go, and a manifest that lags behind them would call the recording damaged
        (aside / MANIFEST).write_bytes(encode_manifest({}, {}, (), GENERATOR))
        _sync_file(aside / MANIFEST)
        (aside / MANIFEST).rename(recording / MANIFEST)
    elif manifest.rows:
        raise UsageError(f"{recording}: is a recording that is finished, and parts need a folder of their own")


def _write(reader: _Reader, totals: Totals, folder: Path) -> list[Path]:
    writers: dict[str, TableWriter] = {}
    with ExitStack() as closing, without_cycle_search():
        for table, rows in totals.added_up(reader.tables()):
            if table not in writers:
                writers[table] = TableWriter(folder, table, group_rows=_GROUP_ROWS)
                closing.callback(writers[table].close)
            writers[table].write(rows)
    return [path for writer in writers.values() for path in writer.paths]


def _put_in_place(parts: Iterable[Path], recording: Path, numbers: str) -> None:
    placed: set[Path] = set()
    for part in parts:
        table, number = part.stem.split("-")
        _sync_file(part)
        placed.add(part.rename(recording / f"{table}-{numbers}-{number}.parquet"))
    first = int(numbers.split("-")[0])
    for stale in (path for path in parts_of(recording) if sequences(path)[0] == first and path not in placed):
        stale.unlink()  # from before a crash, and of another version that wrote more parts
    sync_folder(recording)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _totals_files(journal: Path) -> list[Path]:
    return sorted(journal.glob(f"{_TOTALS}-{'[0-9]' * _DIGITS}"))


def _number(totals: Path) -> int:
    return int(totals.name.rpartition("-")[2])


def _totals_before(segment: Path, most: int | None) -> Totals:
    """The totals as the segments before this one left them, also where it was folded already and a crash came then."""
    first = first_sequence(segment)
    before = [path for path in _totals_files(segment.parent) if _number(path) < first]
    return Totals(before[-1].read_bytes() if before else b"", most=most)


def _keep_totals(totals: Totals, segment: Path) -> None:
    path = segment.with_name(f"{_TOTALS}-{first_sequence(segment):0{_DIGITS}d}")
    aside = path.with_suffix(".partial")
    aside.write_bytes(totals.encode())
    _sync_file(aside)
    aside.rename(path)


def _forget_totals(segment: Path) -> None:
    """Remove the totals that no segment can need any more: this one is gone for good."""
    for path in _totals_files(segment.parent):
        if _number(path) < first_sequence(segment):
            path.unlink()
