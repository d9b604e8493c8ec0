"""The control plane: API server, scheduler and controllers, as busy as the pods of the cluster keep them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flows import Flow
from ..looks import INSTANCES
from .base import Family, Floats
from .grid import Grid
from .machines import addon, pod_events, totals, wobble
from .shapes import counters, gauges, histogram

_BOUNDS_S = (0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_CERTIFICATE_BOUNDS_S = (1800.0, 7200.0, 86400.0, 604800.0, 2592000.0, 7776000.0, 15552000.0, 31104000.0)
_CERTIFICATE_S = 200 * 86400.0
_REQUESTS = (
    ("GET", "leases", "resource", 6.0, 0.0, 0.004),
    ("GET", "configmaps", "resource", 1.5, 0.0, 0.006),
    ("LIST", "pods", "namespace", 0.4, 0.2, 0.05),
    ("LIST", "endpointslices", "cluster", 0.1, 0.1, 0.15),
    ("PUT", "leases", "resource", 6.0, 0.0, 0.008),
    ("PATCH", "pods", "resource", 0.3, 4.0, 0.012),
    ("POST", "events", "resource", 0.5, 6.0, 0.01),
    ("DELETE", "pods", "resource", 0.02, 0.5, 0.015),
)
"""Verb, resource, scope, requests a second at rest, requests for each pod that starts or stops, seconds (assumed)."""
_CONFLICTS, _FAILED = 2e-3, 2e-5
"""Shares of requests that meet a newer version of their object, and that fail (assumed)."""
_CONTROLLERS = (("deployment", 1.0), ("replicaset", 2.0), ("endpoint_slice", 3.0), ("job", 0.2))
"""Work queues, and how much each has to do for a pod that starts or stops."""
_PLACED = 0.5
"""Of the pods that change, those that start: as many stop."""
_WAIT_S, _ITEMS = 0.004, 0.3
"""That work waits in a queue at rest, as much again with each pod that changes; items a second at rest (assumed)."""
_CUT_OFF = 1e-5
"""Requests that are cut off, for each pod that changes (assumed)."""
_CALLS = 2.0
"""Requests of each client for a pod that starts or stops: it reads the pod and writes its state."""
_SLOWER = 0.1
"""By so much placing takes longer with each pod that changes (assumed)."""
_CLIENTS = (("kube-apiserver", 6443, 3.0), ("kube-controller-manager", 10257, 8.0), ("kube-scheduler", 10259, 2.0))
_VERSION = {"git_version": "v1.30.4", "major": "1", "minor": "30"}


def control(grid: Grid) -> Iterator[Family]:
    """One API server, one scheduler, one set of controllers."""
    busy = _changes(grid)
    yield from _requests(grid, busy)
    yield from _api(grid, busy)
    yield from _clients(grid, busy)
    yield from _queues(grid, busy)
    yield from _scheduler(grid, busy)


def _changes(grid: Grid) -> Floats:
    """[T] pods that change in a tick: a timer's pod now and then, and those of the services; the echo lasts 20 s."""
    history = grid.history
    ticks = max(1, round(20.0 / history.tick_s))
    echo = np.convolve(pod_events(grid), np.full(ticks, 1.0 / ticks))[: history.ticks]
    return echo + 0.02 * history.tick_s * wobble(history, "kube-controller-manager", 0.2)


def api_server() -> dict[str, str]:
    """Labels of its scrape."""
    labels = addon("kube-apiserver", "default", 0, 6443)
    del labels["pod"]  # scraped through its service
    return labels


def _made(grid: Grid, busy: Floats) -> Iterator[tuple[dict[str, str], Floats, Floats]]:
    """Requests by verb and resource: labels, [T] count, [T] mean duration."""
    history = grid.history
    crowd = 1.0 + busy / history.tick_s / INSTANCES
    for verb, resource, scope, rest, each, lasts in _REQUESTS:
        labels = api_server() | {"verb": verb, "resource": resource, "scope": scope, "component": "apiserver"}
        noise = wobble(history, f"{verb} {resource}")
        yield labels | {"version": "v1"}, (rest * history.tick_s + each * busy) * noise, lasts * crowd * noise


def _requests(grid: Grid, busy: Floats) -> Iterator[Family]:
    def flows() -> Iterator[Flow]:
        for labels, count, mean_s in _made(grid, busy):
            writes = labels["verb"] in ("PUT", "PATCH")
            good = "201" if labels["verb"] == "POST" else "200"
            conflicts = count * _CONFLICTS if writes else 0.0 * count
            for code, part in (
                (good, count * (1.0 - _FAILED) - conflicts),
                ("409" if writes else "404", conflicts if writes else count * _CONFLICTS),
                ("500", count * _FAILED),
            ):
                yield Flow({**labels, "code": code}, part, mean_s)

    yield counters(grid, "apiserver_request_total", "Requests by verb, resource and code.", flows())
    for name in ("sli_duration", "duration"):
        told = "Time of requests" + (" without the webhooks' part." if name == "sli_duration" else ".")
        made = (Flow(labels, count, mean_s) for labels, count, mean_s in _made(grid, busy))
        yield histogram(grid, f"apiserver_request_{name}_seconds", told, made, _BOUNDS_S)


