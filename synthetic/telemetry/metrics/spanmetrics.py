"""Counters and durations that a collector or Tempo makes of spans, in the three spellings that are in use.

- `spanmetrics`: the Collector's connector today, milliseconds.
- `spanmetrics-tempo`: the metrics generator of Tempo, seconds, `service` instead of `service_name`.
- `spanmetrics-plain`: the connector before it had a namespace, milliseconds.

They count the spans that arrive: what is lost on the way to the collector is missing here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...world.history import Edge
from ..conventions import client_span
from ..flows import Flow, answers_calls, attempts, merged, served
from ..looks import HIDES_ATTEMPTS
from .base import Family
from .grid import Grid
from .shapes import counters, histogram

_BOUNDS_MS = (
    2.0,
    4.0,
    6.0,
    8.0,
    10.0,
    50.0,
    100.0,
    200.0,
    400.0,
    800.0,
    1000.0,
    1400.0,
    2000.0,
    5000.0,
    10000.0,
    15000.0,
)
"""The connector's default buckets."""
_BOUNDS_S = (0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.02, 2.05, 4.1)
"""Tempo's default buckets."""


@dataclass(frozen=True)
class Spelling:
    """Names of one generator of span metrics."""

    calls: str
    duration: str
    service: str
    bounds: tuple[float, ...]
    per_s: float


CONNECTOR = Spelling(
    "traces_span_metrics_calls_total", "traces_span_metrics_duration_milliseconds", "service_name", _BOUNDS_MS, 1e3
)
TEMPO = Spelling("traces_spanmetrics_calls_total", "traces_spanmetrics_latency", "service", _BOUNDS_S, 1.0)
PLAIN = Spelling("calls_total", "duration_milliseconds", "service_name", _BOUNDS_MS, 1e3)


def connector(grid: Grid) -> Iterator[Family]:
    """As the Collector's connector names them today."""
    return _families(grid, CONNECTOR)


def tempo(grid: Grid) -> Iterator[Family]:
    """As Tempo names them."""
    return _families(grid, TEMPO)


def plain(grid: Grid) -> Iterator[Family]:
    """As the Collector's connector named them at first."""
    return _families(grid, PLAIN)


def _families(grid: Grid, names: Spelling) -> Iterator[Family]:
    yield counters(grid, names.calls, "Spans by name, kind and status.", _spans(grid, names.service), born=True)
    told = "Durations of spans by name, kind and status."
    flows = _spans(grid, names.service)
    yield histogram(grid, names.duration, told, flows, names.bounds, per_s=names.per_s)


def _spans(grid: Grid, service_label: str) -> Iterator[Flow]:
    arriving = {service.name: 1.0 - grid.history.lost[:, s] for s, service in enumerate(grid.history.services)}
    for flow in merged(_sent(grid)):
        labels = dict(flow.labels)
        service = labels.pop("service")
        yield replace(flow, labels={service_label: service, **labels}, count=flow.count * arriving[service])


def _sent(grid: Grid) -> Iterator[Flow]:
    for part in served(grid.history):
        kind = "SPAN_KIND_SERVER" if answers_calls(part.service) else "SPAN_KIND_INTERNAL"
        yield Flow(
            _labels(part.service.name, part.service.operation, kind, part.status == "200"), part.count, part.mean_s
        )
    for part in attempts(grid.history):
        if part.edge.dialect not in HIDES_ATTEMPTS:
            labels = _labels(part.edge.client, client_span(part.edge), "SPAN_KIND_CLIENT", part.outcome == "ok")
            yield Flow(labels, part.count, part.mean_s, part.spread)
    for e, edge in enumerate(grid.history.edges):
        if edge.dialect in HIDES_ATTEMPTS and grid.history.services[grid.history.service(edge.client)].instrumented:
            yield from _whole_calls(grid, e, edge)


def _whole_calls(grid: Grid, e: int, edge: Edge) -> Iterator[Flow]:
    """One span for all attempts of a call: it fails with the last of them."""
    history = grid.history
    name = client_span(edge)
    yield Flow(_labels(edge.client, name, "SPAN_KIND_CLIENT", True), history.ok[:, e], history.latency_ok_s[:, e])
    failed = history.failures[:, e].sum(axis=1)
    tries = np.divide(failed, history.given_up[:, e], out=np.ones(history.ticks), where=history.given_up[:, e] > 0)
    pauses = edge.backoff_s * sum(edge.backoff_growth**k for k in range(edge.retries))
    mean_s = tries * history.latency_server_s[:, e] + pauses
    yield Flow(_labels(edge.client, name, "SPAN_KIND_CLIENT", False), history.given_up[:, e], mean_s)


def _labels(service: str, span: str, kind: str, well: bool) -> dict[str, str]:
    return {
        "service": service,
        "span_name": span,
        "span_kind": kind,
        "status_code": "STATUS_CODE_UNSET" if well else "STATUS_CODE_ERROR",
    }
