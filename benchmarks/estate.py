"""A plain estate of any size: services in layers, each calling ten of those further down."""

from __future__ import annotations

import numpy as np

from epicenter.synthetic.world.conditions import Conditions, still
from epicenter.synthetic.world.history import Edge, Service

LAYERS, EDGES_PER_SERVICE = 6, 10
RPS, HEADROOM = 100.0, 2.0


def layered(services: int, *, hours: float, tick_s: float, seed: int = 0) -> Conditions:
    """Users' requests come to the first layer; half an hour on, a tenth of the services work at a fifth of capacity."""
    rng = np.random.default_rng(seed)
    layer = np.sort(np.arange(services) % LAYERS)
    edges = pairs(layer, EDGES_PER_SERVICE * services, rng)
    ticks = round(hours * 3600.0 / tick_s)
    first = np.flatnonzero(layer == 0)
    share = LAYERS / EDGES_PER_SERVICE  # of requests that make each call: about as many reach every layer
    rates = np.zeros(services)
    rates[first] = RPS
    for client, server in edges:
        rates[server] += share / LAYERS * rates[client]
    declared = tuple(
        Service(
            f"service-{s}",
            (f"service-{s}.test",),
            "go",
            "GET /",
            latency_s=0.01,
            capacity_rps=HEADROOM * float(rates[s]) + 10.0,
            queue_limit_s=10.0,
        )
        for s in range(services)
    )
    declared_edges = tuple(
        Edge(
            f"service-{client}",
            f"service-{server}",
            f"service-{server}.test",
            "GET /",
            share / LAYERS,
            "go-http",
            retries=int(rng.integers(0, 4)),
            retry_budget=0.2 if rng.random() < 0.3 else float("inf"),
        )
        for client, server in edges
    )
    entries = np.zeros((ticks, services))
    entries[:, first] = rng.poisson(RPS * tick_s, (ticks, len(first)))
    conditions = still(declared, declared_edges, tick_s, entries)
    slow = rng.choice(services, services // 10, replace=False)
    conditions.capacity[conditions.during(1800.0, 2700.0)][:, slow] *= 0.2
    return conditions


def pairs(
    layer: np.ndarray[tuple[int], np.dtype[np.int64]], wanted: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """So many distinct calls from services to services of later layers, in order of the callers."""
    found: set[tuple[int, int]] = set()
    while len(found) < wanted:
        client, server = rng.integers(0, len(layer), 2).tolist()
        if layer[client] < layer[server]:
            found.add((client, server))
    return sorted(found)
