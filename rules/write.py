"""Samples -> Prometheus' remote write 1.0: protobuf, by hand since every sample is 18 bytes, packed with Snappy.

Source of the format: Prometheus Remote-Write 1.0 specification (prometheus.io/docs/specs/prw).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STALE = np.array([0x7FF0000000000002], np.uint64).view(np.float64)[0]
"""The NaN with which Prometheus ends a series (model/value in its source)."""
_SLICE_S = 3500.0
"""Prometheus keeps eight bytes for each of the most samples that a series got at once."""
_BATCH_SAMPLES = 50_000
_STAMP_BYTES = 6
"""A varint of a Unix millisecond between 1971 and 2109."""
_SAMPLE_BYTES = 18
_SNAPPY: Any = pa.Codec("snappy")


@dataclass(frozen=True)
class Series:
    """One series: labels with `__name__`, [N] ascending Unix seconds, [N] values, STALE where it ends."""

    labels: Mapping[str, str]
    times: Floats
    values: Floats


def is_stale(values: Floats) -> NDArray[np.bool_]:
    """Where a series ends; other NaN are values."""
    return values.view(np.uint64) == STALE.view(np.uint64)


def slices(series: Iterable[Series]) -> Iterator[Iterator[bytes]]:
    """The bodies of the requests, slice of time by slice of time, so that a series gets few samples at once.

    Those of one slice are of different series and may come in any order.
    """
    packed = [(_labels(one.labels), one.times, _samples(one.times, one.values)) for one in series if len(one.times)]
    if not packed:
        return
    first, last = min(times[0] for _, times, _ in packed), max(times[-1] for _, times, _ in packed)
    for begin in np.arange(first, last + 1e-3, _SLICE_S):
        yield _bodies(packed, float(begin))


def _bodies(packed: list[tuple[bytes, Floats, NDArray[np.uint8]]], begin: float) -> Iterator[bytes]:
    batch: list[bytes] = []
    count = 0
    for labels, times, samples in packed:
        low, high = np.searchsorted(times, [begin, begin + _SLICE_S])
        if low < high:
            body = labels + samples[low:high].tobytes()
            batch.append(b"\x0a" + _varint(len(body)) + body)
            count += int(high - low)
        if count >= _BATCH_SAMPLES:
            yield _packed(batch)
            batch, count = [], 0
    if batch:
        yield _packed(batch)


def _packed(batch: list[bytes]) -> bytes:
    return bytes(_SNAPPY.compress(b"".join(batch)))


def _labels(labels: Mapping[str, str]) -> bytes:
    parts = (_text(b"\x0a", name) + _text(b"\x12", value) for name, value in sorted(labels.items()) if value)
    return b"".join(b"\x0a" + _varint(len(part)) + part for part in parts)


def _text(tag: bytes, text: str) -> bytes:
    raw = text.encode()
    return tag + _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _samples(times: Floats, values: Floats) -> NDArray[np.uint8]:
    """[N, 18] each sample as its message; ValueError for a time that is no Unix second between 1971 and 2109."""
    stamps = np.round(times * 1000).astype(np.int64)
    if stamps.min() < 1 << 35 or stamps.max() >= 1 << 42:
        raise ValueError("times are Unix seconds between 1971 and 2109")
    made = np.empty((len(times), _SAMPLE_BYTES), np.uint8)
    made[:, :3] = (0x12, 16, 0x09)
    made[:, 3:11] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    made[:, 11] = 0x10
    shifts = 7 * np.arange(_STAMP_BYTES)
    more = np.where(np.arange(_STAMP_BYTES) < _STAMP_BYTES - 1, 0x80, 0)
    made[:, 12:] = (stamps[:, None] >> shifts & 0x7F | more).astype(np.uint8)
    return made
