"""A world run from start to end: the mechanisms in the order in which they act on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .balancers import BalancerBooks, run_balancer, shortage
from .caches import CacheFeedback
from .conditions import Conditions, still
from .demand import day_curve, wander
from .dns import run_dns
from .engine import Feedback
from .estate import Estate
from .fleets import FleetFeedback
from .history import Floats
from .interventions import World
from .leases import LeaseBooks, run_leases
from .names import NameBooks, authorities, fail_calls, look_up
from .propagation import LaunchBooks, run_launches

SWING = 0.3
"""How far the day's curve swings for services that only other services call (assumed)."""
STRAY = 0.0003
"""Share of connections that fail in calm weather (assumed)."""


@dataclass(frozen=True)
class Mechanisms:
    """What the mechanisms beside the services wrote down; None where the estate has none.

    times_s: seconds since the start at which each tick begins. demand: service -> [T] relative demand.
    """

    times_s: Floats
    demand: dict[str, Floats]
    names: NameBooks
    leases: LeaseBooks | None
    launches: LaunchBooks | None
    balancer: BalancerBooks | None


def generator(seed: int, part: str) -> np.random.Generator:
    """The random numbers of one part of the world: a draw more in one part changes nothing in another."""
    return np.random.default_rng([seed, *part.encode()])


def set_up(estate: Estate, seed: int) -> tuple[Conditions, Mechanisms]:
    """Run everything but the services, and set the conditions under which those then run."""
    ticks, tick_s = round(estate.duration_s / estate.tick_s), estate.tick_s
    times_s = tick_s * np.arange(ticks, dtype=float)
    demand = _demands(estate, times_s, seed)
    conditions = _calm(estate, demand, ticks, seed)
    zone = estate.naming.machine
    machine = None if zone is None else run_dns(zone.dns, estate.duration_s, generator(seed, "dns"))
    world = World(
        conditions,
        authorities(estate, ticks, machine, times_s),
        len(estate.naming.resolvers),
    )
    for event in estate.events:
        event.impose(world)
    rngs = (generator(seed, "resolvers"), generator(seed, "watched"))
    names = look_up(estate, world.authority, world.resolvers, machine, rngs)
    leases = _run_leases(estate, names, seed)
    launches = _run_launches(estate, demand, leases)
    balancer = _run_balancer(estate, launches, times_s, seed)
    manager = estate.lease_manager
    fail_calls(conditions, names, estate.naming, () if manager is None else ((manager.service, manager.checks),))
    _lease_conditions(estate, conditions, leases)
    _launch_conditions(estate, conditions, launches)
    _balancer_conditions(estate, conditions, balancer, demand)
    np.minimum(conditions.own_failing, 1.0, out=conditions.own_failing)
    return conditions, Mechanisms(times_s, demand, names, leases, launches, balancer)


def feedbacks_of(estate: Estate, conditions: Conditions) -> tuple[Sequence[Feedback], Sequence[CacheFeedback]]:
    """What runs with the services, tick by tick; and of it the caches."""
    caches = [CacheFeedback(cache, conditions) for cache in estate.caches]
    return (*caches, *(FleetFeedback(fleet, conditions) for fleet in estate.fleets)), caches


def _calm(estate: Estate, demand: dict[str, Floats], ticks: int, seed: int) -> Conditions:
    """Loads and the little that always fails."""
    index = {service.name: i for i, service in enumerate(estate.services)}
    entries = np.zeros((ticks, len(index)))
    crowd = generator(seed, "arrivals")
    for load in estate.loads:
        mean = load.rps * estate.tick_s * demand[load.service]
        entries[:, index[load.service]] = crowd.poisson(mean)
    conditions = still(estate.services, estate.edges, estate.tick_s, entries)
    noise = generator(seed, "noise")
    for s in range(len(index)):
        conditions.own_failing[:, s] = estate.noise * wander(ticks, estate.tick_s, 0.3, noise, memory_s=300.0)
    conditions.unconnected[:] = STRAY
    return conditions


