"""A disk that is full in the middle, a folder that may not be written: one sentence, and no half recording."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from epicenter.collector.errors import UnwritableOutput
from epicenter.synthetic.formats import FORMATS
from epicenter.synthetic.telemetry.record import record

from .toy_history import toy_history

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
sys.argv[0] = "epicenter"
from epicenter.cli import main
main()
"""


def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory at `folder`; the test is skipped where this user may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "disk", "size=1m")


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_nothing_that_looks_like_a_recording(small_disk: Path, name: str) -> None:
    with pytest.raises(UnwritableOutput) as caught:
        record(toy_history(), small_disk / "r", spans_per_second=20.0, seed=5, file_format=name)
    assert str(caught.value) == f"{small_disk / 'r'}: cannot be written (No space left on device)"
    assert list(small_disk.iterdir()) == []


def test_the_truth_that_finds_no_room_leaves_no_recording_either(tmp_path: Path) -> None:
    room = sum(path.stat().st_size for path in record(toy_history(ticks=200), tmp_path / "r", seed=5).iterdir())
    for disk in mounted(tmp_path / "disk", f"size={room // 4096 * 4096}"):  # a page less than the files need
        with pytest.raises(UnwritableOutput):
            record(toy_history(ticks=200), disk / "r", seed=5)
        assert list(disk.iterdir()) == []


def test_an_earlier_recording_stays_as_it_was(small_disk: Path) -> None:
    folder = record(toy_history(ticks=161), small_disk / "r", spans_per_second=0.1, seed=5, scrape_s=600.0)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UnwritableOutput):
        record(toy_history(), folder, spans_per_second=20.0, seed=5)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in small_disk.iterdir()] == ["r"]


@pytest.mark.parametrize("name", ["parquet", "otlp-json"])
def test_a_file_that_may_not_grow_is_one_sentence_and_exit_code_2(tmp_path: Path, name: str) -> None:
    out = tmp_path / "r"
    arguments = ["simulate", "cache-loss", "--spans-per-second", "5", "--out", out, "--format", name]
    done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"epicenter: {out}: cannot be written (File too large)\n"
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_read_only(tmp_path: Path) -> None:
    for disk in mounted(tmp_path / "disk", "ro"):
        with pytest.raises(UnwritableOutput, match=r"disk/r: cannot be written \(Read-only file system\)"):
            record(toy_history(), disk / "r", seed=5)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o555)
    with pytest.raises(UnwritableOutput, match=r"theirs/r: cannot be written \(Permission denied\)"):
        record(toy_history(), tmp_path / "theirs" / "r", seed=5)


def test_a_place_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableOutput, match=r"file/r: cannot be written \(Not a directory\)"):
        record(toy_history(), tmp_path / "file" / "r", seed=5)
