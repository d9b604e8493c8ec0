"""A DNS planner and its enactors: how independent writers of one record race.

The planner publishes plans with rising generations. Enactors take the newest plan in turn, check once
that it is newer than what is in place, and then work through all names: lock, batch, unlock. A name
whose lock was lost is put off and tried again after a back-off. When a pass is done, the enactor
deletes the trees that are many generations older than its own plan.

The check happens before the pass, the write long after it. An enactor that loses one lock often enough
writes an old plan over a new one, and the next clean-up of a faster enactor deletes that old, now live,
tree. Source: AWS's post-event summary of October 2025 and its talk DAT453 (whose plan numbers, 110
and 145, are illustrative, as are the ones here).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import simpy
from simpy.events import Event

from .history import Change, Floats
from .zone import Zone

Steps = Generator[Event, None, None]


@dataclass(frozen=True)
class BadLuck:
    """One enactor's attempts for one name's lock, made after a moment, lose so many times in a row."""

    enactor: str
    name: str
    after_s: float
    losses: int


@dataclass(frozen=True)
class Restore:
    """People install a healthy tree by hand, and stop the automation."""

    at_s: float
    names: tuple[str, ...]
    actor: str


@dataclass(frozen=True)
class Dns:
    """Parameters of the control plane of a zone; times in seconds from the world's start.

    names: in the order in which every enactor works through them.
    enactors: each takes its turn `plan_every_s` after the one before, so that they rarely meet.
    first_generation: published at the start; one more each `plan_every_s`.
    apply_s: time for one name from lock to unlock. delete_s: time to delete one tree.
    keep_generations: a clean-up spares trees that are at most so much older than the plan just applied.
    backoff_s, backoff_cap_s: pause after a lost lock, doubling; jitter: its relative half-width.
    check_in_batch: the repaired design, in which the batch itself refuses a stale plan.
    """

    names: tuple[str, ...]
    enactors: tuple[str, ...]
    first_generation: int
    plan_every_s: float = 60.0
    apply_s: float = 8.0
    delete_s: float = 0.5
    keep_generations: int = 30
    backoff_s: float = 6.0
    backoff_cap_s: float = 100.0
    jitter: float = 0.015
    addresses: int = 8
    check_in_batch: bool = False
    bad_luck: tuple[BadLuck, ...] = ()
    restore: Restore | None = None


@dataclass(frozen=True)
class DnsBooks:
    """What the zone's control plane did; times in seconds from the start.

    changes: in order of time. taken: (time, enactor, generation) of each plan an enactor began with.
    """

    parameters: Dns
    changes: tuple[Change, ...]
    taken: tuple[tuple[float, str, int], ...]

    def answers(self, name: str, times: Floats) -> Floats:
        """[T] Addresses behind a name at each time."""
        rows = [(row.time, row.answers) for row in self.changes if row.target == name and row.answers is not None]
        steps = [self.parameters.addresses, *(answers for _, answers in rows)]
        return np.array(steps, dtype=float)[np.searchsorted([time for time, _ in rows], times, side="right")]

    def generation(self, enactor: str, times: Floats) -> Floats:
        """[T] Generation of the plan that an enactor works on or applied last."""
        rows = [(time, generation) for time, actor, generation in self.taken if actor == enactor]
        steps = [self.parameters.first_generation - 1, *(generation for _, generation in rows)]
        return np.array(steps, dtype=float)[np.searchsorted([time for time, _ in rows], times, side="right")]

    def lock_failures(self, enactor: str, name: str, times: Floats) -> Floats:
        """[T] Count of an enactor's lost attempts for a name's lock."""
        lost = [
            row.time
            for row in self.changes
            if (row.kind, row.actor, row.target) == ("record.lock", enactor, name) and row.outcome != "ok"
        ]
        return np.searchsorted(lost, times, side="right").astype(float)


@dataclass
class _Control:
    """The running control plane: simpy's clock, the zone, and what the planner has published."""

    dns: Dns
    rng: np.random.Generator
    env: simpy.Environment = field(default_factory=simpy.Environment)
    newest: int = 0
    stopped: bool = False
    taken: list[tuple[float, str, int]] = field(default_factory=list[tuple[float, str, int]])
    losses_left: dict[BadLuck, int] = field(default_factory=dict[BadLuck, int])

    def __post_init__(self) -> None:
        kept = range(self.dns.first_generation - self.dns.keep_generations, self.dns.first_generation)
        self.zone = Zone(
            self.dns.names,
            kept,
            addresses=self.dns.addresses,
            check_in_batch=self.dns.check_in_batch,
            clock=lambda: self.env.now,
        )
        self.losses_left = {luck: luck.losses for luck in self.dns.bad_luck}

    def planner(self) -> Steps:
        self.newest = self.dns.first_generation
        while True:
            yield self.env.timeout(self.dns.plan_every_s)
            self.newest += 1

    def enactor(self, index: int) -> Steps:
        """Each turn: take the newest plan if it is newer than what is in place, apply it, clean up."""
        name, round_s = self.dns.enactors[index], self.dns.plan_every_s * len(self.dns.enactors)
        turn_s = index * self.dns.plan_every_s + self.rng.uniform(2.0, 6.0)
        while True:
            # A pass that ran over its turns goes on with the first turn still to come.
            yield self.env.timeout((turn_s - self.env.now) % round_s)
            if self.stopped:
                return
            plan = self.newest
            if plan > max(self.zone.active.values()):
                self.taken.append((self.env.now, name, plan))
                yield from self.apply(name, plan)
            else:
                yield self.env.timeout(1.0)

    def apply(self, enactor: str, plan: int) -> Steps:
        waiting = deque((name, 0) for name in self.dns.names)
        while waiting and not self.stopped:
            name, losses = waiting.popleft()
            if not self.zone.lock(name, plan, enactor, unlucky=self.unlucky(enactor, name)):
                waiting.append((name, losses + 1))
                if all(lost for _, lost in waiting):
                    yield self.env.timeout(self.backoff_s(losses))
                continue
            yield self.env.timeout(self.dns.apply_s)
            done = self.zone.point(name, plan, enactor)
            self.zone.unlock(name)
            if not done:
                return
        yield from self.clean_up(enactor, plan - self.dns.keep_generations)

    def clean_up(self, enactor: str, before: int) -> Steps:
        for name, generation in self.zone.trees_before(before):
            yield self.env.timeout(self.dns.delete_s)
            self.zone.delete_tree(name, generation, enactor)

    def unlucky(self, enactor: str, name: str) -> bool:
        for luck, left in self.losses_left.items():
            if left and (luck.enactor, luck.name) == (enactor, name) and self.env.now >= luck.after_s:
                self.losses_left[luck] -= 1
                return True
        return False

    def backoff_s(self, losses: int) -> float:
        pause_s = min(self.dns.backoff_cap_s, self.dns.backoff_s * 2.0**losses)
        return pause_s * self.rng.uniform(1 - self.dns.jitter, 1 + self.dns.jitter)

    def people(self, restore: Restore) -> Steps:
        yield self.env.timeout(restore.at_s)
        self.stopped = True
        for name in restore.names:
            self.zone.install_by_hand(name, self.newest, restore.actor)


def run_dns(dns: Dns, duration_s: float, rng: np.random.Generator) -> DnsBooks:
    """Let the control plane run, and return its books."""
    control = _Control(dns, rng)
    control.env.process(control.planner())
    for index in range(len(dns.enactors)):
        control.env.process(control.enactor(index))
    if dns.restore is not None:
        control.env.process(control.people(dns.restore))
    control.env.run(until=duration_s)
    return DnsBooks(dns, tuple(control.zone.changes), tuple(control.taken))
