"""A history -> sampled traces, as tables of `model.SPANS`, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..world.history import History
from .assembly import CONNECTS, Assembly
from .looks import HIDES_ATTEMPTS, SHOWS_LOOKUPS, WRAPS_ATTEMPTS, Looks, looks_of
from .odds import Odds, ends, odds_of
from .table import SpanTables
from .timing import time_forest
from .tree import draw_forest

Floats = NDArray[np.float64]

CHUNK_SPANS = 60_000
"""Spans that are drawn at a time, roughly: enough to draw fast, few enough to hold in some 50 MB."""

SKEW_S = 0.015
"""Clocks of instances differ by this standard deviation (assumed: NTP over a region), cut at three of it."""


@dataclass(frozen=True)
class SpanSource:
    """What all chunks of a history's spans share.

    share: of all traces, how many are drawn (head sampling by trace).
    """

    history: History
    odds: Odds
    looks: Looks
    tables: SpanTables
    share: float
    skew_s: Floats
    seed: int

    def chunks(self, spans: int = CHUNK_SPANS) -> list[range]:
        """Stretches of ticks with about so many spans each."""
        expected = np.cumsum(_spans_per_tick(self.history)) * self.share
        numbers = (expected // spans).astype(np.int64)
        cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1), self.history.ticks]
        return [range(int(a), int(b)) for a, b in pairwise(cuts) if b > a]

    def draw(self, ticks: range) -> pa.Table:
        """The traces that begin in `ticks`; each stretch has random numbers of its own, so any order will do."""
        generator = np.random.default_rng([self.seed, 1, ticks.start])
        forest = draw_forest(self.history, self.odds, ticks, self.share, generator)
        times = time_forest(self.history, self.odds, forest, generator)
        rows = Assembly(self.history, self.odds.order, self.looks, self.skew_s, forest, times, generator).rows()
        return self.tables.make(rows, forest.traces, generator)


def span_source(history: History, *, spans_per_second: float, seed: int) -> SpanSource:
    """Prepare the drawing of so many spans a second on average, but never more than the world really has."""
    total = float(_spans_per_tick(history).sum())
    share = min(1.0, spans_per_second * history.ticks * history.tick_s / total) if total else 0.0
    looks = looks_of(history)
    skew = np.random.default_rng([seed, 0]).normal(0.0, SKEW_S, len(looks.resources))
    tables = SpanTables(looks, history.start)
    skew = np.clip(skew, -3 * SKEW_S, 3 * SKEW_S)
    return SpanSource(history, odds_of(history), looks, tables, share, skew, seed)


def span_tables(history: History, *, spans_per_second: float, seed: int) -> Iterator[pa.Table]:
    """Yield the sampled spans of a history in order of time, about `CHUNK_SPANS` a table."""
    source = span_source(history, spans_per_second=spans_per_second, seed=seed)
    for ticks in source.chunks():
        yield source.draw(ticks)


def _spans_per_tick(history: History) -> Floats:
    """[T] spans that a tick would leave if every trace were recorded."""
    seen = np.array([service.instrumented for service in history.services])
    clients, _ = ends(history)
    spans = history.arrivals[:, seen].sum(axis=1)
    for e, edge in enumerate(history.edges):
        if not seen[clients[e]]:
            continue
        if edge.dialect in HIDES_ATTEMPTS:
            spans += history.originals[:, e]
            continue
        spans += history.attempts[:, e] + (history.originals[:, e] if edge.dialect in WRAPS_ATTEMPTS else 0.0)
        if edge.dialect in SHOWS_LOOKUPS:
            spans += CONNECTS[0] * history.ok[:, e] + (history.failures[:, e] * CONNECTS[1:]).sum(axis=1)
    return spans
