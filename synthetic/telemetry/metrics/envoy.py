"""Envoy beside each service: upstream per cluster that the service calls, downstream for what comes in.

A resend is Envoy's own retry here. A cluster loses its endpoints with the last address of its name: then nothing is
healthy, and requests fail without being sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...world.books import CLASS
from ...world.history import Edge, History, Service
from ...world.simulation import STRAY
from ..flows import Flow, answers_calls, merged, renewed, unopened
from ..looks import INSTANCES
from ..odds import failure_s
from .base import Family, Floats, Labels
from .grid import Grid
from .outliers import ejected
from .shapes import InstanceOf, counters, gauges, histogram

BOUNDS_MS = (0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 30000.0, 60000.0)
_REQUESTS = 1024.0
"""Requests under way at which a circuit breaker opens unless it is told otherwise."""
_REFRESH_S, _CHECK_S = 5.0, 10.0
"""How often a cluster's name is resolved, and an endpoint checked."""
_CERTIFICATE_DAYS = 90.0
_HEAP_BYTES, _REQUEST_BYTES = 48e6, 2e4
"""Of an idle proxy, and for each request under way (assumed)."""

Count = Callable[[History, int], Floats]


def envoy(grid: Grid, pods: InstanceOf | None = None) -> Iterator[Family]:
    """Both sides of every sidecar, and the state of the proxies; counts by service, or by its pods."""
    yield from _upstream(grid, pods)
    yield from _downstream(grid, pods)
    yield from _servers(grid)


def envoy_pods(grid: Grid) -> Iterator[Family]:
    """Every sidecar as it is scraped: public rules hold each of them to their thresholds."""
    yield from envoy(grid, sidecar)


def sidecar(job: str, pod: int) -> dict[str, str]:
    """The label that names the sidecar of a pod."""
    return {"instance": f"{job}-{pod}"}


def _upstream(grid: Grid, pods: InstanceOf | None) -> Iterator[Family]:
    history = grid.history
    edges = [e for e, edge in enumerate(history.edges) if edge.calls_per_request > 0]
    for name, told, count in _COUNTS:
        flows = merged(_flow(history, e, count(history, e)) for e in edges)
        yield counters(grid, f"envoy_cluster_upstream_{name}", told, flows, pods)
    by_class = merged(
        _flow(history, e, count, envoy_response_code_class=code)
        for e in edges  # a failure without an answer is a 503 or 504 of Envoy's own
        for code, count in (("2", history.ok[:, e]), ("5", history.failures[:, e].sum(axis=-1)))
    )
    yield counters(grid, "envoy_cluster_upstream_rq_xx", "Responses by class of status.", by_class, pods)
    times = merged(
        Flow(_labels(history.edges[e]), history.ok[:, e], history.latency_ok_s[:, e], job=history.edges[e].client)
        for e in edges
    )
    told = "Time of upstream requests, in milliseconds."
    yield histogram(grid, "envoy_cluster_upstream_rq_time", told, times, BOUNDS_MS, pods, per_s=1e3)
    # each sidecar resolves and checks for itself
    for name, told, update in (
        ("attempt", "Attempts to resolve a cluster's name.", _every_refresh),
        ("empty", "Resolutions that gave no address.", lambda h, e: _every_refresh(h, e) * _empty(h, e)),
        ("failure", "Resolutions that failed.", lambda h, e: _every_refresh(h, e) * (_unresolved(h, e) - _empty(h, e))),
    ):
        flows = merged(_flow(history, e, update(history, e)) for e in edges)
        yield counters(grid, f"envoy_cluster_update_{name}", told, flows, pods, each=True)
    every = history.tick_s / _CHECK_S
    checks = merged(_flow(history, e, (INSTANCES - _healthy(history, e)) * every) for e in edges)
    told = "Health checks that failed."
    yield counters(grid, "envoy_cluster_health_check_failure", told, checks, pods, each=True)
    clusters: dict[tuple[str, str], list[int]] = {}
    for e in edges:
        clusters.setdefault((history.edges[e].client, history.edges[e].server), []).append(e)
    for name, told, value in _STATES:
        rows = (row for es in clusters.values() for row in _seen(grid, es, value, pods, shared=value is _under_way))
        yield gauges(f"envoy_cluster_{name}", told, rows)


def _seen(
    grid: Grid, edges: list[int], value: Count, pods: InstanceOf | None, *, shared: bool
) -> Iterator[tuple[Labels, Floats]]:
    """What each sidecar of a client sees of a cluster: all of it, or its share."""
    values = np.max([value(grid.history, e) for e in edges], axis=0)
    edge = grid.history.edges[edges[0]]
    for part in grid.parts(edge.client, pods=pods is not None):
        own = {} if pods is None or part.pod is None else pods(edge.client, part.pod)
        seen = grid.state(np.ceil(values * part.share) if shared else values)
        yield {**_labels(edge), **own}, np.where(part.there, seen, np.nan)


