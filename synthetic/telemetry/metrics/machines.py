"""The machines under the services: three nodes, each with one pod of every service and what the cluster itself runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...world.history import History
from ..looks import INSTANCES
from ..naming import hexadecimal
from .base import Family, Floats, Labels, Sampled, tidy
from .containers import cpu_s, memory_bytes, wire_bytes
from .grid import Grid

GIB = 2.0**30
MEMORY_PER_CORE = 2.0 * GIB
"""As machines for computing come."""
CPU_REQUEST, CPU_LIMIT = 0.5, 1.0
"""Cores that each container asks for, and may have."""
MEMORY_LIMIT = 512.0 * 2**20
_FILLED = 0.6
"""Share of a node's cores that its pods may ask for (assumed): room to lose one node of three."""
_SYSTEM_BYTES, _SYSTEM_CORES = 1.5 * GIB, 0.15
"""Of the kernel, the kubelet and what runs on every node (assumed)."""
_NOISE_S = 60.0
"""Over which the noise of machines keeps its sign (assumed)."""


@dataclass(frozen=True)
class Node:
    """One node, and what its pods do to it.

    busy [T]: cores in use. requests, failed, wire [T]: per tick, of its pods: requests that came, those that failed,
    bytes on the wire each way. held [T]: requests under way. used [K]: bytes of memory that cannot be reclaimed.
    """

    number: int
    name: str
    cores: int
    memory: float
    busy: Floats
    requests: Floats
    failed: Floats
    wire: Floats
    held: Floats
    used: Floats


def node_name(number: int) -> str:
    """The node on which the pods of this number stand."""
    return f"ip-10-0-{number}-{16 + number}.ec2.internal"


def node_cores(history: History) -> int:
    """Cores of each node: as cloud machines come, large enough for what the pods ask for."""
    asked = CPU_REQUEST * sum(service.instrumented for service in history.services)
    return int(2 ** max(2, np.ceil(np.log2(max(asked, 1.0) / _FILLED))))


def nodes_of(grid: Grid) -> list[Node]:
    """The nodes of the cluster."""
    history = grid.history
    cores = node_cores(history)
    found: list[Node] = []
    for i in range(INSTANCES):
        busy, requests, failed, wire, held = np.zeros((5, history.ticks))
        used = np.full(len(grid.times), _SYSTEM_BYTES)
        for s, service in enumerate(history.services):
            if service.instrumented:
                part = grid.parts(service.name, pods=True)[i]
                busy = busy + cpu_s(grid, s) / history.tick_s * part.share
                requests = requests + history.arrivals[:, s] * part.share
                failed = failed + history.failed[:, s] * part.share
                wire = wire + wire_bytes(grid, s) * part.share
                under_way = history.served[:, s] / history.tick_s * history.latency_s[:, s]
                held = held + (under_way + history.queue_depth[:, s]) * part.share
                used = used + np.nan_to_num(memory_bytes(grid, s, part))
        name = node_name(i)
        busy = np.minimum(0.99 * cores, (busy + _SYSTEM_CORES) * wobble(history, f"{name}/cpu"))
        memory = MEMORY_PER_CORE * cores
        used = np.minimum(used * grid.state(wobble(history, f"{name}/memory", 0.01)), 0.98 * memory)
        found.append(Node(i, name, cores, memory, busy, requests, failed, wire, held, used))
    return found


def wobble(history: History, of: str, sigma: float = 0.03) -> Floats:
    """[T] slow noise around 1 with this standard deviation, by seed and name: nothing real stands quite still."""
    window = max(1, round(_NOISE_S / history.tick_s))
    generator = np.random.default_rng([history.seed, int(hexadecimal(of, 8), 16)])
    steps = generator.standard_normal(history.ticks + window - 1)
    smooth = np.convolve(steps, np.full(window, window**-0.5), "valid")
    return np.maximum(0.1, 1.0 + sigma * smooth)


def trailing(values: Floats, seconds: float, tick_s: float) -> Floats:
    """[T] mean over the seconds before, of those there are."""
    ticks = max(1, round(seconds / tick_s))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - ticks)
    return (sums[ends] - sums[starts]) / (ends - starts)


def totals(grid: Grid, name: str, told: str, rows: Iterable[tuple[Labels, Floats]]) -> Family:
    """A family of counters that nothing sets back: labels, and flows [T] per tick; they need not be whole."""
    whole = grid.parts("")[0]
    return Family(
        name, "counter", told, (Sampled("", tidy(labels), grid.counter(flow, whole)) for labels, flow in rows)
    )


def pod_events(grid: Grid) -> Floats:
    """[T] pods that started, stopped or were replaced in each tick."""
    history = grid.history
    events = np.zeros(history.ticks)
    for alive in grid.alive.values():
        events[1:] += np.abs(np.diff(alive.astype(float), axis=1)).sum(axis=0)
    for change in history.changes:
        if change.kind in ("deploy", "restart") and history.start <= change.time < history.end:
            events[int((change.time - history.start) / history.tick_s)] += INSTANCES
    return events


def addon(job: str, namespace: str, number: int, port: int) -> dict[str, str]:
    """Labels of the scrape of a pod that the cluster itself runs."""
    pod = f"{job}-{hexadecimal(f'{job}/{number}', 5)}"
    return {"job": job, "namespace": namespace, "pod": pod, "instance": f"10.0.{number}.{16 + number}:{port}"}
