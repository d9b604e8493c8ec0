"""Items of one signal -> lines as the Collector's file exporter writes them: one batch a line, resources together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .json_text import gathered

Ints = NDArray[np.int64]

BATCH_ITEMS = 8192
"""What the Collector's batch processor gathers by default before it sends (batchprocessor, send_batch_size)."""

SCOPE = "epicenter.synthetic"
"""Instrumentation scope of all that is simulated, recorded or live."""


@dataclass(frozen=True)
class Signal:
    """Names of a signal's three levels of lists."""

    resources: str
    scopes: str
    items: str


TRACES = Signal("resourceSpans", "scopeSpans", "spans")
LOGS = Signal("resourceLogs", "scopeLogs", "logRecords")
METRICS = Signal("resourceMetrics", "scopeMetrics", "metrics")


def lines(signal: Signal, items: Any, resource: Ints, resources: list[bytes], batch: Ints) -> bytes:
    """All lines of some items, a line for each batch.

    items: JSON text of each. resource: number of its resource. batch: number of its line, never falling.
    resources: the inside of each resource's list of attributes.
    """
    if len(items) == 0:
        return b""
    order = np.lexsort((resource, batch))
    key = np.stack([batch[order], resource[order]])
    begins = np.flatnonzero(np.append(True, (key[:, 1:] != key[:, :-1]).any(axis=0)))
    groups = gathered(np.append(begins, len(order)), items.take(pa.array(order))).cast(pa.binary()).to_pylist()
    head = f'"{signal.scopes}":[{{"scope":{{"name":"{SCOPE}"}},"{signal.items}":['.encode()
    parts: list[bytes] = []
    last = -1
    for group, number, which in zip(groups, key[0, begins].tolist(), key[1, begins].tolist(), strict=True):
        start = b"," if number == last else (b"]}\n" if parts else b"") + f'{{"{signal.resources}":['.encode()
        parts += [start, b'{"resource":{"attributes":[', resources[which], b"]},", head, group, b"]}]}"]
        last = number
    return b"".join([*parts, b"]}\n"])


def full_batches(count: int) -> Ints:
    """The batch of each of so many items that arrive one after the other."""
    return np.arange(count, dtype=np.int64) // BATCH_ITEMS
