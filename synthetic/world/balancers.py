"""Health checks of a network load balancer that take its own capacity away.

New targets enter service before their network state has reached every checker, so that a check of one
finds it healthy or not depending on which checker made it: the target is taken out and put back, over
and over (flips). Each flip is work for the checkers. When that is more than they can do, checks come
late, and a zone whose checks are late is failed over: it leaves the balancer's DNS with all its healthy
capacity. Where what is left does not carry the load, connections fail, though targets are well. Source:
AWS's post-event summary of October 2025. Rates are not public; see the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .history import Change, Floats

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Balancer:
    """Parameters of the balancer's health checking.

    targets: in each zone. check_s: time between two checks of a target.
    seen_share: chance that a check of a target without its full network state finds it healthy.
    target_share: share of new instances that become targets.
    noise: chance that the check of a good target fails.
    checks_per_s, flip_cost: what the checkers can do; a flip costs as much as so many checks.
    late_s: checks as late as this fail a zone over. out_s: how long it stays out at least.
    zones_out: most zones that may be out at a time.
    """

    name: str
    zones: tuple[str, ...]
    targets: int
    check_s: float
    seen_share: float
    target_share: float
    noise: float
    checks_per_s: float
    flip_cost: float
    late_s: float
    out_s: float
    zones_out: int = 1


@dataclass(frozen=True)
class BalancerBooks:
    """What the balancer did. [T, Z] per zone: flips (counts), healthy, unhealthy (targets), out (0 or 1).

    capacity: [T] share of all targets that is in service. late_s: [T] how late checks are.
    changes: failovers, in order of time, in seconds from the start.
    """

    flips: Floats
    healthy: Floats
    unhealthy: Floats
    out: Floats
    capacity: Floats
    late_s: Floats
    changes: tuple[Change, ...]


def run_balancer(
    balancer: Balancer,
    pending_launches: Floats,
    automatic: Floats,
    tick_s: float,
    rng: np.random.Generator,
) -> BalancerBooks:
    """Run the checks over ticks.

    pending_launches: [T] instances that run without their network state.
    automatic: [T] 1 while people let failover act by itself; without it nothing is taken out of service.
    """
    state = _Checks(balancer, rng)
    ticks, zones = len(pending_launches), len(balancer.zones)
    flips, unhealthy, out = (np.zeros((ticks, zones)) for _ in range(3))
    late_s = np.zeros(ticks)
    half_born = _half_born(balancer, pending_launches, rng)
    for tick in range(ticks):
        if automatic[tick]:
            flips[tick] = state.check(half_born[tick], tick_s)
        else:
            state.put_all_back()
        late_s[tick] = state.work(flips[tick].sum(), tick_s)
        if automatic[tick]:
            state.fail_over(tick * tick_s, late_s[tick])
        out[tick], unhealthy[tick] = state.out_until > tick * tick_s, state.down
    healthy = balancer.targets + half_born - unhealthy
    capacity = ((1.0 - out) * (balancer.targets - unhealthy)).sum(axis=1) / (zones * balancer.targets)
    return BalancerBooks(flips, healthy, unhealthy, out, capacity, late_s, tuple(state.changes))


class _Checks:
    """The checkers' state: targets found unhealthy [Z], zones out until [Z], and work not yet done."""

    def __init__(self, balancer: Balancer, rng: np.random.Generator) -> None:
        self.balancer, self.rng = balancer, rng
        self.down = np.zeros(len(balancer.zones), dtype=np.int64)
        self.out_until = np.full(len(balancer.zones), -np.inf)
        self.backlog = 0.0
        self.changes: list[Change] = []

    def check(self, half_born: Counts, tick_s: float) -> Counts:
        """Check all targets once an interval, less often when behind; returns flips [Z]."""
        balancer, rng = self.balancer, self.rng
        down = np.minimum(self.down, half_born)
        checks = min(1.0, tick_s / balancer.check_s) / (1.0 + self.backlog / (balancer.checks_per_s * tick_s))
        fall = rng.binomial(half_born - down, (1.0 - balancer.seen_share) * checks)
        rise = rng.binomial(down, balancer.seen_share * checks)
        stray = rng.binomial(balancer.targets, balancer.noise * checks, len(down))
        self.down = down + fall - rise
        return fall + rise + 2 * stray

    def put_all_back(self) -> None:
        """Without automatic failover nothing stays out of service."""
        self.down = np.zeros_like(self.down)
        self.out_until[:] = -np.inf

    def work(self, flips: float, tick_s: float) -> float:
        """Do a tick's checks and what the flips cost; returns how late checks are."""
        balancer = self.balancer
        new = len(self.down) * balancer.targets * tick_s / balancer.check_s + flips * balancer.flip_cost
        self.backlog = max(0.0, self.backlog + new - balancer.checks_per_s * tick_s)
        return self.backlog / balancer.checks_per_s

    def fail_over(self, now_s: float, late_s: float) -> None:
        """Take the zone with the most unhealthy targets out, if checks are too late and it may go."""
        out = self.out_until > now_s
        if late_s > self.balancer.late_s and out.sum() < self.balancer.zones_out:
            worst = int(np.argmax(np.where(out, -1, self.down)))
            self.out_until[worst] = now_s + self.balancer.out_s
            name, detail = self.balancer.name, f"{self.balancer.zones[worst]} out of service: health checks late"
            self.changes.append(Change(now_s, "failover", name, f"{name}-health-check", detail=detail))


def shortage(capacity: Floats, demand: Floats, headroom: float) -> Floats:
    """[T] Share of connections that find no room.

    headroom: what a service's full capacity is of its greatest demand; demand: [T] relative to that.
    """
    return np.clip(1.0 - capacity * headroom / demand, 0.0, 1.0)


def _half_born(balancer: Balancer, pending_launches: Floats, rng: np.random.Generator) -> Counts:
    """[T, Z] Targets in service without their full network state; zones get uneven shares."""
    shares = rng.dirichlet(np.full(len(balancer.zones), 50.0))
    return np.floor(pending_launches[:, None] * balancer.target_share * shares).astype(np.int64)
