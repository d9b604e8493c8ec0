"""Trace and span identifiers from a seeded generator, as the hex text that the model holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)]).view(np.uint16)
"""[256] two hex digits a byte, so that one look-up makes two characters."""


def random_ids(generator: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """[count, size] random bytes, `size` a multiple of 8; never all zero, which W3C Trace Context forbids."""
    ids = np.frombuffer(generator.bytes(count * size), np.uint64).reshape(count, size // 8).copy()
    ids[:, -1] += (ids == 0).all(axis=1)
    return ids.view(np.uint8)


def hex_digits(ids: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """[count, size] lower-case hex, two digits an element."""
    return _HEX[ids]


def text_of(digits: NDArray[np.uint16], present: NDArray[np.bool_] | None = None) -> pa.StringArray:
    """A text a row of hex digits; where `present` is given, its rows in order where it says so, and "" elsewhere."""
    length = 2 * digits.shape[1]
    if present is None:
        offsets = np.arange(len(digits) + 1, dtype=np.int32) * length
    else:
        offsets = np.zeros(len(present) + 1, np.int32)
        np.cumsum(present, out=offsets[1:], dtype=np.int32)
        offsets *= length
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(digits))
