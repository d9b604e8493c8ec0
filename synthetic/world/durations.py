"""How long requests and attempts last, from the flows of a world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...collector.model import ERROR_CLASSES
from .engine import CLASS, Conditions, Flows
from .graph import levels_of
from .history import Edge, Floats, Service

DNS_FAILURE_S = 0.003
"""A resolver's answer from its cache, empty or not: a few milliseconds."""
NETWORK_S = 0.001
"""There and back within a region (assumed)."""


@dataclass(frozen=True)
class Durations:
    """Means; fields as in `History`."""

    latency_s: Floats
    latency_ok_s: Floats
    latency_server_s: Floats


def durations_of(
    services: tuple[Service, ...], edges: tuple[Edge, ...], conditions: Conditions, flows: Flows
) -> Durations:
    """Sum up own work, waiting and calls, from the leaves of the call graph up."""
    ticks = len(flows.arrivals)
    work_s = np.array([service.latency_s for service in services])
    ok_s = flows.queue_age_s + work_s
    failed_s = ok_s.copy()
    latency_ok_s, latency_server_s = (np.zeros((ticks, len(edges))) for _ in range(2))
    failing_share = _ratio(flows.failed, flows.arrivals)
    for level in reversed(levels_of(services, edges)):
        for e, client, server in zip(level.edges, level.client, level.server, strict=True):
            edge = edges[e]
            latency_ok_s[:, e] = np.minimum(NETWORK_S + ok_s[:, server], edge.timeout_s)
            latency_server_s[:, e] = np.minimum(NETWORK_S + failed_s[:, server], edge.timeout_s)
            calls, failing = conditions.calls[:, e], flows.failing[:, e]
            lost_s = _given_up_s(edge, flows.failures[:, e], latency_server_s[:, e])
            # Among requests that fail, the share whose call over this edge was given up.
            blamed = np.minimum(1.0, _ratio(np.minimum(calls, 1.0) * failing, failing_share[:, client]))
            if not edge.required:
                ok_s[:, client] += calls * ((1.0 - failing) * latency_ok_s[:, e] + failing * lost_s)
                failed_s[:, client] += calls * ((1.0 - failing) * latency_ok_s[:, e] + failing * lost_s)
            else:
                ok_s[:, client] += calls * latency_ok_s[:, e]
                failed_s[:, client] += calls * ((1.0 - blamed) * latency_ok_s[:, e] + blamed * lost_s)
    latency_s = (1.0 - failing_share) * ok_s + failing_share * failed_s
    return Durations(latency_s, latency_ok_s, latency_server_s)


def _given_up_s(edge: Edge, failures: Floats, server_s: Floats) -> Floats:
    """[T] How long a client spends on a call that it gives up in the end, pauses that fit a request included."""
    lasts = np.tile(np.full(len(ERROR_CLASSES), DNS_FAILURE_S), (len(failures), 1))
    lasts[:, CLASS["connect"]] = edge.connect_timeout_s
    lasts[:, CLASS["deadline"]] = edge.timeout_s
    lasts[:, CLASS["server"]] = server_s
    each = _ratio((failures * lasts).sum(axis=1), failures.sum(axis=1))
    if edge.backoff_s > edge.timeout_s:
        return each  # nobody waits for a retry that comes so late
    return each * (1.0 + edge.retries) + edge.backoff_s * sum(edge.backoff_growth**k for k in range(edge.retries))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.broadcast_shapes(part.shape, whole.shape)), where=whole > 1e-12)
