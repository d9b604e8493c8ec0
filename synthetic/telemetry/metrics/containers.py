"""What cAdvisor tells of the containers: CPU and memory, from the requests that they work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..looks import INSTANCES
from ..naming import pod_name
from .base import Family, Floats, Labels, Sampled, tidy
from .grid import Grid, Part
from .shapes import gauges

_CPU = 0.3
"""Share of the time of a service's own work in which it computes; the rest is waiting (assumed)."""
_IDLE = 0.01
"""Cores that an idle process uses (assumed)."""
_PERIODS = 10.0
"""Periods of the kernel's scheduler per second (100 ms each)."""
BASE_BYTES, _REQUEST_BYTES = 120.0 * 2**20, 64.0 * 2**10
"""Of a process at rest, and of each request that it holds (assumed)."""
_PACKET_BYTES = 2048.0
"""Of a request or an answer on the wire (assumed)."""


def containers(grid: Grid) -> Iterator[Family]:
    """Counters begin anew with each start of a pod."""
    yield _counter(grid, "container_cpu_usage_seconds_total", "CPU time used.", cpu_s)
    told = "Scheduler periods in which a container wanted to run."
    yield _counter(grid, "container_cpu_cfs_periods_total", told, _periods)
    told = "Scheduler periods in which a container was held back."
    yield _counter(
        grid, "container_cpu_cfs_throttled_periods_total", told, lambda g, s: _periods(g, s) * _held_back(g, s)
    )
    for way in ("receive", "transmit"):
        yield _counter(grid, f"container_network_{way}_bytes_total", "Bytes on the wire.", wire_bytes)
    for name, told, share in (
        ("working_set_bytes", "Memory in use that cannot be reclaimed.", 1.0),
        ("rss", "Anonymous memory.", 0.85),
        ("cache", "Memory of cached files.", 0.1),
    ):
        rows = ((labels, share * memory_bytes(grid, s, part)) for s, part, labels in containers_of(grid))
        yield gauges(f"container_memory_{name}", told, rows)


def containers_of(grid: Grid) -> Iterator[tuple[int, Part, Labels]]:
    """Each container: the number of its service, its pod, and its labels."""
    for s, service in enumerate(grid.history.services):
        if not service.instrumented:
            continue
        for part in grid.parts(service.name, pods=True):
            pod = pod_name(service.name, part.pod or 0)
            yield (
                s,
                part,
                {
                    "job": "kubelet",
                    "metrics_path": "/metrics/cadvisor",
                    "namespace": "default",
                    "pod": pod,
                    "container": service.name,
                    "image": f"registry.example/{service.name}:1",
                },
            )


def _counter(grid: Grid, name: str, told: str, of: Callable[[Grid, int], Floats]) -> Family:
    def series() -> Iterator[Sampled]:
        for s, part, labels in containers_of(grid):
            yield Sampled("", tidy(labels), np.where(part.running, grid.counter(of(grid, s), part), np.nan))

    return Family(name, "counter", told, series())


def cpu_s(grid: Grid, s: int) -> Floats:
    """[T] seconds of CPU that all pods of a service use in each tick."""
    history = grid.history
    return history.served[:, s] * history.services[s].latency_s * _CPU + _IDLE * INSTANCES * history.tick_s


def _periods(grid: Grid, s: int) -> Floats:
    """Of all pods that run."""
    return _PERIODS * grid.history.tick_s * np.ceil(INSTANCES * grid.history.up[:, s] - 1e-9)


def _held_back(grid: Grid, s: int) -> Floats:
    """Share of periods that are throttled: none up to four fifths of what the service can do, then ever more."""
    history = grid.history
    use = history.served[:, s] / history.tick_s / history.services[s].capacity_rps
    return np.clip((use - 0.8) / 0.2, 0.0, 1.0)


def wire_bytes(grid: Grid, s: int) -> Floats:
    """[T] bytes that come, and as many that go, in each tick."""
    return _PACKET_BYTES * (grid.history.arrivals[:, s] + grid.history.served[:, s])


def memory_bytes(grid: Grid, s: int, part: Part) -> Floats:
    """[K] what a pod holds: requests under way, and those that wait; NaN while it does not run."""
    history = grid.history
    held = history.served[:, s] / history.tick_s * history.latency_s[:, s] + history.queue_depth[:, s]
    each = grid.state(held * part.share)
    return np.where(part.running, BASE_BYTES + _REQUEST_BYTES * each, np.nan)
