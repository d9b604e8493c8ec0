"""Appending to the journal: many callers, one write and one fsync for all that wait (group commit)."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ..aside import writing
from ..errors import DiskFull, JournalFailed, Overloaded, Unavailable, UsageError
from .frames import FRAME_BYTES, framed
from .recovery import recover
from .segments import SegmentFile, Sync, segment_path, segments

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Limits:
    """When a segment ends, in bytes and in seconds since its first record, and how many bytes may wait for the disk."""

    segment_bytes: int = 64 * 2**20
    segment_age_s: float = 60.0
    waiting_bytes: int = 64 * 2**20


class _Waiting(NamedTuple):
    kind: int
    payload: bytes
    done: Future[int]


class Wal:
    """A journal in a folder of its own, which one process at a time may have open.

    clock: seconds that never go back. report: takes a sentence about what a crash left. at_least: where sequence
    numbers begin if the folder knows of no greater, one past those that were folded. sync: makes a file durable.

    Raises UsageError where another process has the folder open, UnwritableOutput where it cannot be made or mended.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float],
        report: Callable[[str], None],
        limits: Limits | None = None,
        at_least: int = 1,
        sync: Sync = os.fsync,
    ) -> None:
        self.folder, self._clock, self._sync = folder, clock, sync
        self._limits = limits or Limits()
        with ExitStack() as undo, writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
            undo.callback(os.close, self._lock)
            self._next = max(at_least, recover(folder, report, sync))
            undo.pop_all()
        # begun when it is needed: a full disk must not keep a server from starting, which could make room
        self._file: SegmentFile | None = None
        self._begun_at = clock()
        self._writing = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_on, name="journal", daemon=True)
        self._thread.start()

    @property
    def next_sequence(self) -> int:
        """The number of the next record."""
        return self._next

    def submit(self, kind: int, payload: bytes) -> Future[int]:
        """Queue one record (kind: 0 to 255); the result, its sequence number, is there when it is durable.

        Raises Overloaded where too much waits already, Unavailable once the journal is closed. The future raises
        DiskFull or JournalFailed where the system refuses to write; nothing of the record is kept then.
        """
        size = len(payload) + FRAME_BYTES
        with self._changed:
            if self._closing:
                raise Unavailable("the journal is closed")
            if self._waiting and self._waiting_bytes + size > self._limits.waiting_bytes:
                raise Overloaded(f"{self._waiting_bytes:,} bytes wait to be written, and more may not")
            waiting = _Waiting(kind, payload, Future())
            self._waiting.append(waiting)
            self._waiting_bytes += size
            self._changed.notify()
        return waiting.done

    def append(self, kind: int, payload: bytes) -> int:
        """Append one record and wait until it is durable; its sequence number. Raises what `submit` names."""
        return self.submit(kind, payload).result()

    def roll(self, *, force: bool = False) -> list[Path]:
        """End the segment that is written if it is due (force: if it holds anything); those that can be folded.

        Raises DiskFull or JournalFailed where no new one can be begun; then the old one goes on.
        """
        with self._writing:
            try:
                current = self._current(force=force)
            except OSError as error:
                raise _refused(error) from error
            return [path for path in segments(self.folder) if path != current.path]

    def close(self) -> None:
        """Write what waits, then let go of the folder."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        if self._file is not None:
            self._file.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_on(self) -> None:
        batch: list[_Waiting] = []
        try:
            while batch := self._take():
                self._commit(batch)
        finally:
            # nobody may wait for ever, also where a bug ends this thread
            with self._changed:
                self._closing = True
                left = [waiting for waiting in (*batch, *self._waiting) if not waiting.done.done()]
            _fail(left, OSError(0, "its writer has ended"))

    def _take(self) -> list[_Waiting]:
        """All that waits and is still wanted; empty when the journal is closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
            if not batch:
                return []
            wanted = [waiting for waiting in batch if waiting.done.set_running_or_notify_cancel()]
            if wanted:
                return wanted

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        with self._writing:
            try:
                current = self._current()
                if current.empty:
                    self._begun_at = self._clock()
                first = self._next
                # never given twice, even if the write fails: what cannot be cut off must not look like a later record
                self._next += len(batch)
                current.append(*chain.from_iterable(framed(first + i, *one[:2]) for i, one in enumerate(batch)))
            except OSError as error:
                _fail(batch, error)
                return
        for i, waiting in enumerate(batch):
            waiting.done.set_result(first + i)

    def _current(self, *, force: bool = False) -> SegmentFile:
        """The segment to write into: another one if the last is due, or if a failure left something behind its end."""
        old = self._file
        if old is None or not old.usable or (not old.empty and (force or self._due(old))):
            self._file = SegmentFile(segment_path(self.folder, self._next), self._sync)
            if old is not None:
                old.close()
            return self._file
        return old

    def _due(self, file: SegmentFile) -> bool:
        age = self._clock() - self._begun_at
        return file.size >= self._limits.segment_bytes or age >= self._limits.segment_age_s


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        # not flock: a child that outlives its parent would keep that one
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        os.close(descriptor)
        raise UsageError(f"{folder}: is the journal of another process that is running") from error
    return descriptor


def _refused(error: OSError) -> JournalFailed:
    number, why = error.errno or 0, error.strerror or str(error)
    return DiskFull(number, why) if number in _FULL else JournalFailed(number, why)


def _fail(batch: Sequence[_Waiting], error: OSError) -> None:
    for waiting in batch:
        waiting.done.set_exception(_refused(error))  # one each: they are raised in many threads
