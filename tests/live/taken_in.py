"""Spans that rolling windows take in, and all that they then tell."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from epicenter.collector.engine import MEMORY_LIMIT, in_passing
from epicenter.collector.model import CALLS, SPANS
from epicenter.collector.model import Windows as Seen
from epicenter.live.config import Windows
from epicenter.live.windows import LiveWindows

Piece = dict[str, pa.Table]

LONG = Windows(window_s=1, lateness_s=600, keep_s=86_400)
SHORT = Windows(window_s=10, lateness_s=30, keep_s=600)


def table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def spans(*rows: dict[str, Any]) -> Piece:
    return {"spans": table(rows, SPANS)}


def all_told(windows: LiveWindows, now: float) -> Seen:
    """Also the windows that have not changed since they were told last."""
    windows.tell_again()
    return windows.observe(now)[0]


def calls_of(windows: LiveWindows, now: float) -> pa.Table:
    return pa.Table.from_pandas(all_told(windows, now).calls, CALLS, preserve_index=False)


@contextmanager
def short_of_memory() -> Generator[None]:
    """What is worked out in passing has a megabyte, until the block ends."""
    with in_passing() as connection:
        connection.execute("set memory_limit = '1MB'")
        try:
            yield
        finally:
            connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