def _labels(edge: Edge) -> Labels:
    return {"job": edge.client, "envoy_cluster_name": edge.server}


def _flow(history: History, e: int, count: Floats, **labels: str) -> Flow:
    edge = history.edges[e]
    return Flow({**_labels(edge), **labels}, count, count, job=edge.client)


def _failed(history: History, e: int, name: str) -> Floats:
    return history.failures[:, e, CLASS[name]]


def _reached(history: History, e: int) -> Floats:
    return history.ok[:, e] + _failed(history, e, "server") + _failed(history, e, "deadline")


def _retries(history: History, e: int) -> Floats:
    return np.maximum(0.0, history.attempts[:, e] - history.originals[:, e])


def _turned_down(history: History, e: int) -> Floats:
    """Retries that the budget denied, of which `granted` were made."""
    granted = np.maximum(history.odds.granted[:, e], 1e-3)
    return _retries(history, e) * (1.0 / granted - 1.0)


def _retry_success(history: History, e: int) -> Floats:
    """Calls that ended well, but for those whose first attempt did."""
    odds, s = history.odds, history.service(history.edges[e].server)
    through = (1.0 - _unresolved(history, e)) * (1.0 - odds.refused[:, e]) * (1.0 - odds.unconnected[:, e])
    first = history.originals[:, e] * through * (1.0 - odds.late[:, e]) * (1.0 - odds.failing[:, s])
    return np.clip(history.ok[:, e] - first, 0.0, _retries(history, e))


def _limit(history: History, e: int) -> Floats:
    return history.given_up[:, e] if history.edges[e].retries else 0.0 * history.given_up[:, e]


def _unresolved(history: History, e: int) -> Floats:
    return np.clip(sum((share[:, e] for share in history.odds.unresolved.values()), np.zeros(history.ticks)), 0.0, 1.0)


def _empty(history: History, e: int) -> Floats:
    shares = history.odds.unresolved.get("dns_nodata")
    return np.zeros(history.ticks) if shares is None else np.clip(shares[:, e], 0.0, 1.0)


def _every_refresh(history: History, _: int) -> Floats:
    return np.full(history.ticks, history.tick_s / _REFRESH_S)


def _overflow(history: History, e: int) -> Floats:
    """Requests beyond the circuit breakers of all instances."""
    room = _REQUESTS * INSTANCES
    beyond = np.maximum(0.0, history.in_flight[:, e] - room) / np.maximum(history.in_flight[:, e], 1.0)
    return history.attempts[:, e] * beyond


def _total(history: History, e: int) -> Floats:
    return np.round(INSTANCES * (1.0 - _empty(history, e)))


def _healthy(history: History, e: int) -> Floats:
    up = history.up[:, history.service(history.edges[e].server)]
    return np.minimum(_total(history, e), np.ceil(INSTANCES * up - 1e-9))


def _balanced(history: History, e: int) -> Floats:
    """Endpoints that get requests."""
    healthy = _healthy(history, e)
    return healthy - np.minimum(healthy, ejected(history, e))


def _under_way(history: History, e: int) -> Floats:
    """By Little's law, over attempts that end well and those that time out."""
    lasts = failure_s(history.edges[e])
    late = _failed(history, e, "deadline") * float(lasts[CLASS["deadline"]])
    busy = (history.ok[:, e] * history.latency_ok_s[:, e] + late) / history.tick_s
    return np.ceil(np.maximum(busy, history.in_flight[:, e]))


def _open(history: History, e: int) -> Floats:
    return (_under_way(history, e) >= _REQUESTS * INSTANCES).astype(float)


_COUNTS: tuple[tuple[str, str, Count], ...] = (
    ("rq_total", "Requests sent upstream, retries included.", _reached),
    ("rq_completed", "Requests that ended with a response, Envoy's own included.", lambda h, e: h.attempts[:, e]),
    ("rq_retry", "Retries of requests.", _retries),
    ("rq_retry_success", "Retries that ended well.", _retry_success),
    ("rq_retry_limit_exceeded", "Requests that failed after all their retries.", _limit),
    ("rq_retry_overflow", "Retries that the retry budget denied.", _turned_down),
    ("rq_timeout", "Requests that timed out.", lambda h, e: _failed(h, e, "deadline")),
    ("rq_pending_overflow", "Requests that a circuit breaker turned away.", _overflow),
    ("cx_total", "Connections opened.", renewed),
    ("cx_connect_fail", "Connections that failed.", unopened),
    (
        "cx_connect_timeout",
        "Connections that timed out.",
        lambda h, e: unopened(h, e) * (h.odds.unconnected[:, e] >= h.odds.refused[:, e]),
    ),
    ("cx_none_healthy", "Requests for which no endpoint was there.", lambda h, e: _failed(h, e, "dns_nodata")),
)
_STATES: tuple[tuple[str, str, Count], ...] = (
    ("membership_total", "Endpoints of a cluster.", _total),
    ("membership_healthy", "Healthy endpoints of a cluster.", _balanced),
    ("outlier_detection_ejections_active", "Endpoints taken out.", lambda h, e: _total(h, e) - _balanced(h, e)),
    ("upstream_rq_active", "Requests under way.", _under_way),
    ("circuit_breakers_default_rq_open", "Whether the requests' circuit breaker is open.", _open),
    ("circuit_breakers_default_cx_open", "Whether the connections' circuit breaker is open.", _open),
)


