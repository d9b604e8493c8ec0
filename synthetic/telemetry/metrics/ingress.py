"""Two more proxies that stand at the edge of real estates: Traefik, and nginx with the exporter of its log."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..conventions import method_of
from ..flows import Flow, Served, merged, served
from ..looks import INSTANCES
from ..naming import pod_name
from .base import Family, Labels
from .grid import Grid
from .machines import wobble
from .shapes import counters, gauges, histogram

TRAEFIK = {"job": "traefik", "instance": "traefik-0:9100"}
NGINX = {"job": "nginx", "instance": "nginx-0:9145"}
_PROVIDER = "kubernetescrd"
_BOUNDS_S = (0.1, 0.3, 1.2, 5.0)
"""Traefik's default buckets."""
_UNKNOWN = 0.002
"""Requests for what is not there, beside those of the world, per request (assumed)."""


def ingress(grid: Grid) -> Iterator[Family]:
    """Requests to what users see, by status, and their durations; servers as Traefik's checks find them."""
    parts = [part for part in served(grid.history) if part.service.user_facing]
    by_traefik = [_seen(part, _traefik(part)) for part in parts] + [*_unknown(grid, parts)]
    yield counters(grid, "traefik_service_requests_total", "Requests by status.", by_traefik)
    told = "Time of requests."
    yield histogram(grid, "traefik_service_request_duration_seconds", told, by_traefik, _BOUNDS_S)
    yield gauges("traefik_service_server_up", "Whether a server answers its checks.", _servers(grid))
    by_nginx = [_seen(part, {**NGINX, "host": _host(part), "status": part.status}) for part in parts]
    yield counters(grid, "nginx_http_requests_total", "Requests by status.", by_nginx)
    whole = merged(_seen(part, {**NGINX, "host": _host(part)}) for part in parts)
    yield histogram(grid, "nginx_http_request_duration_seconds", "Time of requests.", whole)


def _seen(part: Served, labels: Labels) -> Flow:
    """The edge goes on where a service restarts: its counters are its own."""
    return Flow(labels, part.count, part.mean_s)


def _traefik(part: Served, code: str = "") -> dict[str, str]:
    method = method_of(part.service.operation)
    labels = {"code": code or part.status, "method": method, "protocol": "http"}
    return {**TRAEFIK, **labels, "service": _service(part.service.name)}


def _service(name: str) -> str:
    return f"{name}@{_PROVIDER}"


def _host(part: Served) -> str:
    return part.service.hosts[0] if part.service.hosts else part.service.name


def _unknown(grid: Grid, parts: list[Served]) -> Iterator[Flow]:
    for part in parts:
        if part.status == "200":
            noise = wobble(grid.history, f"{part.service.name}/not found", 0.3)
            yield Flow(_traefik(part, "404"), _UNKNOWN * part.count * noise, 0.1 * part.mean_s)


def _servers(grid: Grid) -> Iterator[tuple[Labels, np.ndarray]]:
    history = grid.history
    for s, service in enumerate(history.services):
        for i in range(INSTANCES) if service.user_facing else ():
            labels = {**TRAEFIK, "service": _service(service.name), "url": f"http://{pod_name(service.name, i)}:8080"}
            running = grid.state(np.ceil(INSTANCES * history.up[:, s] - 1e-9))
            yield labels, (i < running).astype(float)
