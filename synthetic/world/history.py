"""What a simulated world did, tick by tick: the seam between the world and its telemetry.

Axes: T ticks of `tick_s` seconds, S services, E edges, C error classes (`model.ERROR_CLASSES`).
All flows are counts per tick (floats: the world is a fluid), all times are seconds.

How a tick's requests relate, so that traces drawn from it agree with the numbers:

- `entries[t, s]` requests come to service s from outside (users, or its own timers): roots of traces.
- Each request at the client of edge e makes `odds.calls` calls over it (a mean; below 1 it is the share of requests
  that make one). `originals[t, e]` first attempts were made, `attempts[t, e]` with retries.
- An attempt has one outcome: `ok`, or one class of `failures`. Classes `dns_*` and `connect` never reach the server;
  `deadline` does, and the server's work is wasted; `server` is an error that the server answered. Attempts are booked
  when they start, outcomes when they come: `attempts = ok + failures.sum(-1) + growth of in_flight` in every tick.
- A call that cannot reach its server (no address, no connection) is stuck with all its attempts, since it meets the
  same resolver and the same pool each time; attempts that do reach it fail independently of each other.
- `given_up[t, e]` calls ended without success after all their retries; `waiting[t, e]` calls are between a failure
  and a later retry at the tick's end.
- `arrivals[t, s]` requests reached service s = entries + attempts that got there; `served` of them it worked off, in
  vain where nobody waits any more. Of the arrivals `failed[t, s]` were answered with an error, because a required
  call was given up or, `own_failed[t, s]`, for a reason of its own (throttled, no capacity, an ordinary bug).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..truth import Truth

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Service:
    """One service.

    hosts: names that callers address it by; the first is the usual one. Empty for what nobody calls.
    language: what it is written in: python, node, java or go.
    instrumented: it sends spans. Load balancers, network devices and other people's machines do not.
    user_facing: its entries are users' requests, so its failures are felt outside.
    latency_s: mean time of its own work on a request, without waiting and without calls.
    capacity_rps: requests a second it can work off; more queue up.
    workers: requests it can hold at a time, waiting for its own calls; slow callees then cost it capacity.
    queue_limit_s: work that may wait, as the time to work it off; beyond, requests are turned away with an error.
    operation: span name of the requests it serves.
    own_error: what its own failures say (status message of its server span).
    """

    name: str
    hosts: tuple[str, ...]
    language: str
    operation: str
    instrumented: bool = True
    user_facing: bool = False
    latency_s: float = 0.01
    capacity_rps: float = float("inf")
    workers: float = float("inf")
    queue_limit_s: float = float("inf")
    own_error: str = "Internal Server Error"


DIALECTS = (
    "python-requests",
    "python-aiohttp",
    "python-botocore",
    "node-http",
    "node-aws-sdk",
    "java-httpclient",
    "java-urlconnection",
    "go-http",
    "grpc-python",
)
"""HTTP and RPC clients whose wording of failures differs."""


@dataclass(frozen=True)
class Edge:
    """Calls from one service to another.

    peer: host name that the client addresses.
    calls_per_request: mean calls over this edge per request at the client; 0 for work that the client queues by itself.
    required: a call given up fails the client's request; otherwise the client carries on without.
    dialect: the client library, one of `DIALECTS`.
    timeout_s, connect_timeout_s: when an attempt ends as `deadline`, or as `connect`.
    retries: attempts after the first; backoff_s: mean pause before the first retry, times `backoff_growth` each time.
    retry_budget: retries per original that the client allows itself, on average.
    via: load balancer that the connection passes through, or "".
    link: network device, itself a service, in whose queue each attempt waits before it reaches the server, or "".
    pool_tau_s: mean life of a pooled connection; a new one needs the peer's name resolved.
    """

    client: str
    server: str
    peer: str
    operation: str
    calls_per_request: float
    dialect: str
    required: bool = True
    timeout_s: float = 3.0
    connect_timeout_s: float = 1.0
    retries: int = 2
    backoff_s: float = 0.05
    backoff_growth: float = 2.0
    retry_budget: float = float("inf")
    via: str = ""
    link: str = ""
    pool_tau_s: float = 600.0


@dataclass(frozen=True)
class Series:
    """A Prometheus series of the world's own; `values` [T], one sample a tick (thin out at will)."""

    name: str
    labels: Mapping[str, str]
    kind: Literal["gauge", "counter"]
    values: Floats


@dataclass(frozen=True)
class Lookups:
    """What one recursive resolver answered: `count` [T] look-ups a tick.

    zone: the zone whose names were asked for, "." for the rest of the world. qtype: A or AAAA.
    rcode: NOERROR, NXDOMAIN, SERVFAIL or REFUSED, or "" where nothing was answered in time.
    empty: NOERROR without an address (NODATA).
    """

    resolver: str
    zone: str
    name: str
    qtype: str
    rcode: str
    empty: bool
    count: Floats


