"""The call graph as arrays, in levels that can be swept up and down."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from .history import Edge, Service

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """The services that are equally deep in the graph, and the edges that they call over.

    members: indices of services. edges, client, server: indices [L]. tries: the most attempts of any of the edges.
    """

    members: Indices
    edges: Indices
    client: Indices
    server: Indices
    tries: int


def levels_of(
    services: tuple[Service, ...], edges: tuple[Edge, ...], driven: Collection[int] = ()
) -> tuple[Level, ...]:
    """Levels of the call graph, callers' first and network devices last; ValueError if it has a cycle, or a loose end.

    driven: edges over which something else than requests at the client makes the calls.
    """
    index = {service.name: i for i, service in enumerate(services)}
    links = {edge.link for edge in edges if edge.link}
    unknown = sorted(({name for edge in edges for name in (edge.client, edge.server)} | links) - set(index))
    if unknown:
        raise ValueError(f"edges name services that do not exist: {', '.join(unknown)}")
    client = np.array([index[edge.client] for edge in edges], dtype=np.int64)
    server = np.array([index[edge.server] for edge in edges], dtype=np.int64)
    depth = _depths(len(services), client, server)
    depth[[index[link] for link in links]] = depth.max(initial=0) + 1
    calling = [e in driven or edge.calls_per_request > 0 for e, edge in enumerate(edges)]
    tries = np.array([edge.retries + 1 if calls else 1 for edge, calls in zip(edges, calling, strict=True)], np.int64)
    return tuple(_level(level, depth, client, server, tries) for level in range(int(depth.max(initial=0)) + 1))


def _level(level: int, depth: Indices, client: Indices, server: Indices, tries: Indices) -> Level:
    edges = np.flatnonzero(depth[client] == level)
    members = np.flatnonzero(depth == level)
    return Level(members, edges, client[edges], server[edges], int(tries[edges].max(initial=1)))


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
