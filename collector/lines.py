"""Lines of a text file that may be compressed, cut off, binary or endless, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from .errors import UnreadableInput

MAX_LINE_BYTES = 256 * 2**20
"""The longest line that is read: far above the Collector's largest export request, far below a machine's memory."""

_CHUNK_BYTES = 4 * 2**20


def read_lines(path: Path, *, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes]]:
    """The file's non-empty lines with their numbers, from 1.

    Raises UnreadableInput at the point where the file cannot be read on: a compressed stream that is broken or
    cut off, or a line longer than `max_line_bytes`.
    """
    rest, number = bytearray(), 0
    for chunk in _chunks(path):
        *lines, tail = chunk.split(b"\n")
        for line in lines:
            number += 1
            whole = bytes(rest) + line if rest else line
            rest.clear()
            if whole.strip():
                yield number, whole
        rest += tail
        if len(rest) > max_line_bytes:
            rule = f"a line may have {max_line_bytes:,} bytes at the most, and this one is longer"
            raise UnreadableInput(path, rule, line=number + 1)
    if rest.strip():
        yield number + 1, bytes(rest)


def _chunks(path: Path) -> Iterator[bytes]:
    compression = "zstd" if path.suffix == ".zst" else "gzip" if path.suffix == ".gz" else None
    try:
        if compression is None:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
            return
        with pa.input_stream(str(path), compression=compression) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise UnreadableInput(path, f"cannot be read to its end as {compression or 'a file'} ({error})") from error
