"""How records lie in a segment, and how they are told from what a crash or a bad disk left there.

A segment begins with MAGIC. A record is, little-endian: CRC32 of all that follows of it (4 bytes), length of the
payload (4), sequence number (8), kind (1), payload. Sequence numbers rise, not always by one.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAGIC = b"EPIWAL1\n"

_CRC = struct.Struct("<I")
_HEAD = struct.Struct("<IQB")
FRAME_BYTES = _CRC.size + _HEAD.size
"""What a record takes besides its payload."""

_LOST_AT_ONCE = 256
"""Records that one damaged place may swallow before the rest of the segment is given up."""


@dataclass(frozen=True)
class Record:
    """One payload with its sequence number and its kind (0 to 255), and where in the segment it ends, in bytes."""

    sequence: int
    kind: int
    payload: bytes
    end: int


@dataclass(frozen=True)
class Damage:
    """Bytes `start` to `end` of a segment, which are no whole record."""

    start: int
    end: int


def framed(sequence: int, kind: int, payload: bytes) -> tuple[bytes, bytes]:
    """One record as it is written: what stands before its payload, and that, which is not copied."""
    head = _HEAD.pack(len(payload), sequence, kind)
    return _CRC.pack(zlib.crc32(payload, zlib.crc32(head))) + head, payload


def read_segment(path: Path) -> Iterator[Record | Damage]:
    """The records of a segment in their order, and between them what is damaged; OSError where it cannot be read.

    A record behind a damaged place is found again by its sequence number. Only where there is one is the segment held
    in memory as a whole.
    """
    at, last = len(MAGIC), 0
    with path.open("rb") as file:
        begin, size = file.read(len(MAGIC)), os.fstat(file.fileno()).st_size
        if begin != MAGIC:
            if not MAGIC.startswith(begin):  # else a crash came while it was begun
                yield Damage(0, size)
            return
        while record := _next_in(file, at, last, size):
            yield record
            at, last = record.end, record.sequence
    if at < size:
        yield from _around_damage(path.read_bytes(), at, last)


def _next_in(file: BinaryIO, at: int, last: int, size: int) -> Record | None:
    """The whole record that the file of `size` bytes goes on with at byte `at`."""
    begin = file.read(FRAME_BYTES)
    if len(begin) < FRAME_BYTES:
        return None
    (crc,), (length, sequence, kind) = _CRC.unpack_from(begin), _HEAD.unpack_from(begin, _CRC.size)
    end = at + FRAME_BYTES + length
    if sequence <= last or end > size:
        return None
    payload = file.read(length)
    whole = len(payload) == length and zlib.crc32(payload, zlib.crc32(begin[_CRC.size :])) == crc
    return Record(sequence, kind, payload, end) if whole else None


def _around_damage(content: bytes, at: int, last: int) -> Iterator[Record | Damage]:
    while at < len(content):
        record = _record_at(content, at, last)
        if record is None:
            record = _next_record(content, at, last)
            yield Damage(at, len(content) if record is None else _start(record))
        if record is None:
            return
        yield record
        at, last = record.end, record.sequence


def _start(record: Record) -> int:
    return record.end - len(record.payload) - FRAME_BYTES


def _record_at(content: bytes, at: int, last: int) -> Record | None:
    """The whole record that begins at byte `at` and comes after sequence number `last`."""
    body = at + FRAME_BYTES
    if body > len(content):
        return None
    (crc,) = _CRC.unpack_from(content, at)
    length, sequence, kind = _HEAD.unpack_from(content, at + _CRC.size)
    end = body + length
    if sequence <= last or end > len(content) or zlib.crc32(memoryview(content)[at + _CRC.size : end]) != crc:
        return None
    return Record(sequence, kind, content[body:end], end)


def _next_record(content: bytes, after: int, last: int) -> Record | None:
    """The first whole record behind byte `after`, looked for by the numbers that it may have."""
    sequence_at = _CRC.size + 4
    for sequence in range(last + 1, last + _LOST_AT_ONCE):
        wanted = sequence.to_bytes(8, "little")
        found = content.find(wanted, after + 1 + sequence_at)
        while found >= 0:
            record = _record_at(content, found - sequence_at, last)
            if record is not None:
                return record
            found = content.find(wanted, found + 1)
    return None
