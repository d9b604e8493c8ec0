"""Trace and span identifiers from a seeded generator, as the hex text that the model holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)]).view(np.uint16)
"""[256] two hex digits a byte, so that one look-up makes two characters."""


def random_ids(generator: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """[count, size] random bytes; never all zero, which W3C Trace Context forbids."""
    ids = generator.integers(0, 256, (count, size), np.uint8)
    ids[:, -1] |= (ids == 0).all(axis=1)
    return ids


def hex_text(ids: NDArray[np.uint8]) -> pa.StringArray:
    """Lower-case hex of each row."""
    count, size = ids.shape
    data = _HEX[ids].tobytes()
    offsets = np.arange(count + 1, dtype=np.int32) * (2 * size)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