def _api(grid: Grid, busy: Floats) -> Iterator[Family]:
    history, own = grid.history, api_server()
    nothing, ones = np.zeros(history.ticks), np.ones(len(grid.times))
    ended = [({**own, "code": "429", "verb": "LIST", "resource": "pods"}, _CUT_OFF * busy)]
    yield totals(grid, "apiserver_request_terminations_total", "Requests that were cut off to save the server.", ended)
    kinds = (
        ({**own, "request_kind": kind}, grid.state(_most(grid, busy, reads=kind == "readOnly")))
        for kind in ("readOnly", "mutating")
    )
    yield gauges("apiserver_current_inflight_requests", "Most requests under way in the last second.", kinds)
    lasts = _CERTIFICATE_S - (history.times - history.start)
    certificates = [Flow(own, nothing + 0.3 * history.tick_s, lasts, 0.3)]
    told = "Time that is left of the certificates that clients show."
    name = "apiserver_client_certificate_expiration_seconds"
    yield histogram(grid, name, told, certificates, _CERTIFICATE_BOUNDS_S)
    services = ("v1.apps", "v1beta1.metrics.k8s.io")
    down = (({**own, "name": name}, 0.0 * ones) for name in services)
    yield gauges("aggregator_unavailable_apiservice", "Whether an API does not answer.", down)
    failed = (({**own, "name": name, "reason": "FailedDiscoveryCheck"}, nothing) for name in services)
    yield totals(grid, "aggregator_unavailable_apiservice_total", "Times that an API did not answer.", failed)
    versions = ({**_client(job, port), **_VERSION} for job, port, _ in _CLIENTS)
    yield gauges("kubernetes_build_info", "Version of a component.", ((labels, ones) for labels in versions))


def _most(grid: Grid, busy: Floats, *, reads: bool) -> Floats:
    """[T] the most requests of a kind under way in a second: three sigma or so above their mean, by Little's law."""
    flows = (count * mean_s for made, count, mean_s in _made(grid, busy) if (made["verb"] in ("GET", "LIST")) == reads)
    mean = sum(flows, np.zeros(grid.history.ticks)) / grid.history.tick_s
    return np.round(mean + 3.0 * np.sqrt(mean) * wobble(grid.history, f"in flight {reads}", 0.3))


def _client(job: str, port: int) -> dict[str, str]:
    return api_server() if job == "kube-apiserver" else addon(job, "kube-system", 0, port)


def _clients(grid: Grid, busy: Floats) -> Iterator[Family]:
    history = grid.history

    def flows() -> Iterator[Flow]:
        for job, port, rate in _CLIENTS:
            labels = _client(job, port) | {"host": "10.0.0.1:443"}
            for method, share in (("GET", 0.5), ("PUT", 0.35), ("PATCH", 0.15)):
                count = share * (rate * history.tick_s + _CALLS * busy) * wobble(history, f"{job} {method}")
                for code, of in (("200", 1.0 - _CONFLICTS), ("409", _CONFLICTS - _FAILED), ("500", _FAILED)):
                    yield Flow({**labels, "code": code, "method": method}, of * count, 0.01 + 0.0 * count)

    yield counters(grid, "rest_client_requests_total", "Requests of a component to the API server.", flows())


def _queues(grid: Grid, busy: Floats) -> Iterator[Family]:
    history, own = grid.history, addon("kube-controller-manager", "kube-system", 0, 10257)
    adds = {name: (_ITEMS * history.tick_s + each * busy) * wobble(history, name) for name, each in _CONTROLLERS}
    rows = [Flow({**own, "name": name}, count, _WAIT_S * (1.0 + busy)) for name, count in adds.items()]
    yield counters(grid, "workqueue_adds_total", "Work put into a queue.", rows)
    yield histogram(grid, "workqueue_queue_duration_seconds", "Time that work waited.", rows, _BOUNDS_S)
    depth = ((flow.labels, np.floor(grid.rate(flow.count * flow.mean_s))) for flow in rows)  # by Little's law
    yield gauges("workqueue_depth", "Work that waits in a queue.", depth)


def _scheduler(grid: Grid, busy: Floats) -> Iterator[Family]:
    own = addon("kube-scheduler", "kube-system", 0, 10259)
    done = {**own, "result": "scheduled", "profile": "default-scheduler"}
    for name, told, labels, mean_s in (
        ("scheduling_attempt", "Time of an attempt to place a pod.", done, 0.009),
        ("scheduling_algorithm", "Time to choose a node.", own, 0.003),
        ("pod_scheduling_sli", "Time from a pod's coming to its being placed.", {**own, "attempts": "1"}, 0.02),
    ):
        flow = Flow(labels, _PLACED * busy, mean_s * (1.0 + _SLOWER * busy))
        yield histogram(grid, f"scheduler_{name}_duration_seconds", told, [flow], _BOUNDS_S)
    waiting = np.zeros(len(grid.times))
    queues = (({**own, "queue": queue}, waiting) for queue in ("active", "backoff", "unschedulable"))
    yield gauges("scheduler_pending_pods", "Pods that wait for a node.", queues)
