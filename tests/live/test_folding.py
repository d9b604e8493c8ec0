"""Folding in a process of its own: whoever kills it, or its server, nothing is lost and the next one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from epicenter.collector.errors import UnwritableOutput
from epicenter.collector.wal import Wal, segments
from epicenter.live.folding import Due, Folding, alone
from epicenter.live.memory import resident_bytes
from tests.collector.journals import TRACES, folded, one_span

SERVER = """
import sys
from pathlib import Path
from epicenter.live.folding import Due, Folding, alone
segment = Path(sys.argv[1])
with alone(segment.parent) as lock:
    Folding().fold([Due(segment, segment.with_name("recording"))], lock, print)
"""
SEGMENT = f"{1:020d}.wal"


def ended(data: Path) -> Path:
    """A segment of one good record and one that is none."""
    with Wal(data / "journal", clock=lambda: 0.0, report=print) as wal:
        wal.append(TRACES, one_span(1))
        wal.append(TRACES, b"no protobuf")
        (path,) = wal.roll(force=True)
    return path


class Stuck:
    """A segment that never ends, and somebody who folds it."""

    def __init__(self, data: Path, folding: Folding) -> None:
        self._data, self._folding = data, folding
        self._segment = data / SEGMENT
        os.mkfifo(self._segment)
        self.errors: list[Exception] = []
        self._thread = threading.Thread(target=self._fold)
        self._thread.start()
        self._end = self._segment.open("wb")  # which waits until it is read

    def _fold(self) -> None:
        try:
            with alone(self._data) as lock:
                self._folding.fold([Due(self._segment, self._data / "recording")], lock, print)
        except UnwritableOutput as error:
            self.errors.append(error)

    def join(self) -> None:
        self._thread.join()
        self._end.close()


def test_one_that_is_killed_is_told_and_the_next_folds(tmp_path: Path) -> None:
    folding = Folding()
    stuck = Stuck(tmp_path, folding)
    held: list[int] = []
    assert folding.memory_bytes(lambda process: held.append(process) or 10**9) == 10**9
    os.kill(held[0], signal.SIGKILL)
    stuck.join()
    assert folding.memory_bytes(resident_bytes) == 250 * 10**6  # left for the next
    assert ["was killed by signal 9" in str(error) for error in stuck.errors] == [True]
    told: list[str] = []
    with alone(tmp_path) as lock:
        folding.fold([Due(ended(tmp_path), tmp_path / "recording")], lock, told.append)
    assert folded(tmp_path / "recording") == [1]
    assert ["record 2 is left out" in said for said in told] == [True]
    assert len(segments(tmp_path / "journal")) == 1  # that which is written


def test_what_it_cannot_write_is_raised_here(tmp_path: Path) -> None:
    segment = ended(tmp_path)
    (tmp_path / "recording").write_text("a file")
    with alone(tmp_path) as lock, pytest.raises(UnwritableOutput, match="recording: cannot be written"):
        Folding().fold([Due(segment, tmp_path / "recording")], lock, print)
    assert segment.exists()


def test_a_server_that_stops_ends_it_in_the_middle_and_begins_no_other(tmp_path: Path) -> None:
    folding = Folding()
    stuck = Stuck(tmp_path, folding)
    folding.end()
    stuck.join()
    assert stuck.errors == []
    segment = ended(tmp_path)
    with alone(tmp_path) as lock:
        folding.fold([Due(segment, tmp_path / "recording")], lock, print)
    assert segment.exists()


def test_it_ends_with_a_server_that_is_killed_and_the_next_server_waits_for_it(tmp_path: Path) -> None:
    segment = tmp_path / SEGMENT
    os.mkfifo(segment)
    with subprocess.Popen([sys.executable, "-c", SERVER, segment]) as server:
        end = segment.open("wb", buffering=0)  # which waits until it is read
        server.kill()
        server.wait()
    with end, alone(tmp_path), pytest.raises(BrokenPipeError):  # nobody reads it any more
        end.write(b"x")
