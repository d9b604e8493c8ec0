"""The call graph as arrays, in levels that can be swept up and down."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from .history import Edge, Floats, Service

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """Edges whose clients are equally deep in the graph.

    edges, client, server: indices [L]. to_client, to_server: [S, L] one where an edge touches a service.
    """

    edges: Indices
    client: Indices
    server: Indices
    to_client: Floats
    to_server: Floats


def levels_of(services: tuple[Service, ...], edges: tuple[Edge, ...]) -> tuple[Level, ...]:
    """Levels of the call graph, callers' first; ValueError if it has a cycle, or an edge that ends nowhere."""
    index = {service.name: i for i, service in enumerate(services)}
    unknown = sorted({name for edge in edges for name in (edge.client, edge.server)} - set(index))
    if unknown:
        raise ValueError(f"edges name services that do not exist: {', '.join(unknown)}")
    client = np.array([index[edge.client] for edge in edges], dtype=np.int64)
    server = np.array([index[edge.server] for edge in edges], dtype=np.int64)
    depth = _depths(len(services), client, server)
    return tuple(
        _level(np.flatnonzero(depth[client] == level), client, server, len(services))
        for level in range(int(depth.max(initial=0)))
    )


def _level(edges: Indices, client: Indices, server: Indices, services: int) -> Level:
    rows = np.arange(services)[:, None]
    to_client, to_server = (rows == client[edges]).astype(float), (rows == server[edges]).astype(float)
    return Level(edges, client[edges], server[edges], to_client, to_server)


def _depths(services: int, client: Indices, server: Indices) -> Indices:
    """[S] Longest chain of calls that leads to each service."""
    callers: dict[int, list[int]] = {service: [] for service in range(services)}
    for caller, callee in zip(client.tolist(), server.tolist(), strict=True):
        callers[callee].append(caller)
    try:
        order = tuple(TopologicalSorter(callers).static_order())
    except CycleError as error:
        raise ValueError("the calls form a cycle") from error
    depth = np.zeros(services, dtype=np.int64)
    for service in order:
        depth[service] = max((depth[caller] + 1 for caller in callers[service]), default=0)
    return depth
