"""Lines of a text file that may be compressed, cut off, binary or endless, in bounded memory.

zstd and gzip are known by the file's name or its first bytes. Frames that follow each other are read as one
stream, and so are frames with their length before them, as the Collector's file exporter writes them.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from .errors import UnreadableInput

MAX_LINE_BYTES = 64 * 2**20
"""The longest line that is read: three times the 20 MiB that the Collector takes as one request (confighttp)."""

_CHUNK_BYTES = 2**16
"""Read at once; also what may be lost before the cut of a compressed file that is cut off."""

_OPENED = re.compile(rb'\s*\{(?:\s*"\w+"\s*:\s*\[)?\s*')
"""A first line that only opens a document, or its list."""

_MAGIC = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}
_SUFFIXES = {".zst": "zstd", ".gz": "gzip"}

Report = Callable[[UnreadableInput], None]
"""Takes what cannot be used: raises it, or notes it so that the reader goes on with the rest."""


def refuse(error: UnreadableInput) -> None:
    """The strict Report: nothing may be left out."""
    raise error


def read_head(path: Path) -> bytes:
    """The first bytes of a file, unpacked; empty where there are none to be had."""
    return next(_chunks(path, lambda _: None), b"")


def read_lines(
    path: Path, report: Report = refuse, *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[int, bytes]]:
    """The file's non-empty lines with their numbers, from 1.

    Reported are a line longer than `max_line_bytes`, which is passed over, and a file that cannot be read to its
    end, which ends the lines. Never more than one line and one chunk are held.
    """
    rest, number, too_long, cut = bytearray(), 0, False, False

    def report_cut(error: UnreadableInput) -> None:
        nonlocal cut
        cut = True
        report(error)

    for chunk in _chunks(path, report_cut):
        *lines, tail = chunk.split(b"\n")
        for line in lines:
            number += 1
            whole = bytes(rest) + line if rest else line
            rest.clear()
            if too_long:
                too_long = False
            elif len(whole) > max_line_bytes:
                report(_too_long(path, max_line_bytes, number))
            elif whole.strip():
                yield number, whole
        if not too_long:
            rest += tail
        if len(rest) > max_line_bytes:
            rest.clear()
            too_long = True
            report(_too_long(path, max_line_bytes, number + 1))
    if rest.strip() and not cut:  # half a line at the cut is the same fault, which was reported
        yield number + 1, bytes(rest)


def read_documents(
    path: Path, report: Report = refuse, *, max_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[int, bytes]]:
    """The JSON documents of a file with the lines at which they begin: one a line, or one spread over all lines.

    Reported is what `read_lines` reports, and a document of more than `max_bytes`.
    """
    lines = read_lines(path, report, max_line_bytes=max_bytes)
    number, document = next(lines, (0, b""))
    if not _OPENED.fullmatch(document):
        yield from chain(((number, document),) if number else (), lines)
        return
    whole = bytearray(document)
    for _, line in lines:
        whole += b"\n" + line
        if len(whole) > max_bytes:
            report(UnreadableInput(path, f"a document may have {max_bytes:,} bytes at the most, and this is longer"))
            return
    yield number, bytes(whole)


def _too_long(path: Path, limit: int, line: int) -> UnreadableInput:
    return UnreadableInput(path, f"a line may have {limit:,} bytes at the most, and this one is longer", line=line)


def _chunks(path: Path, report: Report) -> Iterator[bytes]:
    """The file's bytes, unpacked, without the mark that editors on Windows put before UTF-8."""
    chunks = _unpacked(path, report)
    first = next(chunks, b"")
    yield first.removeprefix(BOM_UTF8)
    yield from chunks


def _unpacked(path: Path, report: Report) -> Iterator[bytes]:
    compression = None
    try:
        with path.open("rb") as file:
            head = file.read(8)
            file.seek(0)
            if _known_by(head[4:]) == "zstd":
                yield from _prefixed_frames(path, file, report)
                return
            compression = _SUFFIXES.get(path.suffix) or _known_by(head)
            stream = file if compression is None else pa.CompressedInputStream(file, compression)
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        how = f"as {compression} " if compression else ""
        report(UnreadableInput(path, f"cannot be read to its end {how}({error.strerror or error})"))


def _known_by(head: bytes) -> str | None:
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def _prefixed_frames(path: Path, file: BinaryIO, report: Report) -> Iterator[bytes]:
    """The Collector's `compression: zstd`: each message is a frame after its length in 4 bytes, big-endian."""
    while prefix := file.read(4):
        length = int.from_bytes(prefix, "big")
        frame = file.read(min(length, MAX_LINE_BYTES))
        if len(prefix) < 4 or len(frame) < length:
            report(UnreadableInput(path, "cannot be read to its end as zstd (the last frame is cut off)"))
            return
        with pa.CompressedInputStream(pa.BufferReader(frame), "zstd") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
        yield b"\n"
