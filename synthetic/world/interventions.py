"""What happens to a world from outside, and what people do about it; times in seconds from the world's start.

An intervention sets conditions; what comes of them is left to the mechanisms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .conditions import Conditions
from .history import Change, Floats

FOREVER = float("inf")
DROPPED_S = 30.0
"""A balancer stops sending to a dead instance after two or three checks, ten seconds apart (common defaults)."""


@dataclass
class World:
    """What an intervention can touch.

    authority: name -> [T] what its zone answers: addresses, or one of the negative codes of `resolvers`.
    resolvers: name -> [T, R] 0, or the code that a resolver answers whatever the authority says.
    """

    conditions: Conditions
    authority: dict[str, Floats]
    resolver_count: int
    resolvers: dict[str, Floats] = field(default_factory=dict[str, Floats])


class Intervention(Protocol):
    """Something that happens at a moment, often until another."""

    def impose(self, world: World) -> None:
        """Set the conditions."""
        ...

    def changes(self) -> Iterable[Change]:
        """What the change log tells of it, in seconds from the start."""
        ...


@dataclass(frozen=True)
class Release:
    """A release that fails a share of a service's requests, until it is rolled back; harmless where that is 0."""

    service: str
    at_s: float
    until_s: float = FOREVER
    failing: float = 0.0
    slow_s: float = 0.0
    version: int = 2

    def impose(self, world: World) -> None:
        """Failures and slowness of the service's own."""
        c, s = world.conditions, world.conditions.service(self.service)
        during = c.during(self.at_s, self.until_s)
        c.own_failing[during, s] = 1.0 - (1.0 - c.own_failing[during, s]) * (1.0 - self.failing)
        c.slow_s[during, s] += self.slow_s

    def changes(self) -> Iterable[Change]:
        """The deployment, and the way back."""
        yield Change(self.at_s, "deploy", self.service, "ci", generation=self.version, detail="release")
        if self.until_s < FOREVER:
            yield Change(self.until_s, "deploy", self.service, "ci", generation=self.version - 1, detail="rollback")


@dataclass(frozen=True)
class Slowdown:
    """A service works off only a share of what it could: a hang where that is 0."""

    service: str
    at_s: float
    until_s: float
    capacity: float = 0.0

    def impose(self, world: World) -> None:
        """Capacity is lost; ValueError where the service has none to lose."""
        c, s = world.conditions, world.conditions.service(self.service)
        if not np.isfinite(c.capacity[:, s]).all():
            raise ValueError(f"{self.service} has no capacity that it could lose")
        c.capacity[c.during(self.at_s, self.until_s), s] *= self.capacity

    def changes(self) -> Iterable[Change]:
        """Nobody did it."""
        return ()


@dataclass(frozen=True)
class Delay:
    """A service's own work on every request takes `slow_s` longer, on average, and it works off as many as ever."""

    service: str
    at_s: float
    until_s: float
    slow_s: float

    def impose(self, world: World) -> None:
        """Its work takes longer."""
        c = world.conditions
        c.slow_s[c.during(self.at_s, self.until_s), c.service(self.service)] += self.slow_s

    def changes(self) -> Iterable[Change]:
        """Nobody did it."""
        return ()


@dataclass(frozen=True)
class Scale:
    """People give a service another capacity."""

    service: str
    at_s: float
    factor: float
    by: str = "operators"

    def impose(self, world: World) -> None:
        """More, or less, is worked off from then on."""
        c = world.conditions
        c.capacity[c.during(self.at_s, FOREVER), c.service(self.service)] *= self.factor

    def changes(self) -> Iterable[Change]:
        """The scaling."""
        yield Change(self.at_s, "scale", self.service, self.by, detail=f"capacity times {self.factor:g}")


@dataclass(frozen=True)
class Crash:
    """A share of a service's instances dies: connections to them are refused until balancers have noticed."""

    service: str
    at_s: float
    until_s: float
    share: float = 1.0

    def impose(self, world: World) -> None:
        """Instances, capacity and connections are lost."""
        c, s = world.conditions, world.conditions.service(self.service)
        during = c.during(self.at_s, self.until_s)
        c.up[during, s] *= 1.0 - self.share
        c.capacity[during, s] *= max(1.0 - self.share, 1e-3)
        refused = during if self.share >= 1.0 else c.during(self.at_s, self.at_s + DROPPED_S)
        for e in c.edges_to(self.service):
            c.refused[refused, e] = np.maximum(c.refused[refused, e], self.share)

    def changes(self) -> Iterable[Change]:
        """Whoever restarts it says so."""
        if self.until_s < FOREVER:
            yield Change(self.until_s, "restart", self.service, "operators", detail="instances started again")


