"""A disk that refuses: what was acknowledged stays, what was not is gone, and the journal goes on by itself."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from epicenter.collector.errors import DiskFull, JournalFailed
from epicenter.collector.wal import Wal
from tests.collector.journals import records

ROOT = Path(__file__).parents[2]


@dataclass
class Refusal:
    """An fsync that fails with an error number while there is one."""

    number: int = 0

    def sync(self, descriptor: int) -> None:
        if self.number:
            raise OSError(self.number, os.strerror(self.number))
        os.fsync(descriptor)


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, JournalFailed)]
)
def test_a_record_that_could_not_be_made_durable_is_gone_and_the_next_is_taken(
    tmp_path: Path, number: int, error: type[JournalFailed]
) -> None:
    disk = Refusal()
    with Wal(tmp_path, clock=lambda: 0.0, report=print, sync=disk.sync) as wal:
        kept = [wal.append(1, b"kept")]
        disk.number = number
        for _ in range(2):
            with pytest.raises(error, match="the journal cannot be written") as refused:
                wal.append(1, b"refused")
            assert type(refused.value) is error
            assert refused.value.errno == number
        disk.number = 0
        kept.append(wal.append(1, b"kept too"))
    assert [(record.sequence, record.payload) for record in records(tmp_path)] == [
        (kept[0], b"kept"),
        (kept[1], b"kept too"),
    ]


def test_a_journal_opens_on_a_full_disk_and_takes_records_once_there_is_room(tmp_path: Path) -> None:
    disk = Refusal(errno.ENOSPC)
    with Wal(tmp_path, clock=lambda: 0.0, report=print, at_least=7, sync=disk.sync) as wal:
        for refused in (lambda: wal.append(1, b"refused"), wal.roll):
            with pytest.raises(DiskFull):
                refused()
        disk.number = 0
        assert wal.append(1, b"kept") == 7
    assert [record.payload for record in records(tmp_path)] == [b"kept"]


def told_by(program: list[str | Path]) -> list[str]:
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def check_full(folder: Path, lines: list[str]) -> None:
    acknowledged = [int(line.split()[1]) for line in lines if line.startswith("acknowledged")]
    assert len(acknowledged) > 5
    assert len([line for line in lines if line.startswith("refused")]) == 3
    assert lines[-1].startswith("acknowledged")  # nothing had to be mended afterwards
    assert [record.sequence for record in records(folder)] == acknowledged


def test_at_the_systems_limit_for_a_file_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    check_full(folder, told_by([sys.executable, "-m", "tests.collector.journal_full", folder, "limit"]))


def test_on_a_full_disk_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    mount = "mount -t tmpfs -o size=200k tmpfs"
    private = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    if not shutil.which("unshare") or subprocess.run([*private, f"{mount} '{disk}'"], check=False).returncode:
        pytest.skip("this user may not mount a file system of its own (unshare --map-root-user --mount)")
    fill = f"head -c 100000 /dev/zero > '{disk}/ballast'"
    run = f"'{sys.executable}' -m tests.collector.journal_full '{disk}/journal' disk"
    lines = told_by([*private, f"{mount} '{disk}'; {fill}; {run}; cp -r '{disk}/journal' '{kept}'"])
    assert any("No space left on device" in line for line in lines)
    check_full(kept, lines)
