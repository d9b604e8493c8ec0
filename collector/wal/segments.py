"""Segments as files: named by the first sequence number that they may hold, written to their end, cut back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .frames import MAGIC

Sync = Callable[[int], None]
"""Makes what was written to an open file durable, as os.fsync does."""

_SUFFIX, _DAMAGED = ".wal", ".damaged"


def segments(folder: Path) -> list[Path]:
    """The segments of a journal, oldest first; while it is open, the last is the one that is written."""
    return sorted(folder.glob(f"{'[0-9]' * 20}{_SUFFIX}"))


def damaged_segments(folder: Path) -> list[Path]:
    """Those that were put aside because of damage, oldest first."""
    return sorted(folder.glob(f"{'[0-9]' * 20}{_SUFFIX}{_DAMAGED}"))


def put_aside(segment: Path) -> None:
    """Give a segment with damage another name, by which `segments` does not know it."""
    segment.rename(segment.with_name(segment.name + _DAMAGED))


def segment_path(folder: Path, first: int) -> Path:
    """Where the segment that begins with sequence number `first` lies."""
    return folder / f"{first:020d}{_SUFFIX}"


def first_sequence(segment: Path) -> int:
    """The sequence number that a segment is named by."""
    return int(segment.stem)


def sync_folder(folder: Path, sync: Sync = os.fsync) -> None:
    """Make the names in a folder durable: new ones, changed ones and those that are gone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


class SegmentFile:
    """A segment that is being written; `size` is how many bytes of it are durable.

    One of the same name, which can hold no record, is begun anew. After an OSError that may be tried again.
    """

    def __init__(self, path: Path, sync: Sync) -> None:
        self.path, self._sync = path, sync
        self.size = 0
        self.usable = True
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            self.append(MAGIC)
            sync_folder(path.parent, sync)
        except OSError:
            self.close()
            raise

    @property
    def empty(self) -> bool:
        """Whether it holds no record."""
        return self.size <= len(MAGIC)

    def append(self, *parts: bytes) -> None:
        """Write one after the other and make durable; after an OSError it is as before, or no longer `usable`."""
        end = self.size
        try:
            for left in map(memoryview, parts):
                while left:
                    written = os.pwrite(self._descriptor, left, end)
                    end += written
                    left = left[written:]
            self._sync(self._descriptor)
        except OSError:
            self._cut_back()
            raise
        self.size = end

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.size)
            self._sync(self._descriptor)
        except OSError:
            self.usable = False

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
