"""Flows of counted things -> series of counters and histograms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from ..flows import Flow
from .base import Family, Floats, Labels, Sampled, tidy
from .grid import Grid, Part

HTTP_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bucket bounds that OpenTelemetry's conventions advise for HTTP durations."""
COARSE_BOUNDS_S = (0.01, 0.1, 1.0, 10.0)
"""As a view would be set up where every client times every peer."""

InstanceOf = Callable[[str, int], Labels]
"""Job and pod -> the labels that name the pod."""


def gauges(name: str, told: str, rows: Iterable[tuple[Labels, Floats]]) -> Family:
    """A family of gauges: labels, and values [K]."""
    return Family(name, "gauge", told, (Sampled("", tidy(labels), values) for labels, values in rows))


def counters(
    grid: Grid,
    name: str,
    told: str,
    flows: Iterable[Flow],
    pods: InstanceOf | None = None,
    *,
    born: bool = False,
    each: bool = False,
) -> Family:
    """A family of counters of whole things, which stand at 0 from the start, or are `born` with the first thing.

    each: every pod counts all of a flow, whatever its siblings do, and not its share of it.
    """
    return Family(name, "counter", told, _counters(grid, flows, pods, born=born, each=each))


def histogram(
    grid: Grid,
    name: str,
    told: str,
    flows: Iterable[Flow],
    bounds: tuple[float, ...] = HTTP_BOUNDS_S,
    pods: InstanceOf | None = None,
    per_s: float = 1.0,
) -> Family:
    """A family of classic histograms; `bounds` and sums in units of 1/`per_s` seconds (1000 for milliseconds)."""
    return Family(name, "histogram", told, _histograms(grid, flows, bounds, pods, per_s))


def _counters(
    grid: Grid, flows: Iterable[Flow], pods: InstanceOf | None, *, born: bool, each: bool
) -> Iterator[Sampled]:
    for flow, part, labels in _split(grid, flows, pods):
        counted = replace(part, share=np.ones(1)) if each else part
        count = np.floor(grid.counter(flow.count, counted) + 1e-6)
        seen = (not born) | (np.cumsum(count) > 0)
        if seen.any():
            yield Sampled("", labels, np.where(seen & part.there, count, np.nan))


def _histograms(
    grid: Grid, flows: Iterable[Flow], bounds: tuple[float, ...], pods: InstanceOf | None, per_s: float
) -> Iterator[Sampled]:
    edges = np.array([*bounds, np.inf])
    names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    for flow, part, labels in _split(grid, flows, pods):
        shares = share_below(flow.mean_s * per_s, edges[:, None], flow.spread)
        rows = flow.count * np.vstack([shares, flow.mean_s * per_s])
        totals = grid.counter(rows, part)
        counts = np.floor(totals[:-1] + 1e-6)
        seen = np.cumsum(counts[-1]) > 0  # a series is there from its first observation on
        if not seen.any():
            continue
        there = seen & part.there
        for le, count in zip(names, counts, strict=True):
            yield Sampled("_bucket", tidy({**labels, "le": le}), np.where(there, count, np.nan))
        yield Sampled("_count", labels, np.where(there, counts[-1], np.nan))
        yield Sampled("_sum", labels, np.where(there, totals[-1], np.nan))


def _split(grid: Grid, flows: Iterable[Flow], pods: InstanceOf | None) -> Iterator[tuple[Flow, Part, dict[str, str]]]:
    for flow in flows:
        for part in grid.parts(flow.job, pods=pods is not None):
            extra = {} if pods is None or part.pod is None else pods(flow.job, part.pod)
            yield flow, part, tidy({**flow.labels, **extra})


def share_below(mean: Floats, bound: Floats, spread: float) -> Floats:
    """Share of durations up to the bound: log-normal with this mean, by the logistic stand-in for its integral."""
    middle = np.log(np.maximum(mean, 1e-9)) - 0.5 * spread**2
    return 1.0 / (1.0 + np.exp(np.clip(-1.702 * (np.log(bound) - middle) / spread, -50.0, 50.0)))
