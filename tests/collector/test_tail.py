"""A folder of rotated files is followed: however it is written and rotated, every whole line comes once."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epicenter.collector.otlp.jsonl import looks_like_otlp
from epicenter.collector.tail import State, Tail

NAMES = ("traces", "metrics")


class Exporter:
    """Writes and rotates as the Collector's file exporter does: `name.jsonl`, and backups with a time in their name."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.backups, self.count, self.expected = folder, 0, 0, list[bytes]()

    def current(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def write(self, name: str, lines: int, cut: int) -> None:
        """Lines that look alike at their start, the last one so far written up to `cut` bytes, then whole."""
        for _ in range(lines):
            self.count += 1
            line = b'{"resourceSpans":[{"n":"%s","i":%d}]}' % (name.encode(), self.count)
            self.expected.append(line)
            self.append(name, line[:cut])
            self.between()
            self.append(name, line[cut:] + b"\n")

    def append(self, name: str, text: bytes) -> None:
        with self.current(name).open("ab") as file:
            file.write(text)

    between: Callable[[], None] = staticmethod(lambda: None)

    def rotate(self, name: str) -> None:
        if self.current(name).exists():
            self.backups += 1
            self.current(name).rename(self.folder / f"{name}-2025-10-20T06-48-{self.backups:06d}.jsonl")

    def compress(self, packed: str) -> None:
        for path in sorted(self.folder.glob("*-2025-*.jsonl")):
            target = path.with_name(path.name + packed)
            if packed == ".gz":
                target.write_bytes(gzip.compress(path.read_bytes()))
            else:
                with pa.CompressedOutputStream(os.fspath(target), "zstd") as out:
                    out.write(path.read_bytes())
            self.between()
            path.unlink()


STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.integers(1, 4), st.integers(0, 30)),
    st.tuples(st.just("rotate"), st.sampled_from(NAMES)),
    st.tuples(st.just("compress"), st.sampled_from([".gz", ".zst"])),
    st.tuples(st.just("poll")),
    st.tuples(st.just("restart")),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(STEPS, max_size=25), st.booleans(), st.sampled_from([40, 100, 10**6]))
def test_any_way_of_writing_and_rotating_gives_every_line_once(
    steps: list[tuple[str, ...]], nosy: bool, poll_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exporter, found = Exporter(folder), list[bytes]()
        tail = [Tail(folder, poll_bytes=poll_bytes)]

        def poll() -> None:
            found.extend(line.text for line in tail[0].poll())
            assert tail[0].troubles == ()

        if nosy:
            exporter.between = poll
        for step, *arguments in steps:
            if step == "poll":
                poll()
            elif step == "restart":
                kept = msgspec.json.decode(msgspec.json.encode(tail[0].state), type=State)
                tail[0] = Tail(folder, kept, poll_bytes=poll_bytes)
            else:
                getattr(exporter, step)(*arguments)
        for _ in range(len(exporter.expected) + 1):
            poll()
        assert sorted(found) == sorted(exporter.expected)


def test_lines_of_one_file_come_in_order_with_where_they_end(tmp_path: Path) -> None:
    exporter = Exporter(tmp_path)
    exporter.write("traces", 3, 5)
    lines = Tail(tmp_path).poll()
    assert [line.text for line in lines] == exporter.expected
    assert lines[-1].offset == exporter.current("traces").stat().st_size
    assert looks_like_otlp(lines[0].text)


@pytest.mark.parametrize("longer", [False, True])
def test_a_file_that_was_truncated_begins_anew(tmp_path: Path, longer: bool) -> None:
    exporter, tail = Exporter(tmp_path), Tail(tmp_path)
    exporter.write("traces", 5, 0)
    assert len(tail.poll()) == 5
    os.truncate(exporter.current("traces"), 0)
    exporter.write("traces", 9 if longer else 2, 0)
    assert [line.text for line in tail.poll()] == exporter.expected[5:]


def test_a_state_of_before_gives_again_what_was_not_kept(tmp_path: Path) -> None:
    exporter, tail = Exporter(tmp_path), Tail(tmp_path)
    exporter.write("traces", 2, 0)
    tail.poll()
    kept = tail.state
    exporter.write("traces", 2, 0)
    exporter.rotate("traces")
    tail.poll()
    exporter.compress(".gz")
    assert [line.text for line in Tail(tmp_path, kept).poll()] == exporter.expected[2:]


def test_a_line_that_is_too_long_is_told_of_and_passed_over(tmp_path: Path) -> None:
    exporter, tail = Exporter(tmp_path), Tail(tmp_path, max_line_bytes=100)
    exporter.append("traces", b"x" * 150)
    assert tail.poll() == []
    assert tail.troubles == ("traces.jsonl: a line may have 100 bytes at the most, and one is longer",)
    tail = Tail(tmp_path, tail.state, max_line_bytes=100)
    exporter.append("traces", b"xx\n")
    exporter.write("traces", 1, 0)
    assert [line.text for line in tail.poll()] == exporter.expected


def test_a_line_that_is_longer_than_a_poll_is_read(tmp_path: Path) -> None:
    exporter, tail = Exporter(tmp_path), Tail(tmp_path, poll_bytes=100)
    long = b"x" * 3 * 2**20
    exporter.append("traces", long + b"\n")
    exporter.write("traces", 1, 0)
    assert [line.text for _ in range(2) for line in tail.poll()] == [long, *exporter.expected]


def test_what_cannot_be_read_is_told_of_and_read_when_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    tail = Tail(folder)
    assert tail.poll() == []
    assert tail.troubles == (f"{folder}: cannot be read (No such file or directory)",)
    folder.mkdir()
    exporter = Exporter(folder)
    exporter.write("traces", 1, 0)
    whole = gzip.compress(exporter.current("traces").read_bytes())
    shutil.move(exporter.current("traces"), tmp_path / "elsewhere")
    backup = folder / "traces-1.jsonl.gz"
    backup.write_bytes(b"no gzip")
    assert tail.poll() == []
    assert "traces-1.jsonl.gz: cannot be read (" in tail.troubles[0]
    backup.write_bytes(whole)
    assert [line.text for line in tail.poll()] == exporter.expected


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("{}\n")
    (tmp_path / "core.gz").write_bytes(b"")
    (tmp_path / "more.jsonl").mkdir()
    assert Tail(tmp_path).poll() == []
