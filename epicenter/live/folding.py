"""Folding the journal in a process of its own: it takes no turn from the intake, and its memory ends with it.

A process lives for the segments that are due, and what it is in the middle of when it is killed is done again by the
next (`collector.wal.fold`). It ends when its server does, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import NamedTuple

from ..collector.errors import EpicenterError, UnwritableOutput

_COMMAND = (sys.executable, "-P", "-c", "from epicenter.live.folding import main; main()")
_NICE = 10
"""What is folded is safe already, and may wait for whoever sends."""
_BEHIND = 16
"""So many segments, a GB, are due only where it has waited too long: then it takes its share, or the disk fills up."""
_MOST_SERIES = 100_000
_SET_ASIDE_BYTES = 250 * 10**6
"""It holds nearly as much when it folds a segment of 64 MiB of JSON (of spans in protobuf, 150), and cannot be refused
it once it is due."""

Report = Callable[[str], None]


class Due(NamedTuple):
    """An ended segment, and the recording that it becomes parts of."""

    segment: Path
    recording: Path


Fold = Callable[[Sequence[Due], int, Report], None]
"""Folds segments, the oldest first, while the lock of `alone` is held; raises as `collector.wal.fold` does."""


@contextmanager
def alone(data: Path) -> Generator[int]:
    """Nobody else folds into recordings of this folder meanwhile: gives the lock, waits for whoever has it.

    A process that is started with it has it as well, until it ends; so one that outlives its server is waited for.
    """
    lock = os.open(data / "folding", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def fold_here(due: Sequence[Due], _: int, report: Report) -> None:
    """Fold in this process."""
    # here, since the process of its own must notice that its server is gone before all of this is imported
    from ..collector.wal import fold
    from .memory import trim

    for segment, recording in due:
        fold(segment, recording, report, most_series=_MOST_SERIES)
        trim()


class Folding:
    """Folds in processes of their own, one at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def fold(self, due: Sequence[Due], lock: int, report: Report) -> None:
        """Fold, or as much of it as is done when this is ended; also UnwritableOutput where somebody kills it."""
        with self._guard:
            if self._ended:
                return
            # of a group of its own: Ctrl-C is for the server, which ends it
            process = subprocess.Popen(
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(lock,), process_group=0
            )
            self._process = process
        with process:
            for said in _said(process, due):
                if isinstance(said, EpicenterError):
                    raise said
                report(said)
        if self._ended:
            return
        if process.returncode < 0:
            raise UnwritableOutput(
                due[0].recording, f"the process that folds was killed by signal {-process.returncode}"
            )
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, _COMMAND)

    def memory_bytes(self, resident: Callable[[int], int]) -> int:
        """What folding holds, or what is to be left for it at any time. resident: bytes of a process, by its id."""
        process, held = self._process, 0
        if process is not None and process.returncode is None:
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended just now
                held = resident(process.pid)
        return max(held, _SET_ASIDE_BYTES)

    def end(self) -> None:
        """Kill what folds; nothing is folded from now on."""
        with self._guard:
            self._ended = True
            if self._process is not None:
                self._process.kill()


def _said(process: subprocess.Popen[bytes], due: Sequence[Due]) -> Iterator[str | EpicenterError]:
    """What a process says while it folds: sentences, and at last why it cannot go on, if so."""
    to, of = process.stdin, process.stdout
    assert to is not None
    assert of is not None
    with suppress(BrokenPipeError):  # it is gone already, which its exit code tells
        pickle.dump(list(due), to)
        to.flush()
    while True:
        try:
            yield pickle.load(of)
        except (EOFError, pickle.UnpicklingError):  # its end, or it was killed within a sentence
            return


def main() -> None:
    """Fold what stdin tells, and end at once where stdin ends, as the server does; say on stdout what is said."""
    due: list[Due] = pickle.load(sys.stdin.buffer)
    os.nice(_NICE if len(due) < _BEHIND else 0)
    threading.Thread(target=_end_with_server, daemon=True).start()
    sys.meta_path.insert(0, _WithoutFrames())
    from .memory import be_frugal

    be_frugal()

    def say(what: str | EpicenterError) -> None:
        pickle.dump(what, sys.stdout.buffer)
        sys.stdout.buffer.flush()

    try:
        fold_here(due, -1, say)
    except EpicenterError as error:
        say(error)


class _WithoutFrames(MetaPathFinder):
    """pyarrow imports pandas with its first array, for frames: there are none here, and it is a third of the memory."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("folding makes no frames", name=fullname)


def _end_with_server() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing comes any more but the end
    os._exit(1)
