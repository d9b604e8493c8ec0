"""A lease manager that loses its leases slowly and then cannot get them back.

A manager's hosts check the state of their droplets (physical servers) every few minutes, which needs a
database. While a host cannot reach it, the leases of its droplets run out one by one. When it can again,
every lapsed lease is due for establishing at once: the congestive collapse of `work.py`. Nothing can be
launched on a droplet without a lease. Source: AWS's post-event summary of October 2025 (DropletWorkflow
Manager). Fleet size, terms and capacity are not public; see the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .history import Floats
from .work import WorkBooks, establish


@dataclass(frozen=True)
class Leases:
    """Parameters of the manager.

    droplets: leases in the fleet. hosts: managers that share them; each has one resolver and one connection.
    check_s: time between two state checks of a droplet.
    term_s: least and greatest time from the last good check to the lease's end.
    connection_tau_s: mean life of a host's connection to the database.
    capacity_per_s, timeout_s: of establishing, see `work.establish`.
    """

    droplets: int
    hosts: int
    check_s: float
    term_s: tuple[float, float]
    connection_tau_s: float
    capacity_per_s: float
    timeout_s: float


@dataclass(frozen=True)
class LeaseBooks:
    """What the manager did, per tick [T].

    unreachable: share of hosts that cannot reach the database.
    active: leases that hold. work: the books of establishing.
    """

    unreachable: Floats
    active: Floats
    work: WorkBooks


def run_leases(
    leases: Leases,
    resolvable: Floats,
    tick_s: float,
    rng: np.random.Generator,
    *,
    throttle_s: float | None = None,
    outstanding: int = 0,
) -> LeaseBooks:
    """Run the manager over ticks, given what each resolver answers.

    resolvable: [T, R] whether each resolver gives addresses for the database's name.
    throttle_s, outstanding: the moment at which people restart the hosts and cap the leases being worked on.
    """
    ticks = len(resolvable)
    lost_s, back_s, unreachable = _outages(leases, resolvable, tick_s, rng)
    host = rng.integers(0, leases.hosts, leases.droplets)
    phase_s = rng.uniform(0, leases.check_s, leases.droplets)
    last_good_s = _last_check(lost_s[host], phase_s, leases.check_s)
    lapse_s = last_good_s + rng.uniform(*leases.term_s, leases.droplets)
    due_s = _last_check(back_s[host], phase_s, leases.check_s) + leases.check_s
    lapsed = np.isfinite(lost_s[host]) & (lapse_s < np.minimum(due_s, ticks * tick_s))

    gone = _per_tick(lapse_s[lapsed], tick_s, ticks)
    work = establish(
        _per_tick(due_s[lapsed], tick_s, ticks),
        capacity_per_s=leases.capacity_per_s,
        timeout_s=leases.timeout_s,
        tick_s=tick_s,
        restart_tick=None if throttle_s is None else int(throttle_s / tick_s),
        outstanding=outstanding,
    )
    active = leases.droplets - np.cumsum(gone) + np.cumsum(work.done)
    return LeaseBooks(unreachable, active, work)


def _outages(
    leases: Leases, resolvable: Floats, tick_s: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """When each host loses the database and has it back [hosts], and the share without it [T]."""
    ticks, resolvers = resolvable.shape
    lost_s, back_s = np.full(leases.hosts, np.inf), np.full(leases.hosts, np.inf)
    unreachable = np.zeros(ticks)
    for host in range(leases.hosts):
        silent = np.flatnonzero(resolvable[:, host % resolvers] == 0)
        if not len(silent):
            continue
        end = silent[-1] + 1
        # The connection outlives the name for a while; it is lost only if its life ends before the repair.
        lost = int(silent[0] + rng.exponential(leases.connection_tau_s) / tick_s)
        if lost < end:
            lost_s[host], back_s[host] = lost * tick_s, end * tick_s
            unreachable[lost:end] += 1.0
    return lost_s, back_s, unreachable / leases.hosts


def _last_check(before_s: Floats, phase_s: Floats, check_s: float) -> Floats:
    """The last moment of a periodic check that is not after a given one."""
    return phase_s + np.floor((before_s - phase_s) / check_s) * check_s


def _per_tick(moments_s: Floats, tick_s: float, ticks: int) -> Floats:
    inside = moments_s[moments_s < ticks * tick_s]
    return np.bincount((inside / tick_s).astype(np.int64), minlength=ticks).astype(float)
