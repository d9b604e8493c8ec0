"""Istio's standard metrics: each call as the client's sidecar tells of it, and the server's if it got that far."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flows import Flow, attempts, merged, served
from .base import Family
from .envoy import BOUNDS_MS
from .grid import Grid
from .shapes import counters, histogram

_ANSWERS = {
    "connect": ("503", "UF"),
    "deadline": ("504", "UT"),
    "dns_nodata": ("503", "UH"),
}
"""What a sidecar answers for a server that did not, and Envoy's flag for why: an attempt that failed in any other way
had no route (NR)."""
_GATEWAY = "istio-ingressgateway"
_NAMESPACE = "default"


def istio(grid: Grid) -> Iterator[Family]:
    """Requests and their durations; a server outside of the mesh has no sidecar, and only its callers tell of it."""
    told = "Requests by who called whom and how it ended."
    yield counters(grid, "istio_requests_total", told, merged(_told(grid)), born=True)
    told = "Time of requests, in milliseconds."
    yield histogram(grid, "istio_request_duration_milliseconds", told, merged(_told(grid)), BOUNDS_MS, per_s=1e3)


def _told(grid: Grid) -> Iterator[Flow]:
    history = grid.history
    inside = {one.name for one in history.services if one.instrumented}
    for part in attempts(history):
        edge = part.edge
        code, flags = (part.status, "-") if part.status else _ANSWERS.get(part.outcome, ("503", "NR"))
        labels = _labels(edge.client, edge.server, code, flags)
        yield Flow(
            {**labels, "job": edge.client, "reporter": "source"}, part.count, part.mean_s, part.spread, edge.client
        )
        if part.reached and edge.server in inside:
            here = labels if part.status else _labels(edge.client, edge.server, "0", "DC")  # the client went away
            yield Flow(
                {**here, "job": edge.server, "reporter": "destination"},
                part.count,
                part.mean_s,
                part.spread,
                edge.server,
            )
    fronts = {
        one.name: np.divide(
            history.entries[:, s], history.arrivals[:, s], out=np.zeros(history.ticks), where=history.arrivals[:, s] > 0
        )
        for s, one in enumerate(history.services)
        if one.user_facing
    }
    for part in served(history, share=fronts):
        name = part.service.name
        if name in fronts:
            labels = {**_labels(_GATEWAY, name, part.status, "-"), "job": name, "reporter": "destination"}
            yield Flow(labels, part.count, part.mean_s, job=name)


def _labels(client: str, server: str, code: str, flags: str) -> dict[str, str]:
    return {
        "source_workload": client,
        "source_canonical_service": client,
        "source_workload_namespace": "istio-system" if client == _GATEWAY else _NAMESPACE,
        "destination_workload": server,
        "destination_canonical_service": server,
        "destination_workload_namespace": _NAMESPACE,
        "destination_service_name": server,
        "destination_service": f"{server}.{_NAMESPACE}.svc.cluster.local",
        "request_protocol": "http",
        "response_code": code,
        "response_flags": flags,
    }
