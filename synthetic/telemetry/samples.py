"""The metrics of a history -> tables of `model.SAMPLES`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ...collector.model import SAMPLES
from ..world.history import History
from .metrics import Family, Sampled, scrape_times, streamed
from .mix import DEFAULT
from .table import AttributePool

SCRAPE_S = 30.0
"""Between Prometheus's default of 60 s and the 15 s that its own example sets up."""

_TABLE_ROWS = 120_000


def sample_tables(
    history: History, *, every_s: float = SCRAPE_S, metrics: Sequence[str] = DEFAULT.metrics
) -> Iterator[pa.Table]:
    """Yield all samples of these dialects, series by series: every series in order of time, at the same moments."""
    times = pa.array(np.round(scrape_times(history, every_s) * 1e9).astype(np.int64)).cast(pa.timestamp("ns"))
    batch: list[tuple[str, Sampled]] = []
    for family in streamed(history, every_s, metrics):
        for name, series in _named(family):
            batch.append((name, series))
            if len(batch) * len(times) >= _TABLE_ROWS:
                yield _table(batch, times)
                batch = []
    if batch:
        yield _table(batch, times)


def _named(family: Family) -> Iterator[tuple[str, Sampled]]:
    for series in family.series:
        yield family.name + series.suffix, series


def _table(batch: list[tuple[str, Sampled]], times: pa.Array) -> pa.Table:
    values = np.concatenate([series.values for _, series in batch])
    there = np.flatnonzero(~np.isnan(values))
    which, when = np.divmod(there, len(times))
    labels = AttributePool([series.labels for _, series in batch])
    names = pa.array([name for name, _ in batch], pa.string())
    columns = [times.take(pa.array(when)), names.take(pa.array(which)), labels.maps(which), pa.array(values[there])]
    return pa.table(columns, schema=SAMPLES)
