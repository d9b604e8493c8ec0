"""What the mechanisms do to the services: from their books to the engine's conditions."""

from __future__ import annotations

import numpy as np

from .balancers import shortage
from .demand import wander
from .engine import Conditions
from .estate import Estate
from .history import Floats
from .pools import without_connection
from .simulation import SWING, Books, find_edge, generator

STRAY = 0.0003
"""Share of connections that fail in calm weather (assumed)."""


def conditions_of(estate: Estate, books: Books, seed: int) -> Conditions:
    """Entries, calls and failures from outside, per tick."""
    index = {service.name: i for i, service in enumerate(estate.services)}
    ticks, manager, launches = len(books.times_s), estate.lease_manager, books.launches
    entries = np.zeros((ticks, len(index)))
    for load in estate.loads:
        entries[:, index[load.service]] = load.rps * estate.tick_s * books.demand[load.service]
    entries[:, index[manager.service]] = manager.leases.droplets * estate.tick_s / manager.leases.check_s
    entries[:, index[estate.launches.service]] = launches.asked

    noise = generator(seed, "noise")
    own_failing = np.column_stack(
        [estate.noise * wander(ticks, estate.tick_s, 0.3, noise, memory_s=300.0) for _ in estate.services]
    )
    # Nothing can be launched on, or renewed for, a droplet without a lease.
    own_failing[:, index[manager.service]] += 1.0 - books.leases.active / manager.leases.droplets
    throttled = launches.throttled / launches.asked
    own_failing[:, index[estate.launches.service]] += throttled
    own_failing[:, index[manager.droplets]] = 0.0

    calls = np.tile([edge.calls_per_request for edge in estate.edges], (ticks, 1))
    calls[:, find_edge(estate.edges, estate.launches.service, manager.service)] *= 1.0 - throttled
    calls[:, find_edge(estate.edges, manager.service, manager.droplets)] = 0.0
    return Conditions(
        entries, calls, _unresolved(estate, books), _unconnected(estate, books), np.minimum(own_failing, 1.0)
    )


def _unresolved(estate: Estate, books: Books) -> Floats:
    """[T, E] Edges that address the record fail where pools have run dry; the lease manager by its own hosts."""
    resolvable = (books.seen > 0).mean(axis=1)
    unresolved = np.zeros((len(books.times_s), len(estate.edges)))
    for e, edge in enumerate(estate.edges):
        if (edge.client, edge.server) == (estate.lease_manager.service, estate.lease_manager.checks):
            unresolved[:, e] = books.leases.unreachable
        elif edge.peer == estate.naming.record:
            unresolved[:, e] = without_connection(resolvable, estate.tick_s, edge.pool_tau_s)
    return unresolved


def _unconnected(estate: Estate, books: Books) -> Floats:
    """[T, E] A stray few anywhere; behind the balancer also those for which its capacity is short."""
    unconnected = np.full((len(books.times_s), len(estate.edges)), STRAY)
    for e, edge in enumerate(estate.edges):
        if edge.via == estate.balancing.balancer.name:
            demand = books.demand[edge.server]
            short = shortage(
                books.balancer.capacity, demand / _greatest(estate, edge.server), estate.balancing.headroom[edge.server]
            )
            unconnected[:, e] = 1.0 - (1.0 - STRAY) * (1.0 - short)
    return unconnected


def _greatest(estate: Estate, service: str) -> float:
    """The day's greatest demand for a service, relative to its mean."""
    swings = {load.service: load.amplitude for load in estate.loads}
    return 1.0 + swings.get(service, SWING)
