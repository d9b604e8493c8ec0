"""What a scenario declares: the services, the parameters of the mechanisms, and what happens to them when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .balancers import Balancer
from .caches import Cache
from .dns import Dns
from .fleets import Fleet
from .history import Edge, Service
from .interventions import Intervention
from .leases import Leases
from .propagation import Launching, Throttle
from .resolvers import Caching


@dataclass(frozen=True)
class Load:
    """Requests that come to a service from outside: a day's mean rate, and how far the day's curve swings."""

    service: str
    rps: float
    amplitude: float = 0.4


@dataclass(frozen=True)
class Machine:
    """Writers that race on one record: the control plane of its zone, and what answers behind the record."""

    dns: Dns
    record: str
    service: str


@dataclass(frozen=True)
class Naming:
    """Resolvers that the services share, and what they are asked besides.

    servfail_share, search_share: of all other look-ups, those answered SERVFAIL, and the search-domain misses answered
        NXDOMAIN, every day. without_aaaa: names that have IPv4 addresses only, so that AAAA is always NODATA.
    machine: writers of one record; other records stand still unless somebody rewrites them.
    asked_by: service -> the resolvers that its instances ask, in equal parts; services that are left out ask all.
    """

    resolvers: tuple[str, ...] = ("coredns-0", "coredns-1", "coredns-2")
    caching: Caching = field(default_factory=Caching)
    servfail_share: float = 0.002
    search_share: float = 0.08
    without_aaaa: tuple[str, ...] = ()
    machine: Machine | None = None
    asked_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def of(self, service: str) -> list[int]:
        """Indices of the resolvers that a service asks."""
        return [self.resolvers.index(name) for name in self.asked_by.get(service, self.resolvers)]


@dataclass(frozen=True)
class LeaseManager:
    """The service that holds the leases, what its state checks call, and what its lease work calls.

    throttle_s, outstanding: when people restart its hosts and cap the leases under way.
    """

    leases: Leases
    service: str
    checks: str
    droplets: str
    throttle_s: float
    outstanding: int


@dataclass(frozen=True)
class Launches:
    """The service that takes launches, the one that propagates their network state; people's throttles.

    finder: the service asked for each launch that is let in, or "". amplitude: how far the day's curve swings.
    """

    launching: Launching
    service: str
    manager: str
    throttles: tuple[Throttle, ...]
    amplitude: float
    finder: str = ""


@dataclass(frozen=True)
class Balancing:
    """The load balancer; for each service behind it, its full capacity as a share of its greatest demand.

    off_s, on_s: when people switch automatic failover off and on again.
    """

    balancer: Balancer
    headroom: Mapping[str, float]
    off_s: float = float("inf")
    on_s: float = float("inf")


@dataclass(frozen=True)
class Probing:
    """External probes: where from, names whose records are asked for, and the fronts of user-facing services."""

    cities: tuple[str, ...] = ("ashburn", "frankfurt", "singapore")
    names: tuple[str, ...] = ()
    fronts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Cause:
    """What breaks first, in the words of the analysis; seconds from the start, where a mechanism does not tell."""

    component: str
    kind: str
    aliases: tuple[str, ...] = ()
    dns_failure: str | None = None
    at_s: float | None = None
    until_s: float | None = None


@dataclass(frozen=True)
class Estate:
    """A whole world, declared.

    start: Unix second; utc_offset_h: of the local clock that people's days and the published times follow.
    noise: share of requests that a service fails for no reason worth telling, in calm weather.
    cause: None where nothing breaks. events: what happens to it and what people do, in any order.
    pipeline: the service through which all telemetry leaves the estate: what it fails to hand on is lost. Or "".
    """

    name: str
    start: float
    duration_s: float
    services: tuple[Service, ...]
    edges: tuple[Edge, ...]
    loads: tuple[Load, ...]
    cause: Cause | None = None
    events: tuple[Intervention, ...] = ()
    naming: Naming = field(default_factory=Naming)
    caches: tuple[Cache, ...] = ()
    fleets: tuple[Fleet, ...] = ()
    lease_manager: LeaseManager | None = None
    launches: Launches | None = None
    balancing: Balancing | None = None
    probing: Probing = field(default_factory=Probing)
    pipeline: str = ""
    tick_s: float = 1.0
    utc_offset_h: float = 0.0
    noise: float = 0.001