@dataclass(frozen=True)
class Surge:
    """More, or fewer, requests from outside: times `factor`, plus `rps`, over a ramp."""

    service: str
    at_s: float
    until_s: float
    factor: float = 1.0
    rps: float = 0.0
    ramp_s: float = 0.0

    def impose(self, world: World) -> None:
        """Entries change."""
        c, s = world.conditions, world.conditions.service(self.service)
        during = c.during(self.at_s, self.until_s)
        since_s = c.tick_s * np.arange(during.stop - during.start, dtype=float)
        risen = np.minimum(1.0, (since_s + c.tick_s) / max(self.ramp_s, c.tick_s))
        c.entries[during, s] *= 1.0 + (self.factor - 1.0) * risen
        c.entries[during, s] += self.rps * c.tick_s * risen

    def changes(self) -> Iterable[Change]:
        """Nobody announces it."""
        return ()


@dataclass(frozen=True)
class Throttle:
    """People let in only a share of a service's requests from outside."""

    service: str
    at_s: float
    until_s: float
    share: float

    def impose(self, world: World) -> None:
        """Entries are turned away before they arrive."""
        c = world.conditions
        c.entries[c.during(self.at_s, self.until_s), c.service(self.service)] *= self.share

    def changes(self) -> Iterable[Change]:
        """The limit, and its end."""
        yield Change(self.at_s, "throttle", self.service, "operators", detail=f"{self.share:.0%} of requests let in")
        if self.until_s < FOREVER:
            yield Change(self.until_s, "throttle", self.service, "operators", detail="limit lifted")


@dataclass(frozen=True)
class Cut:
    """A share of the connections to some services cannot be made: routes withdrawn, a link cut."""

    services: tuple[str, ...]
    at_s: float
    until_s: float
    share: float = 1.0
    device: str = ""

    def impose(self, world: World) -> None:
        """Connecting times out, and what is on its way gets lost in the device."""
        c = world.conditions
        during = c.during(self.at_s, self.until_s)
        for service in self.services:
            for e in c.edges_to(service):
                c.unconnected[during, e] = np.maximum(c.unconnected[during, e], self.share)
        if self.device:
            c.up[during, c.service(self.device)] *= 1.0 - self.share

    def changes(self) -> Iterable[Change]:
        """The command that did it, and the one that undid it."""
        if self.device:
            yield Change(self.at_s, "manual", self.device, "network-automation", detail="configuration change")
            if self.until_s < FOREVER:
                yield Change(self.until_s, "manual", self.device, "operators", detail="configuration restored")


@dataclass(frozen=True)
class Flush:
    """A share of a cache's content is gone at a moment: nodes replaced by empty ones."""

    cache: str
    at_s: float
    share: float = 1.0
    why: str = "nodes replaced by empty ones"

    def impose(self, world: World) -> None:
        """The cache is told."""
        mark = world.conditions.mark("flush", self.cache)
        mark[world.conditions.during(self.at_s, self.at_s + world.conditions.tick_s)] = self.share

    def changes(self) -> Iterable[Change]:
        """What emptied it."""
        yield Change(self.at_s, "restart", self.cache, "automation", detail=self.why)


@dataclass(frozen=True)
class Restart:
    """A share of a fleet's instances goes down at a moment, all at once, and must start again."""

    fleet: str
    at_s: float
    share: float = 1.0
    by: str = ""

    def impose(self, world: World) -> None:
        """The fleet is told."""
        mark = world.conditions.mark("restart", self.fleet)
        mark[world.conditions.during(self.at_s, self.at_s + world.conditions.tick_s)] = self.share

    def changes(self) -> Iterable[Change]:
        """Who did it, where anybody did."""
        if self.by:
            yield Change(self.at_s, "restart", self.fleet, self.by, detail=f"{self.share:.0%} of the instances")


@dataclass(frozen=True)
class Hold:
    """A fleet's calls for its state are held back: nothing of it gets through (a crash loop), or people pause it."""

    fleet: str
    at_s: float
    until_s: float
    share: float = 1.0
    kind: str = "throttle"
    detail: str = field(default="requests paused")
    by: str = "operators"

    def impose(self, world: World) -> None:
        """The fleet is told."""
        c = world.conditions
        c.mark("hold", self.fleet)[c.during(self.at_s, self.until_s)] = self.share

    def changes(self) -> Iterable[Change]:
        """The pause, and its end."""
        if self.by:
            yield Change(self.at_s, self.kind, self.fleet, self.by, detail=self.detail)
            if self.until_s < FOREVER:
                yield Change(self.until_s, self.kind, self.fleet, self.by, detail="lifted")
