"""Caches that keep load from a store, and refill only as far as the store can answer.

While the hit rate is low the store gets the load that the cache used to keep from it. Where that is more than it can
do, its answers come too late to fill the cache, and the hit rate stays low though nothing is broken any more: a
metastable failure without growing retries (Bronson et al., HotOS 2021; Slack's incident of 22 February 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .books import Books
from .conditions import Conditions
from .engine import Row
from .history import CacheUse


@dataclass(frozen=True)
class Cache:
    """A cache of equally popular keys.

    service: that serves it. client, store: over whose edge misses are read; its `calls_per_request` are look-ups.
    keys: that are asked for. ttl_s: how long an entry is kept. filled: the hit rate on an ordinary day, at the start.
    """

    service: str
    client: str
    store: str
    keys: float
    ttl_s: float
    filled: float


class CacheFeedback:
    """The running cache: its hit rate decides how many look-ups reach the store, whose answers fill it."""

    edges: Sequence[int] = ()

    def __init__(self, cache: Cache, conditions: Conditions) -> None:
        self._cache, self._tick_s = cache, conditions.tick_s
        pairs = [(edge.client, edge.server) for edge in conditions.edges]
        self._edge = pairs.index((cache.client, cache.store))
        self._client = conditions.service(cache.client)
        self._flushed = conditions.mark("flush", cache.service)
        self._filled = cache.filled
        self.rates = np.zeros(conditions.ticks)
        self._lookups = np.zeros(conditions.ticks)

    def before(self, tick: int, row: Row) -> None:
        """Only misses reach the store."""
        self._filled *= 1.0 - self._flushed[tick]
        self.rates[tick] = self._filled
        self._lookups[tick] = row.calls[self._edge]
        row.calls[self._edge] *= 1.0 - self._filled

    def after(self, tick: int, books: Books) -> None:
        """Each answer fills one entry; entries expire."""
        self._lookups[tick] *= books.by_service["served"][tick, self._client]
        filled = books.by_edge["ok"][tick, self._edge] / self._cache.keys
        self._filled = min(1.0, self._filled * (1.0 - self._tick_s / self._cache.ttl_s) + filled)

    def use(self) -> CacheUse:
        """What the cache's own counters would show."""
        return CacheUse(self._cache.service, self._lookups * self.rates, self._lookups * (1.0 - self.rates))
