"""A journal can be handed over as it lies there: what a server had not folded when it ended is telemetry too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from epicenter.collector.errors import UnreadableInput
from epicenter.collector.otlp.decode import Export
from epicenter.collector.recording import Recording, open_recording
from epicenter.collector.wal import Wal, fold, segments
from tests.collector.journals import one_span, orders


def journal(folder: Path) -> None:
    """Spans 1 and 2, and 5 and 7 orders, in segments that ended; span 3, and 2 orders, in the last."""
    with Wal(folder, clock=lambda: 0.0, report=print) as wal:
        for number, more in ((1, 5), (2, 7), (3, 2)):
            for export in (Export("traces", one_span(number)), orders(number, more)):
                wal.append(export.kind, export.body)
            if number < 3:
                wal.roll(force=True)


def opened(data: Path, scratch: Path, *, skip_bad: bool = False) -> Recording:
    return given([data], scratch, skip_bad=skip_bad)


def given(paths: list[Path], scratch: Path, *, skip_bad: bool = False) -> Recording:
    scratch.mkdir(exist_ok=True)
    return open_recording(paths, scratch=scratch, skip_bad=skip_bad)


def held(recording: Recording) -> tuple[list[int], list[float]]:
    """The spans that are there, and the running total of orders."""
    with recording.connect() as connection:
        spans = connection.execute("select distinct SpanId from spans order by 1").fetchall()
        totals = connection.execute("select Value from samples order by Timestamp").fetchall()
    return [int(span, 16) for (span,) in spans], [value for (value,) in totals]


def test_what_was_not_folded_yet_is_read_and_deltas_go_on_from_segment_to_segment(tmp_path: Path) -> None:
    journal(tmp_path / "data" / "journal")
    assert held(opened(tmp_path / "data", tmp_path / "scratch")) == ([1, 2, 3], [5.0, 12.0, 14.0])


def test_segments_that_are_named_one_by_one_are_the_same_journal(tmp_path: Path) -> None:
    journal(tmp_path / "journal")
    found = given(segments(tmp_path / "journal")[::-1], tmp_path / "scratch")
    assert held(found) == ([1, 2, 3], [5.0, 12.0, 14.0])
    with found.connect() as connection:
        assert connection.execute("select count(*) from spans").fetchall() == [(3,)]


@pytest.mark.parametrize("crash", [False, True])
def test_deltas_go_on_from_what_was_folded_and_what_a_crash_left_twice_counts_once(
    tmp_path: Path, *, crash: bool
) -> None:
    folder = tmp_path / "data" / "journal"
    journal(folder)
    ended = segments(folder)[0]
    shutil.copy(ended, tmp_path / ended.name)
    fold(ended, tmp_path / "data" / "hour", print)
    if crash:
        shutil.move(tmp_path / ended.name, folder)
    assert list((tmp_path / "data" / "hour").glob("samples*.parquet"))
    assert held(opened(tmp_path / "data", tmp_path / "scratch")) == ([1, 2, 3], [5.0, 12.0, 14.0])


def test_a_torn_end_is_passed_over_and_damage_before_records_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    journal(folder)
    first, _, last = segments(folder)
    last.write_bytes(last.read_bytes() + b"half a rec")
    assert opened(folder, tmp_path / "scratch").skipped == ()
    content = bytearray(first.read_bytes())
    content[40] ^= 0xFF
    first.write_bytes(content)
    with pytest.raises(UnreadableInput, match=r"\.wal: bytes 8 to \d+ are damaged"):
        opened(folder, tmp_path / "scratch")
    found = opened(folder, tmp_path / "scratch", skip_bad=True)
    assert len(found.skipped) == 1
    assert held(found)[0] == [2, 3]