def _demands(estate: Estate, times_s: Floats, seed: int) -> dict[str, Floats]:
    hours = (estate.start + times_s) / 3600.0 + estate.utc_offset_h
    swings = {load.service: load.amplitude for load in estate.loads}
    if estate.launches is not None:
        swings[estate.launches.service] = estate.launches.amplitude
    if estate.balancing is not None:
        swings |= {service: SWING for service in estate.balancing.headroom if service not in swings}
    return {
        service: day_curve(hours, amplitude)
        * wander(len(times_s), estate.tick_s, 0.03, generator(seed, f"load of {service}"))
        for service, amplitude in swings.items()
    }


def _run_leases(estate: Estate, names: NameBooks, seed: int) -> LeaseBooks | None:
    manager = estate.lease_manager
    if manager is None:
        return None
    peer = next(e.peer for e in estate.edges if (e.client, e.server) == (manager.service, manager.checks))
    steady = np.ones((len(names.authority[peer]), len(estate.naming.resolvers)))
    return run_leases(
        manager.leases,
        (names.seen.get(peer, steady) > 0).astype(float),
        estate.tick_s,
        generator(seed, "leases"),
        throttle_s=manager.throttle_s,
        outstanding=manager.outstanding,
    )


def _run_launches(estate: Estate, demand: dict[str, Floats], leases: LeaseBooks | None) -> LaunchBooks | None:
    launches = estate.launches
    if launches is None:
        return None
    asked = demand[launches.service]
    leased, put_off = np.ones(len(asked)), np.zeros(len(asked))
    if leases is not None and estate.lease_manager is not None:
        leased = leases.active / estate.lease_manager.leases.droplets
        put_off = np.where(leases.work.live + leases.work.held > 0, 1.0, leases.unreachable)
    return run_launches(launches.launching, asked, leased, put_off, estate.tick_s, launches.throttles)


def _run_balancer(estate: Estate, launches: LaunchBooks | None, times_s: Floats, seed: int) -> BalancerBooks | None:
    balancing = estate.balancing
    if balancing is None:
        return None
    automatic = np.where((times_s >= balancing.off_s) & (times_s < balancing.on_s), 0.0, 1.0)
    pending = np.zeros(len(times_s)) if launches is None else launches.pending_launches
    return run_balancer(balancing.balancer, pending, automatic, estate.tick_s, generator(seed, "balancer"))


def _lease_conditions(estate: Estate, c: Conditions, leases: LeaseBooks | None) -> None:
    """The manager checks its leases by itself; nothing can be placed on, or renewed for, a droplet without one."""
    manager = estate.lease_manager
    if manager is None or leases is None:
        return
    s = c.service(manager.service)
    c.entries[:, s] = manager.leases.droplets * estate.tick_s / manager.leases.check_s
    c.own_failing[:, s] += 1.0 - leases.active / manager.leases.droplets
    c.own_failing[:, c.service(manager.droplets)] = 0.0
    checks, work = edge_between(c, manager.service, manager.checks), edge_between(c, manager.service, manager.droplets)
    c.fail_lookups("dns_nodata", checks, leases.unreachable)
    c.calls[:, work] = 0.0


def _launch_conditions(estate: Estate, c: Conditions, books: LaunchBooks | None) -> None:
    launches = estate.launches
    if launches is None or books is None:
        return
    throttled = books.throttled / books.asked
    c.entries[:, c.service(launches.service)] = books.asked
    c.own_failing[:, c.service(launches.service)] += throttled
    if launches.finder:
        c.calls[:, edge_between(c, launches.service, launches.finder)] *= 1.0 - throttled


def _balancer_conditions(estate: Estate, c: Conditions, books: BalancerBooks | None, demand: dict[str, Floats]) -> None:
    """Behind the balancer those connections fail for which its capacity is short."""
    balancing = estate.balancing
    if balancing is None or books is None:
        return
    swings = {load.service: load.amplitude for load in estate.loads}
    for e, edge in enumerate(estate.edges):
        if edge.via == balancing.balancer.name:
            greatest = 1.0 + swings.get(edge.server, SWING)
            short = shortage(books.capacity, demand[edge.server] / greatest, balancing.headroom[edge.server])
            c.unconnected[:, e] = 1.0 - (1.0 - c.unconnected[:, e]) * (1.0 - short)


def edge_between(conditions: Conditions, client: str, server: str) -> int:
    """Index of the edge between two services."""
    return [(edge.client, edge.server) for edge in conditions.edges].index((client, server))