def _fronts(history: History) -> list[tuple[int, Service]]:
    return [(s, one) for s, one in enumerate(history.services) if one.instrumented and answers_calls(one)]


def _downstream(grid: Grid, pods: InstanceOf | None) -> Iterator[Family]:
    history, prefix = grid.history, {"envoy_http_conn_manager_prefix": "ingress_http"}

    def flow(service: Service, count: Floats, mean_s: Floats, **labels: str) -> Flow:
        return Flow({"job": service.name, **prefix, **labels}, count, mean_s, job=service.name)

    fronts = _fronts(history)
    every = [flow(service, history.arrivals[:, s], history.latency_s[:, s]) for s, service in fronts]
    yield counters(grid, "envoy_http_downstream_rq_total", "Requests received.", every, pods)
    done = [flow(service, history.served[:, s], history.latency_s[:, s]) for s, service in fronts]
    yield counters(grid, "envoy_http_downstream_rq_completed", "Requests answered.", done, pods)
    yield histogram(
        grid, "envoy_http_downstream_rq_time", "Time of requests, in milliseconds.", done, BOUNDS_MS, pods, per_s=1e3
    )
    codes = [
        flow(service, count, count, envoy_response_code_class=code)
        for s, service in fronts
        for code, count in (
            ("2", np.maximum(0.0, history.served[:, s] - history.failed[:, s])),
            ("4", np.zeros(history.ticks)),
            ("5", history.failed[:, s]),
        )
    ]
    yield counters(grid, "envoy_http_downstream_rq_xx", "Responses by class of status.", codes, pods)
    cut_off = _cut_off(history)
    timeouts = [flow(service, cut_off[:, s], cut_off[:, s]) for s, service in fronts]
    told = "Requests of which not all came in time."
    yield counters(grid, "envoy_http_downstream_rq_timeout", told, timeouts, pods)
    rows = (
        ({**one.labels, **own}, values)
        for one in done
        for own, values in busy(grid, one.job, one.count * one.mean_s, pods)
    )
    yield gauges("envoy_http_downstream_rq_active", "Requests under way.", rows)


def busy(grid: Grid, job: str, held_s: Floats, pods: InstanceOf | None) -> Iterator[tuple[Labels, Floats]]:
    """Label of the sidecar, and [K] what is under way in it by Little's law. held_s: [T] seconds spent in each tick."""
    for part in grid.parts(job, pods=pods is not None):
        own = {} if pods is None or part.pod is None else pods(job, part.pod)
        yield own, np.where(part.there, np.round(grid.rate(held_s * part.share)), np.nan)


def _cut_off(history: History) -> Floats:
    """[T, S] requests that a network which loses packets delivers in part alone, as it does connections.

    A caller that stops waiting for the answer resets its request, which Envoy does not count as timed out.
    """
    cut_off = np.zeros((history.ticks, len(history.services)))
    index = {service.name: s for s, service in enumerate(history.services)}
    for e, edge in enumerate(history.edges):
        beyond_stray = np.maximum(0.0, history.odds.unconnected[:, e] - STRAY)
        cut_off[:, index[edge.server]] += _reached(history, e) * beyond_stray
    return cut_off


def _servers(grid: Grid) -> Iterator[Family]:
    """State of each proxy; it lives and dies with its pod."""
    history = grid.history

    def rows(value: Callable[[int], Floats]) -> Iterator[tuple[Labels, Floats]]:
        for s, service in _fronts(history):
            for part in grid.parts(service.name, pods=True):
                labels = {"job": service.name, "instance": f"{service.name}-{part.pod}"}
                yield labels, np.where(part.there, value(s), np.nan)

    def allocated(s: int) -> Floats:
        under_way = grid.rate(history.served[:, s] * history.latency_s[:, s]) / INSTANCES
        return _HEAP_BYTES + _REQUEST_BYTES * under_way

    def heap(s: int) -> Floats:
        return 1.25 * np.maximum.accumulate(allocated(s))  # an allocator gives little back

    day = (grid.times - grid.times[0]) / 86400.0
    yield gauges("envoy_server_live", "Whether a proxy is live.", rows(lambda _: np.ones(len(grid.times))))
    yield gauges("envoy_server_memory_allocated", "Bytes that a proxy uses.", rows(allocated))
    yield gauges("envoy_server_memory_heap_size", "Bytes that a proxy has reserved.", rows(heap))
    told = "Days until a proxy's first certificate expires."
    yield gauges("envoy_server_days_until_first_cert_expiring", told, rows(lambda _: np.floor(_CERTIFICATE_DAYS - day)))
