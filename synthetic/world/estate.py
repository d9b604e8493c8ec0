"""What a scenario declares: the services, the parameters of the mechanisms, and what people did when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .balancers import Balancer
from .dns import Dns
from .history import Edge, Service
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
class Naming:
    """The zone, and the record in it whose answers the services' calls depend on.

    service: what answers behind the record. resolvers: recursive resolvers that the services share.
    """

    dns: Dns
    record: str
    service: str
    caching: Caching = field(default_factory=Caching)
    resolvers: int = 24


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
    """The service that takes launches, the one that finds droplets, the one that propagates; people's throttles.

    amplitude: how far the day's curve of launches swings.
    """

    launching: Launching
    service: str
    manager: str
    throttles: tuple[Throttle, ...]
    amplitude: float


@dataclass(frozen=True)
class Balancing:
    """The load balancer; for each service behind it, its full capacity as a share of its greatest demand.

    off_s, on_s: when people switch automatic failover off and on again.
    """

    balancer: Balancer
    headroom: Mapping[str, float]
    off_s: float
    on_s: float


@dataclass(frozen=True)
class Probing:
    """External probes: where from, the fronts of user-facing services, and a name that never had AAAA records."""

    cities: tuple[str, ...]
    fronts: Mapping[str, str]
    without_aaaa: str


@dataclass(frozen=True)
class Estate:
    """A whole world, declared.

    start: Unix second; utc_offset_h: of the local clock that people's days and the published times follow.
    noise: share of requests that a service fails for no reason worth telling, in calm weather.
    """

    name: str
    start: float
    duration_s: float
    utc_offset_h: float
    services: tuple[Service, ...]
    edges: tuple[Edge, ...]
    loads: tuple[Load, ...]
    naming: Naming
    lease_manager: LeaseManager
    launches: Launches
    balancing: Balancing
    probing: Probing
    tick_s: float = 10.0
    noise: float = 0.001
