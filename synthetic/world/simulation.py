"""A world run from start to end: the mechanisms in the order in which they act on each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...collector.model import ERROR_CLASSES
from .balancers import BalancerBooks, run_balancer
from .demand import day_curve, wander
from .dns import DnsBooks, run_dns
from .engine import Flows
from .estate import Estate
from .history import Edge, Floats
from .leases import LeaseBooks, run_leases
from .propagation import LaunchBooks, run_launches
from .resolvers import cached_answers


@dataclass(frozen=True)
class Books:
    """All that the mechanisms wrote down, per tick [T].

    times_s: seconds since the start at which each tick begins.
    answers: addresses at the authority; seen: [T, R] at the resolvers; watched: [T, 2 * cities] at those of the
        probes' cities, for A and AAAA in turn.
    automatic: 1 while failover acts by itself. demand: service -> relative demand.
    """

    times_s: Floats
    dns: DnsBooks
    answers: Floats
    seen: Floats
    watched: Floats
    leases: LeaseBooks
    launches: LaunchBooks
    balancer: BalancerBooks
    automatic: Floats
    demand: dict[str, Floats]


SWING = 0.3
"""How far the day's curve swings for services that only other services call (assumed)."""


def generator(seed: int, part: str) -> np.random.Generator:
    """The random numbers of one part of the world: a draw more in one part changes nothing in another."""
    return np.random.default_rng([seed, *part.encode()])


def run_mechanisms(estate: Estate, seed: int) -> Books:
    """Everything but the services' requests: names, leases, launches, health checks."""
    ticks, tick_s = round(estate.duration_s / estate.tick_s), estate.tick_s
    times_s = tick_s * np.arange(ticks, dtype=float)
    naming, cities = estate.naming, len(estate.probing.cities)
    dns = run_dns(naming.dns, estate.duration_s, generator(seed, "dns"))
    answers = dns.answers(naming.record, times_s)
    seen = cached_answers(answers, tick_s, naming.caching, naming.resolvers, generator(seed, "resolvers"))
    watched = cached_answers(answers, tick_s, naming.caching, 2 * cities, generator(seed, "watched"))
    manager = estate.lease_manager
    leases = run_leases(
        manager.leases,
        (seen > 0).astype(float),
        tick_s,
        generator(seed, "leases"),
        throttle_s=manager.throttle_s,
        outstanding=manager.outstanding,
    )
    demand = _demands(estate, times_s, seed)
    launches = run_launches(
        estate.launches.launching,
        demand[estate.launches.service],
        leases.active / manager.leases.droplets,
        np.where(leases.work.live + leases.work.held > 0, 1.0, leases.unreachable),
        tick_s,
        estate.launches.throttles,
    )
    balancing = estate.balancing
    automatic = np.where((times_s >= balancing.off_s) & (times_s < balancing.on_s), 0.0, 1.0)
    balancer = run_balancer(
        balancing.balancer, launches.pending_launches, automatic, tick_s, generator(seed, "balancer")
    )
    return Books(times_s, dns, answers, seen, watched, leases, launches, balancer, automatic, demand)


def _demands(estate: Estate, times_s: Floats, seed: int) -> dict[str, Floats]:
    hours = (estate.start + times_s) / 3600.0 + estate.utc_offset_h
    swings = {load.service: load.amplitude for load in estate.loads}
    swings[estate.launches.service] = estate.launches.amplitude
    swings |= {service: SWING for service in estate.balancing.headroom if service not in swings}
    return {
        service: day_curve(hours, amplitude)
        * wander(len(times_s), estate.tick_s, 0.03, generator(seed, f"load of {service}"))
        for service, amplitude in swings.items()
    }


def book_lease_work(estate: Estate, books: Books, flows: Flows) -> tuple[Flows, Floats]:
    """The flows with the lease work on its edge, and attempts in flight [T, E].

    Lease work is no request that the engine could step: an attempt may last for minutes in the manager's own queue.
    """
    manager, work = estate.lease_manager, books.leases.work
    edge = find_edge(estate.edges, manager.service, manager.droplets)
    server = [service.name for service in estate.services].index(manager.droplets)
    in_flight = np.zeros_like(flows.ok)
    in_flight[:, edge] = work.live
    changed = {name: getattr(flows, name).copy() for name in ("arrivals", "originals", "attempts", "ok", "failures")}
    changed["originals"][:, edge] = work.started
    changed["attempts"][:, edge] = work.started + work.retried
    changed["ok"][:, edge] = work.done
    changed["failures"][:, edge] = 0.0
    changed["failures"][:, edge, ERROR_CLASSES.index("deadline")] = work.timed_out
    changed["failures"][:, edge, ERROR_CLASSES.index("other")] = work.dropped
    changed["arrivals"][:, server] = work.done + work.late
    return replace(flows, **changed), in_flight


def find_edge(edges: tuple[Edge, ...], client: str, server: str) -> int:
    """Index of the edge between two services."""
    return [(edge.client, edge.server) for edge in edges].index((client, server))
