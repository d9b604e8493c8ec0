"""redis_exporter, for each cache of the world: a lost cache shows as misses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...world.history import CacheUse
from ..flows import Flow
from .base import Family, Floats, Labels
from .grid import Grid
from .shapes import counters, gauges


def redis(grid: Grid) -> Iterator[Family]:
    """Hits, misses and commands of a cache, and whether it answers."""
    caches = grid.history.caches
    for name, told, count in (
        ("redis_keyspace_hits_total", "Look-ups that found their key.", lambda one: one.hits),
        ("redis_keyspace_misses_total", "Look-ups that did not find their key.", lambda one: one.misses),
        ("redis_commands_processed_total", "Commands worked off; each miss is followed by a write.", _commands),
    ):
        yield counters(grid, name, told, [_flow(one, count(one)) for one in caches])
    yield gauges(
        "redis_up", "Whether the cache answers its exporter.", ((exporter_of(one), _up(grid, one)) for one in caches)
    )


def exporter_of(cache: CacheUse) -> Labels:
    """Labels of the scrape of a cache's exporter."""
    return {"job": cache.service, "instance": f"{cache.service}:6379"}


def _flow(cache: CacheUse, count: Floats) -> Flow:
    return Flow(exporter_of(cache), count, count, job=cache.service)


def _commands(cache: CacheUse) -> Floats:
    return cache.hits + 2.0 * cache.misses


def _up(grid: Grid, cache: CacheUse) -> Floats:
    """A shared cache is up while any instance of its service is; the exporter tells it, if telemetry arrives."""
    part = grid.parts(cache.service)[0]
    alive = grid.alive.get(cache.service)
    running = np.ones(len(grid.times)) if alive is None else grid.state(alive.any(axis=0).astype(float))
    return np.where(part.there, running, np.nan)
