"""Ended segments -> parts of a recording, so that a kill at any moment neither loses nor doubles a record.

A part is named by its table and the sequence numbers of its segment, so folding a segment again gives the same files
the same names. They are written aside, made durable, renamed, and only then is the segment removed: while it is
there its parts are as good as unwritten, and once it is gone they are whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..aside import writing
from ..columns import without_cycle_search
from ..errors import UsageError
from ..manifest import MANIFEST, encode_manifest, read_manifest
from ..model import TABLES
from ..otlp.totals import Totals
from ..writer import TableWriter
from .reading import TOTALS, SegmentReader, segment_after, totals_before, totals_files
from .segments import first_sequence, put_aside, sync_folder

GENERATOR = "epicenter watch"

_GROUP_ROWS = 8_192
"""A fifteenth of what a recording has otherwise, and so are the rows of a part: some of these groups are held at once,
beside a server under load. Twice as many took 30 MB more and no less time."""
_DIGITS = 20

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
        reader = SegmentReader(segment, lambda what: report(f"{segment}: {what}"))
        totals = totals_before(segment, most_series)
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


def _write(reader: SegmentReader, totals: Totals, folder: Path) -> list[Path]:
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


def _keep_totals(totals: Totals, segment: Path) -> None:
    path = segment.with_name(f"{TOTALS}-{first_sequence(segment):0{_DIGITS}d}")
    aside = path.with_suffix(".partial")
    aside.write_bytes(totals.encode())
    _sync_file(aside)
    aside.rename(path)


def _forget_totals(segment: Path) -> None:
    """Remove the totals that no segment can need any more: this one is gone for good."""
    for path in totals_files(segment.parent):
        if segment_after(path) < first_sequence(segment):
            path.unlink()
