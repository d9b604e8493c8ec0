"""Coroot's node agent, which sees the DNS of each container from the kernel; an empty answer has status "ok"."""

from __future__ import annotations

from collections.abc import Iterator

from ..flows import Attempts, Flow, lookups, merged
from .base import Family
from .grid import Grid
from .shapes import counters, histogram

_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STATUS = {
    "ok": "ok",
    "dns_nodata": "ok",
    "dns_nxdomain": "nxdomain",
    "dns_servfail": "servfail",
    "dns_refused": "refused",
}


def coroot(grid: Grid) -> Iterator[Family]:
    """Look-ups that were answered, by container and domain, and their durations."""
    answered = [part for part in lookups(grid.history) if part.outcome in _STATUS]
    asked = merged(
        _flow(part, domain=part.edge.peer, request_type="TypeA", status=_STATUS[part.outcome]) for part in answered
    )
    told = "DNS requests of a container that were answered; an empty answer is ok."
    yield counters(grid, "container_dns_requests_total", told, asked, born=True)
    lasted = merged(_flow(part) for part in answered)
    told = "Time until a DNS request of a container was answered."
    yield histogram(grid, "container_dns_requests_duration_seconds_total", told, lasted, _BOUNDS_S)


def _flow(part: Attempts, **labels: str) -> Flow:
    container = {"container_id": f"/k8s/default/{part.edge.client}/{part.edge.client}", "job": "coroot-node-agent"}
    return Flow(container | labels, part.count, part.mean_s, part.spread)
