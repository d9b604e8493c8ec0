"""The journal: framing, group commit, segments, recovery, and a disk that refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epicenter.collector.errors import Overloaded, Unavailable, UnwritableOutput
from epicenter.collector.wal import Damage, Limits, Record, Wal, read_segment, segments
from epicenter.collector.wal.frames import FRAME_BYTES, MAGIC, framed
from tests.collector.journals import records

PAYLOADS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)), max_size=8)


def refuse_report(sentence: str) -> None:
    raise AssertionError(f"nothing was to be told, but: {sentence}")


def journal(
    folder: Path,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    report: Callable[[str], None] = refuse_report,
    limits: Limits | None = None,
    sync: Callable[[int], None] = os.fsync,
    at_least: int = 1,
) -> Wal:
    return Wal(folder, clock=clock, report=report, limits=limits, sync=sync, at_least=at_least)


def segment(folder: Path, payloads: list[tuple[int, bytes]], name: int = 1) -> Path:
    path = folder / f"{name:020d}.wal"
    path.write_bytes(MAGIC + b"".join(b"".join(framed(name + i, *payload)) for i, payload in enumerate(payloads)))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("segments")


@given(PAYLOADS)
@settings(deadline=None)
def test_records_come_back_as_they_were_written(folder: Path, payloads: list[tuple[int, bytes]]) -> None:
    found = list(read_segment(segment(folder, payloads)))
    assert [(part.kind, part.payload) for part in found if isinstance(part, Record)] == payloads
    assert len(found) == len(payloads)


@given(PAYLOADS, st.floats(0, 1), st.binary(max_size=40))
@settings(deadline=None)
def test_of_a_torn_end_exactly_the_whole_records_before_it_are_left(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[tuple[int, bytes]], cut: float, garbage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    path = segment(folder, payloads)
    whole = path.read_bytes()
    size = round(cut * len(whole))
    path.write_bytes(whole[:size] + garbage)
    while whole.startswith(whole[:size] + garbage[:1]) and garbage and size < len(whole):  # it is what had been cut off
        size, garbage = size + 1, garbage[1:]
    ends = [len(MAGIC)]
    for _, payload in payloads:
        ends.append(ends[-1] + FRAME_BYTES + len(payload))
    complete = max(0, sum(end <= size for end in ends) - 1)
    told: list[str] = []
    with journal(folder, report=told.append) as wal:
        new = wal.append(9, b"after")
        if size >= len(MAGIC):
            kept = [(record.kind, record.payload) for record in records(folder)]
            assert kept == [*payloads[:complete], (9, b"after")]
            assert new > complete
    with journal(folder) as wal:  # a second time there is nothing to mend
        assert wal.append(9, b"after") > new


@given(PAYLOADS.filter(bool), st.data())
@settings(deadline=None)
def test_a_damaged_byte_costs_the_record_that_it_stands_in_and_no_other(
    folder: Path, payloads: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    path = segment(folder, payloads)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(len(MAGIC), len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    end, lost = len(MAGIC), 0
    for i, (_, payload) in enumerate(payloads):
        end += FRAME_BYTES + len(payload)
        if at < end:
            lost = i
            break
    found = list(read_segment(path))
    kept = [(part.kind, part.payload) for part in found if isinstance(part, Record)]
    assert kept == payloads[:lost] + payloads[lost + 1 :]
    (damage,) = [part for part in found if isinstance(part, Damage)]
    assert damage.start <= at < damage.end


def test_a_damaged_place_in_the_last_segment_is_no_torn_end(tmp_path: Path) -> None:
    path = segment(tmp_path, [(1, b"first"), (1, b"second"), (1, b"third")])
    content = path.read_bytes().replace(b"second", b"SECOND")
    path.write_bytes(content)
    with journal(tmp_path) as wal:
        assert wal.append(1, b"fourth") == 4
    assert path.read_bytes() == content
    assert [record.payload for record in records(tmp_path)] == [b"first", b"third", b"fourth"]


def test_a_file_that_is_no_segment_stays_and_its_numbers_are_not_given_again(tmp_path: Path) -> None:
    path = tmp_path / f"{7:020d}.wal"
    path.write_bytes(b"not a journal" * 100)
    with journal(tmp_path) as wal:
        assert wal.append(1, b"x") > 7 + 1300 // FRAME_BYTES
    assert path.exists()


@dataclass
class Gate:
    """An fsync that can be held, and counts."""

    open: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    syncs: int = 0

    def shut(self) -> None:
        """Hold the next one, and all after it."""
        self.open.clear()
        self.waiting.clear()

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        self.waiting.set()
        assert self.open.wait(60)
        os.fsync(descriptor)


def test_all_that_wait_share_one_fsync(tmp_path: Path) -> None:
    gate = Gate()
    gate.open.set()
    with journal(tmp_path, sync=gate.sync) as wal:
        wal.roll()
        gate.shut()
        before = gate.syncs
        first = wal.submit(1, b"0")
        assert gate.waiting.wait(60)
        rest = [wal.submit(1, b"%d" % i) for i in range(1, 100)]
        assert not any(future.done() for future in (first, *rest))
        gate.open.set()
        assert [future.result(60) for future in (first, *rest)] == list(range(1, 101))
        assert gate.syncs - before == 2
    assert [record.payload for record in records(tmp_path)] == [b"%d" % i for i in range(100)]


def test_more_than_may_wait_is_refused_at_once_and_what_waits_is_kept(tmp_path: Path) -> None:
    gate = Gate()
    gate.open.set()
    with journal(tmp_path, sync=gate.sync, limits=Limits(waiting_bytes=1000)) as wal:
        wal.roll()
        gate.shut()
        first = wal.submit(1, b"x")
        assert gate.waiting.wait(60)
        second = wal.submit(1, b"y" * 900)
        with pytest.raises(Overloaded):
            wal.submit(1, b"z" * 100)
        gate.open.set()
        assert (first.result(60), second.result(60)) == (1, 2)
        assert wal.append(1, b"w" * 5000) == 3  # alone it may be of any size
    with pytest.raises(Unavailable):
        wal.submit(1, b"late")


def test_a_record_that_nobody_waits_for_any_more_is_not_written(tmp_path: Path) -> None:
    gate = Gate()
    gate.open.set()
    with journal(tmp_path, sync=gate.sync) as wal:
        wal.roll()
        gate.shut()
        first = wal.submit(1, b"x")
        assert gate.waiting.wait(60)
        unwanted, wanted = wal.submit(1, b"unwanted"), wal.submit(1, b"wanted")
        assert not first.cancel()  # being written
        assert unwanted.cancel()
        gate.open.set()
        wanted.result(60)
    assert [record.payload for record in records(tmp_path)] == [b"x", b"wanted"]


def test_segments_end_by_size_and_by_age_and_never_empty(tmp_path: Path) -> None:
    now = [0.0]
    with journal(tmp_path, clock=lambda: now[0], limits=Limits(segment_bytes=100, segment_age_s=60.0)) as wal:
        assert wal.roll(force=True) == []
        wal.append(1, b"x" * 100)
        assert len(wal.roll()) == 1  # full
        wal.append(1, b"x")
        now[0] = 59.0
        assert len(wal.roll()) == 1
        now[0] = 61.0
        assert len(wal.roll()) == 2  # old
        now[0] = 1000.0
        assert wal.roll(force=True) == segments(tmp_path)[:-1]
        wal.append(1, b"x")
        assert len(wal.roll()) == 2  # only with its first record does a segment begin to age
        now[0] = 1061.0
        assert len(wal.roll()) == 3
    assert [record.sequence for record in records(tmp_path)] == [1, 2, 3]


def test_one_process_at_a_time_has_a_journal_open(tmp_path: Path) -> None:
    code = "import sys, pathlib; from epicenter.collector.wal import Wal; "
    code += "Wal(pathlib.Path(sys.argv[1]), clock=lambda: 0, report=print)"
    with journal(tmp_path):
        done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert "UsageError" in done.stderr
    assert "is the journal of another process" in done.stderr


def test_numbers_go_on_after_what_was_folded_if_the_journal_itself_was_lost(tmp_path: Path) -> None:
    with journal(tmp_path, at_least=501) as wal:
        assert wal.append(1, b"x") == 501
    with journal(tmp_path, at_least=1) as wal:
        assert wal.append(1, b"x") == 502


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableOutput, match="cannot be written"):
        journal(tmp_path / "file" / "journal")