@dataclass(frozen=True)
class Probe:
    """A probe from outside, as blackbox_exporter makes them; arrays [T].

    module: dns or http. target: the name or URL probed. city: where from. qtype: of DNS probes.
    success: 0 or 1; of a DNS probe 0 where the reply's code is an error as well. answers: addresses in the reply, NaN
    where none came; empty for HTTP.
    """

    module: Literal["dns", "http"]
    target: str
    city: str
    qtype: str
    success: Floats
    answers: Floats


@dataclass(frozen=True)
class Targets:
    """The targets of a load balancer in one zone, per tick [T]: in service and healthy, unhealthy, flips of health."""

    balancer: str
    zone: str
    healthy: Floats
    unhealthy: Floats
    flips: Floats


@dataclass(frozen=True)
class CacheUse:
    """Look-ups in a cache, by the service that serves it, per tick [T]."""

    service: str
    hits: Floats
    misses: Floats


@dataclass(frozen=True)
class Change:
    """One row of `model.CHANGES`; `time` in Unix seconds."""

    time: float
    kind: str
    target: str
    actor: str
    outcome: str = "ok"
    generation: int | None = None
    answers: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Odds:
    """By what odds a request that arrives in a tick, and the calls it makes, fare: what traces are drawn from.

    calls [T, E]: mean calls per request at the client.
    unresolved: class `dns_*` -> [T, E] share of calls whose name does not resolve, that way.
    refused, unconnected [T, E]: share of the calls that resolve, that are refused, or whose connecting times out.
    late [T, E]: share of the attempts that reach the server's queue, that time out.
    granted [T, E]: share of the retries wanted that the client's retry budget grants.
    failing [T, S]: share of requests that are answered with an error; own [T, S]: share of all requests that fail for
        a reason of the service's own.
    """

    calls: Floats
    unresolved: Mapping[str, Floats]
    refused: Floats
    unconnected: Floats
    late: Floats
    granted: Floats
    failing: Floats
    own: Floats


@dataclass(frozen=True)
class History:
    """All that a world did; arrays as the module's docstring says.

    start: Unix second at which tick 0 begins.
    latency_ok_s [T, E]: mean client-side duration of a successful attempt.
    latency_server_s [T, E]: the same of an attempt that the server answered with an error.
        Other failures last: `dns_*` a few milliseconds (a time-out of DNS: 5 s), a refused connection one, other
        `connect` failures the edge's `connect_timeout_s`, `deadline` its `timeout_s`.
    latency_s [T, S]: mean server-side duration: waiting, own work and calls.
    queue_depth [T, S] requests waiting at the tick's end; queue_age_s [T, S] age of the oldest.
    up [T, S]: share of a service's instances that run. lost [T, S]: share of its telemetry that never arrives.
    """

    scenario: str
    seed: int
    start: float
    tick_s: float
    services: tuple[Service, ...]
    edges: tuple[Edge, ...]
    entries: Floats
    arrivals: Floats
    served: Floats
    failed: Floats
    own_failed: Floats
    latency_s: Floats
    queue_depth: Floats
    queue_age_s: Floats
    up: Floats
    lost: Floats
    originals: Floats
    attempts: Floats
    ok: Floats
    failures: Floats
    in_flight: Floats
    waiting: Floats
    given_up: Floats
    latency_ok_s: Floats
    latency_server_s: Floats
    odds: Odds
    lookups: tuple[Lookups, ...]
    probes: tuple[Probe, ...]
    targets: tuple[Targets, ...]
    caches: tuple[CacheUse, ...]
    series: tuple[Series, ...]
    changes: tuple[Change, ...]
    truth: Truth

    @property
    def ticks(self) -> int:
        """T."""
        return self.entries.shape[0]

    @property
    def times(self) -> Floats:
        """[T] Unix second at which each tick begins."""
        return self.start + self.tick_s * np.arange(self.ticks, dtype=float)

    @property
    def end(self) -> float:
        """Unix second at which the last tick ends."""
        return self.start + self.tick_s * self.ticks

    def service(self, name: str) -> int:
        """Index of a service on the S axis; KeyError where there is none."""
        for i, service in enumerate(self.services):
            if service.name == name:
                return i
        raise KeyError(name)

    def edge(self, client: str, server: str) -> int:
        """Index of an edge on the E axis; KeyError where there is none."""
        for i, edge in enumerate(self.edges):
            if (edge.client, edge.server) == (client, server):
                return i
        raise KeyError((client, server))
