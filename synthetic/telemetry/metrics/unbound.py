"""Unbound, by the names of its Prometheus exporter; its pseudo code `nodata` counts empty answers beside NOERROR."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...world.history import Lookups
from ..flows import Flow, merged
from .base import Family, Floats
from .grid import Grid
from .resolvers import forwarder, looked_up
from .shapes import counters, histogram

_BOUNDS_S = tuple(0.000001 * 4.0**k for k in range(14))
"""Unbound's own buckets, every other one."""
_UPSTREAM_S, _LOST_S = 0.02, 2.0
"""A recursion that is answered, and one that is not (assumed)."""


def unbound(grid: Grid) -> Iterator[Family]:
    """Answers by code, questions by type, the cache, and how long recursion takes."""
    asked, forwarded = list(looked_up(grid.history)), forwarder(grid.history)

    def hits(one: Lookups) -> Floats:
        return one.count - forwarded(one)

    codes = [_flow(one, one.count, rcode=one.rcode) for one in asked if one.rcode]
    nodata = [_flow(one, one.count, rcode="nodata") for one in asked if one.empty]
    told = "Answers by response code; nodata are those of NOERROR that are empty."
    yield counters(grid, "unbound_answer_rcodes_total", told, merged([*codes, *nodata]))
    types = merged(_flow(one, one.count, type=one.qtype) for one in asked)
    yield counters(grid, "unbound_query_types_total", "Questions by type.", types)
    every = merged(_flow(one, one.count, thread="0") for one in asked)
    yield counters(grid, "unbound_queries_total", "Questions.", every)
    cached = merged(_flow(one, hits(one), thread="0") for one in asked)
    yield counters(grid, "unbound_cache_hits_total", "Questions answered from the cache.", cached)
    missed = merged(_flow(one, forwarded(one), thread="0") for one in asked)
    yield counters(grid, "unbound_cache_misses_total", "Questions that needed recursion.", missed)
    yield histogram(grid, "unbound_response_time_seconds", "Time that recursion took.", _recursions(grid), _BOUNDS_S)


def _recursions(grid: Grid) -> Iterator[Flow]:
    flows: list[Flow] = []
    forwarded = forwarder(grid.history)
    for one in looked_up(grid.history):
        lasts = _LOST_S if one.rcode in ("", "SERVFAIL") else _UPSTREAM_S
        count = forwarded(one)
        flows.append(Flow(_flow(one, count).labels, count, np.full(count.shape, lasts)))
    return merged(flows)


def _flow(one: Lookups, count: Floats, **labels: str) -> Flow:
    return Flow({**exporter_of(one.resolver), **labels}, count, count)


def exporter_of(resolver: str) -> dict[str, str]:
    """Labels of the scrape of a resolver's exporter."""
    return {"job": "unbound", "instance": f"{resolver}:9167"}
