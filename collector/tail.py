"""Follows a folder of OTLP JSON Lines that a Collector's file exporter writes and rotates: every whole line, once.

A file is known by its device and inode, which renaming keeps, and by a mark of the bytes around what has been read:
where the inode is another (a backup was compressed) the mark finds it again, and where it is the same but the bytes
are not (truncated, or the inode used again) the file is a new one. Files of the exporter's own `compression: zstd`
are no lines and are not followed.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa

from .lines import MAX_LINE_BYTES

PLAIN = (".jsonl", ".ndjson", ".json")
PACKED = {".gz": "gzip", ".zst": "zstd"}
POLL_BYTES = 64 * 2**20
GONE_KEPT = 100
"""Files that have gone and may come back compressed: more backups than that are not compressed at a time."""

_EDGE = 4096
_CHUNK = 2**20


class Place(msgspec.Struct, frozen=True):
    """How far a file was read: `offset` in bytes, unpacked, at the start of a line.

    mark: of the bytes around what was read; "" while that is nothing. skipping: within a line that is too long.
    """

    name: str
    device: int
    inode: int
    offset: int = 0
    mark: str = ""
    skipping: bool = False
    seen: tuple[int, int] = (-1, -1)

    @property
    def file(self) -> tuple[int, int]:
        """What the file is known by while it is there."""
        return self.device, self.inode


class State(msgspec.Struct, frozen=True):
    """What a restart goes on from: files that are there and, the newest last, such as have gone; JSON by msgspec."""

    there: tuple[Place, ...] = ()
    gone: tuple[Place, ...] = ()


@dataclass(frozen=True)
class TailedLine:
    """One line without its end, and where it ends: file (device, inode) and offset in bytes, unpacked."""

    path: Path
    text: bytes
    file: tuple[int, int]
    offset: int


class Tail:
    """Reads on where it, or one before it, had stopped; used from one thread.

    troubles: a sentence for each file that the last poll could not read as it should.
    """

    def __init__(
        self,
        folder: Path,
        state: State | None = None,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        poll_bytes: int = POLL_BYTES,
    ) -> None:
        self._folder, self._max_line_bytes, self._poll_bytes = folder, max_line_bytes, poll_bytes
        state = state or State()
        self._there = {place.file: place for place in state.there}
        self._gone = list(state.gone)
        self.troubles: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """After all lines that polls gave so far."""
        return State(tuple(self._there.values()), tuple(self._gone))

    def poll(self) -> list[TailedLine]:
        """The lines that have come since the last poll, those of one file in order, up to some 64 MiB.

        The caller makes them safe and then keeps `state`; what it did not keep comes again after a restart.
        """
        self.troubles = ()
        lines: list[TailedLine] = []
        room = self._poll_bytes
        for path, place in self._places():
            try:
                taken, after = self._read(path, place, room)
            except OSError as error:
                self._trouble(f"{path.name}: cannot be read ({error.strerror or error})")
                continue
            self._there[place.file] = after
            lines += taken
            room -= after.offset - place.offset
            if room <= 0:
                break
        return lines

    def _places(self) -> list[tuple[Path, Place]]:
        """What is there now, the oldest first, each with how far it was read; what has gone is remembered apart."""
        found = self._listed()
        present = {(status.st_dev, status.st_ino) for _, status in found}
        for file in [file for file in self._there if file not in present]:
            self._forget(file)
        for path, status in found:
            known = self._there.get((status.st_dev, status.st_ino))
            if known is not None and not self._is_still(path, status, known):
                self._forget(known.file)
        places: list[tuple[Path, Place]] = []
        for path, status in found:
            known = self._there.get((status.st_dev, status.st_ino))
            if known is None or not known.offset:  # where nothing was read, the inode alone tells nothing
                known = self._come_back(path, status) or known or Place(path.name, status.st_dev, status.st_ino)
            place = msgspec.structs.replace(known, name=path.name)
            self._there[place.file] = place
            if place.seen != (status.st_size, status.st_mtime_ns):
                places.append((path, place))
        return places

    def _listed(self) -> list[tuple[Path, os.stat_result]]:
        try:
            paths = list(self._folder.iterdir())
        except OSError as error:
            self._trouble(f"{self._folder}: cannot be read ({error.strerror or error})")
            return []
        found: list[tuple[Path, os.stat_result]] = []
        names = {path.name for path in paths}
        for path in paths:
            # while a backup is being compressed both are there, and only the one is whole
            if path.suffix in PLAIN or (path.suffix in PACKED and path.stem not in names and _plain(path.stem)):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # renamed just now: found under its new name at the next poll
                except OSError as error:
                    self._trouble(f"{path.name}: cannot be read ({error.strerror or error})")
                    continue
                if path.is_file():
                    found.append((path, status))
        return sorted(found, key=lambda item: (item[1].st_mtime_ns, item[0].name))

    def _is_still(self, path: Path, status: os.stat_result, known: Place) -> bool:
        if known.seen == (status.st_size, status.st_mtime_ns):
            return True
        return not known.offset or _mark(path, known.offset) == known.mark

    def _forget(self, file: tuple[int, int]) -> None:
        place = self._there.pop(file)
        if place.offset:
            self._gone = [*self._gone, place][-GONE_KEPT:]

    def _come_back(self, path: Path, status: os.stat_result) -> Place | None:
        """How far a file was read that had gone and is back, compressed by now; None for any other."""
        # what was packed was most likely known under the same name, and to unpack takes time
        for place in sorted(self._gone, key=lambda place: place.name not in (path.name, path.stem)):
            if _mark(path, place.offset) == place.mark:
                self._gone.remove(place)
                return msgspec.structs.replace(
                    place, device=status.st_dev, inode=status.st_ino, seen=(-1, -1), name=path.name
                )
        return None

    def _read(self, path: Path, place: Place, room: int) -> tuple[list[TailedLine], Place]:
        status = path.stat()
        if (status.st_dev, status.st_ino) != place.file:
            return [], place  # rotated since it was listed
        lines: list[TailedLine] = []
        offset, skipping, begun, rest = place.offset, place.skipping, place.offset, b""
        with _open(path) as stream:
            _skip(stream, offset)
            # a line, however long, is read to its end: less of it would be read again and again
            while (offset == begun or offset + len(rest) - begun < room) and (chunk := stream.read(_CHUNK)):
                *whole, rest = (rest + chunk).split(b"\n")
                for text in whole:
                    offset += len(text) + 1
                    if not skipping and self._fits(path, text) and text.strip():
                        lines.append(TailedLine(path, text, place.file, offset))
                    skipping = False
                if len(rest) > self._max_line_bytes:
                    skipping = skipping or not self._fits(path, rest)
                    offset, rest = offset + len(rest), b""
            ended = not stream.read(1)
        seen = (status.st_size, status.st_mtime_ns) if ended else (-1, -1)
        mark = _mark(path, offset) if offset != place.offset else place.mark
        return lines, msgspec.structs.replace(place, offset=offset, mark=mark, skipping=skipping, seen=seen)

    def _fits(self, path: Path, text: bytes) -> bool:
        if len(text) <= self._max_line_bytes:
            return True
        self._trouble(f"{path.name}: a line may have {self._max_line_bytes:,} bytes at the most, and one is longer")
        return False

    def _trouble(self, sentence: str) -> None:
        if sentence not in self.troubles:
            self.troubles = (*self.troubles, sentence)


def _plain(name: str) -> bool:
    return Path(name).suffix in PLAIN


def _open(path: Path) -> BinaryIO:
    packed = PACKED.get(path.suffix)
    return path.open("rb") if packed is None else pa.CompressedInputStream(os.fspath(path), packed)


def _skip(stream: BinaryIO, count: int) -> None:
    if stream.seekable():
        stream.seek(count)
        return
    while count and (passed := stream.read(min(count, _CHUNK))):
        count -= len(passed)


def _mark(path: Path, offset: int) -> str:
    """Of the first and the last bytes before `offset`; "" where the file is shorter, or cannot be read so far."""
    try:
        with _open(path) as stream:
            head = stream.read(min(_EDGE, offset))
        with _open(path) as stream:
            _skip(stream, max(0, offset - _EDGE))
            tail = stream.read(min(_EDGE, offset))
    except OSError:
        return ""  # reading it from the start will tell why
    if len(tail) < min(_EDGE, offset):
        return ""
    return hashlib.sha256(b"%d\0" % offset + head + tail).hexdigest()
