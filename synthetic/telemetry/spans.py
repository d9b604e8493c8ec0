"""A history -> sampled traces, as tables of `model.SPANS`, chunk by chunk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...collector.model import SPANS
from ..world.books import CLASS
from ..world.history import History
from .assembly import CONNECTS, Assembly
from .looks import HIDES_ATTEMPTS, SHOWS_LOOKUPS, WRAPS_ATTEMPTS, Looks, looks_of
from .mix import DEFAULT, Mix
from .odds import Chances, chances_of, ends
from .table import Drawn, SpanTables
from .timing import time_forest
from .tree import draw_forest

Floats = NDArray[np.float64]

CHUNK_SPANS = 200_000
"""Spans that are drawn at a time, roughly: enough to draw fast, few enough to hold in some 100 MB."""


_AHEAD = 2
"""Chunks drawn before they are used, so that neither drawing nor writing waits for the other."""


@dataclass(frozen=True)
class SpanSource:
    """What all chunks of a history's spans share.

    tables, encoded: makers of tables in the model's own types, and of dictionary-encoded ones.
    share: of all traces, how many are drawn (head sampling by trace). skew_s [resources]: of each instance's clock.
    """

    history: History
    chances: Chances
    looks: Looks
    tables: SpanTables
    encoded: SpanTables
    share: float
    skew_s: Floats
    seed: int

    def chunks(self, spans: int = CHUNK_SPANS) -> list[range]:
        """Stretches of ticks with about so many spans each."""
        expected = np.cumsum(_spans_per_tick(self.history, self.chances)) * self.share
        numbers = (expected // spans).astype(np.int64)
        cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1), self.history.ticks]
        return [range(int(a), int(b)) for a, b in pairwise(cuts) if b > a]

    def draw(self, ticks: range) -> pa.Table:
        """The spans of traces that begin in `ticks`; each stretch has random numbers of its own: any order will do."""
        return self._draw(ticks, self.tables).spans.cast(SPANS)

    def draw_encoded(self, ticks: range) -> Drawn:
        """The same spans with dictionary-encoded texts, which are written fastest; and the log records inside them."""
        return self._draw(ticks, self.encoded)

    def _draw(self, ticks: range, tables: SpanTables) -> Drawn:
        generator = np.random.default_rng([self.seed, 1, ticks.start])
        forest = draw_forest(self.history, self.chances, ticks, self.share, generator)
        times = time_forest(self.history, self.chances, forest, generator)
        rows = Assembly(self.history, self.chances.order, self.looks, self.skew_s, forest, times, generator).rows()
        return tables.make(rows, forest.traces, generator)


def drawn_ahead(source: SpanSource, chunks: list[range]) -> Iterator[Drawn]:
    """Draw the chunks one after the other, the next one in a thread while what was yielded is being used."""
    with ThreadPoolExecutor(1) as pool:
        ahead = deque(pool.submit(source.draw_encoded, ticks) for ticks in chunks[:_AHEAD])
        for at in range(len(chunks)):
            drawn = ahead.popleft().result()
            if at + _AHEAD < len(chunks):
                ahead.append(pool.submit(source.draw_encoded, chunks[at + _AHEAD]))
            yield drawn


def span_source(history: History, *, spans_per_second: float, seed: int, mix: Mix = DEFAULT) -> SpanSource:
    """Prepare the drawing of so many spans a second on average, but never more than the world really has."""
    chances = chances_of(history)
    total = float(_spans_per_tick(history, chances).sum())
    share = min(1.0, spans_per_second * history.ticks * history.tick_s / total) if total else 0.0
    looks = looks_of(history, mix)
    skew = np.random.default_rng([seed, 0]).normal(0.0, mix.skew_s, len(looks.resources))
    skew = np.clip(skew, -3 * mix.skew_s, 3 * mix.skew_s)
    logged = mix.exceptions == "logs"
    tables, encoded = (SpanTables(looks, history.start, logged=logged, encoded=encoded) for encoded in (False, True))
    return SpanSource(history, chances, looks, tables, encoded, share, skew, seed)


def span_tables(history: History, *, spans_per_second: float, seed: int, mix: Mix = DEFAULT) -> Iterator[pa.Table]:
    """Yield the sampled spans of a history in order of time, about `CHUNK_SPANS` a table."""
    source = span_source(history, spans_per_second=spans_per_second, seed=seed, mix=mix)
    for ticks in source.chunks():
        yield source.draw(ticks)


def _spans_per_tick(history: History, chances: Chances) -> Floats:
    """[T] spans that a tick would leave if every trace were recorded."""
    seen = np.array([service.instrumented for service in history.services])
    clients, _ = ends(history)
    spans = history.arrivals[:, seen].sum(axis=1) + chances.alone[:, seen[clients]].sum(axis=1)
    for e, edge in enumerate(history.edges):
        if not seen[clients[e]]:
            continue
        if edge.dialect in HIDES_ATTEMPTS:
            spans += history.originals[:, e]
            continue
        spans += history.attempts[:, e] + (history.originals[:, e] if edge.dialect in WRAPS_ATTEMPTS else 0.0)
        if edge.dialect in SHOWS_LOOKUPS:
            spans += CONNECTS[0] * history.ok[:, e] + history.failures[:, e] @ CONNECTS[1 : 1 + len(CLASS)]
    return spans
