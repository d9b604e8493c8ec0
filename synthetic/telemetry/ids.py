"""Trace and span identifiers from a seeded generator, as the hex text that the model holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_HEX = np.array([f"{pair & 255:02x}{pair >> 8:02x}".encode() for pair in range(65536)]).view(np.uint32)
"""[65536] four hex digits, of two bytes in a row on a little-endian machine: one look-up makes four characters."""


def random_ids(generator: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """[count, size] random bytes, `size` a multiple of 8; never all zero, which W3C Trace Context forbids."""
    ids = np.frombuffer(generator.bytes(count * size), np.uint64).reshape(count, size // 8).copy()
    ids[:, -1] += (ids == 0).all(axis=1)
    return ids.view(np.uint8)


def hex_digits(ids: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """[count, size / 2] lower-case hex, four digits an element."""
    return _HEX.take(ids.view("<u2"))


def text_of(digits: NDArray[np.uint32], present: NDArray[np.bool_] | None = None) -> pa.StringArray:
    """A text a row of hex digits; where `present` is given, its rows in order where it says so, and "" elsewhere."""
    length = 4 * digits.shape[1]
    if present is None:
        offsets = np.arange(len(digits) + 1, dtype=np.int32) * length
    else:
        offsets = np.zeros(len(present) + 1, np.int32)
        np.cumsum(present, out=offsets[1:], dtype=np.int32)
        offsets *= length
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(digits))
