"""Estates drawn by seed: what real estates vary in, around the part that a scenario declares."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np

from .estate import Estate, Load, Naming, Probing
from .history import Edge, Service
from .resolvers import Caching

TOPICS = (
    *("accounts", "address", "adverts", "audit", "basket", "billing", "booking", "catalogue", "chat", "claims"),
    *("content", "coupons", "currency", "delivery", "documents", "drivers", "fraud", "geo", "images", "inventory"),
    *("invoices", "itinerary", "ledger", "loyalty", "mailer", "media", "menu", "notes", "offers", "ordering"),
    *("packing", "payment", "players", "policies", "pricing", "profile", "quotes", "ranking", "ratings", "refunds"),
    *("reports", "returns", "rooms", "routing", "seats", "sessions", "shipping", "sms", "stock", "tariffs"),
    *("tax", "tickets", "tracking", "vouchers", "wallet", "warehouse", "wishlist", "yard"),
)
ENDINGS = ("-api", "-svc", "-app", "-srv")
DOMAINS = ("prod.internal", "svc.cluster.local", "eu.example.net", "core.example.org", "dc1.corp.example")
DIALECTS = {
    "python": ("python-requests", "python-aiohttp", "grpc-python"),
    "node": ("node-http",),
    "java": ("java-httpclient", "java-urlconnection"),
    "go": ("go-http",),
}
LANGUAGES = tuple(DIALECTS)
EPOCH = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
"""A Monday; each world begins at some hour of some day after it."""

T = TypeVar("T")


@dataclass
class Town:
    """A drawn estate: services in layers, each calling some of the layers below it.

    fronts: user-facing services. middles, stores: what stands behind them; nothing stands behind a store.
    """

    domain: str
    services: list[Service] = field(default_factory=list[Service])
    edges: list[Edge] = field(default_factory=list[Edge])
    loads: list[Load] = field(default_factory=list[Load])
    fronts: list[str] = field(default_factory=list[str])
    middles: list[str] = field(default_factory=list[str])
    stores: list[str] = field(default_factory=list[str])

    def host(self, name: str) -> str:
        """The host name that a service is addressed by."""
        return next(service.hosts[0] for service in self.services if service.name == name)

    def rps(self) -> dict[str, float]:
        """Requests a second that reach each service on an average day."""
        rates = dict.fromkeys((service.name for service in self.services), 0.0)
        for load in self.loads:
            rates[load.service] += load.rps
        settled = {name for name in rates if not any(edge.server == name for edge in self.edges)}
        left = list(self.edges)
        while left:
            ready = [edge for edge in left if edge.client in settled]
            left = [edge for edge in left if edge.client not in settled]
            for edge in ready:
                rates[edge.server] += rates[edge.client] * edge.calls_per_request
            settled |= {name for name in rates if not any(edge.server == name for edge in left)}
        return rates

    def busiest(self, names: list[str]) -> str:
        """Of some services, the one that most services' users depend on, then the one with most requests."""
        rates = self.rps()
        return max(names, key=lambda name: (len(self.callers(name)), rates[name], name))

    def callers(self, name: str) -> list[str]:
        """The services that call a service."""
        return sorted({edge.client for edge in self.edges if edge.server == name})

    def set_service(self, name: str, **fields: object) -> None:
        """Give a service other fields."""
        at = next(i for i, service in enumerate(self.services) if service.name == name)
        self.services[at] = replace(self.services[at], **fields)  # type: ignore[arg-type]

    def set_edges(self, *, to: str = "", of: str = "", **fields: object) -> None:
        """Give the edges to a service, or of a client, other fields."""
        for i, edge in enumerate(self.edges):
            if to in ("", edge.server) and of in ("", edge.client):
                self.edges[i] = replace(edge, **fields)  # type: ignore[arg-type]

    def expose(self, name: str) -> None:
        """Let users depend on a service: make every call required on the shortest way to it from where they come in."""
        came_from = dict.fromkeys(self.fronts, "")
        queue = list(self.fronts)
        for client in queue:
            for edge in self.edges:
                if edge.client == client and edge.server not in came_from:
                    came_from[edge.server] = client
                    queue.append(edge.server)
        while came_from.get(name):
            self.set_edges(of=came_from[name], to=name, required=True)
            name = came_from[name]


class Draw:
    """The random choices of one world: a scenario's name and a seed."""

    def __init__(self, scenario: str, seed: int) -> None:
        self.scenario = scenario
        self.rng = np.random.default_rng([seed, *scenario.encode()])

    def between(self, low: float, high: float) -> float:
        """A number, uniformly."""
        return float(self.rng.uniform(low, high))

    def one_of(self, *choices: T) -> T:
        """One of some things."""
        return choices[int(self.rng.integers(len(choices)))]

    def minutes(self, low: float, high: float) -> float:
        """A whole number of ten seconds between two numbers of minutes, in seconds."""
        return 10.0 * round(self.between(low, high) * 6.0)

    def naming(self, **fields: object) -> Naming:
        """Resolvers and how long they keep answers."""
        count = int(self.rng.integers(2, 7))
        caching = Caching(ttl_s=self.one_of(5.0, 10.0, 30.0, 60.0), negative_ttl_s=self.one_of(30.0, 60.0, 300.0))
        named = Naming(tuple(f"coredns-{number}" for number in range(count)), caching)
        return replace(named, **fields)  # type: ignore[arg-type]

    def estate(self, town: Town, *, duration_s: float = 5400.0, tick_s: float = 2.0, **fields: object) -> Estate:
        """A declared world around a town; `fields` as in `Estate`."""
        probing = Probing(
            cities=tuple(self.rng.permutation(["ashburn", "frankfurt", "singapore", "sydney"])[:3].tolist()),
            names=tuple(town.host(name) for name in (*town.stores, *town.fronts)),
            fronts={name: f"https://{town.host(name)}" for name in town.fronts},
        )
        drawn = Estate(
            name=self.scenario,
            start=EPOCH + 3600.0 * float(self.rng.integers(0, 24 * 280)),
            duration_s=duration_s,
            services=tuple(town.services),
            edges=tuple(town.edges),
            loads=tuple(town.loads),
            naming=self.naming(),
            probing=probing,
            tick_s=tick_s,
            # What users see of it on a calm day adds up over the services behind a request, some half of them all.
            noise=self.one_of(0.001, 0.003, 0.008) / max(3.0, 0.5 * len(town.services)),
        )
        return replace(drawn, **fields)  # type: ignore[arg-type]

    def town(self, *, least: int = 5, most: int = 60, headroom: tuple[float, float] = (2.2, 4.0)) -> Town:
        """Services, calls and loads; each service can do `headroom` times what it is asked for on average."""
        count = int(np.exp(self.rng.uniform(np.log(least), np.log(most + 0.99))))
        town = Town(self.one_of(*DOMAINS))
        topics = [str(topic) for topic in self.rng.permutation(TOPICS)]
        names = [topics[i % len(topics)] + ENDINGS[(i // len(topics) + i) % len(ENDINGS)] for i in range(count)]
        fronts = max(1, count // 10)
        stores = max(1, count // 5)
        town.fronts, town.stores = names[:fronts], [f"{topics[-1 - i]}-store" for i in range(stores)]
        town.middles = names[fronts : count - stores]
        for name in (*town.fronts, *town.middles, *town.stores):
            town.services.append(self.service(town, name))
        self._connect(town)
        town.loads = [Load(name, self.between(20.0, 120.0), self.between(0.1, 0.4)) for name in town.fronts]
        self.size(town, headroom)
        return town

    def service(self, town: Town, name: str) -> Service:
        """A service of an ordinary kind; most stores send no spans."""
        store = name in town.stores
        operation = "query" if store else f"{self.one_of('GET', 'POST', 'PUT')} /{name.rpartition('-')[0]}"
        return Service(
            name,
            (f"{name}.{town.domain}",),
            self.one_of(*LANGUAGES),
            operation,
            instrumented=self.rng.random() > (0.6 if store else 0.08),
            user_facing=name in town.fronts,
            latency_s=self.between(0.002, 0.008) if store else self.between(0.004, 0.04),
            own_error=self.one_of("Internal Server Error", "invalid state", "assertion failed"),
        )

    def edge(self, town: Town, client: str, server: str, calls: float, **fields: object) -> Edge:
        """Calls between two services by an ordinary client with an ordinary policy."""
        by_name = {service.name: service for service in town.services}
        retries = self.one_of(0, 0, 1, 2, 2)
        drawn = Edge(
            client,
            server,
            by_name[server].hosts[0],
            by_name[server].operation,
            calls,
            self.one_of(*DIALECTS[by_name[client].language]),
            required=bool(self.rng.random() < 0.8),
            timeout_s=self.one_of(2.0, 3.0, 5.0, 10.0),
            connect_timeout_s=self.one_of(1.0, 2.0),
            retries=retries,
            backoff_s=self.one_of(0.025, 0.05, 0.1),
            retry_budget=self.one_of(0.1, 0.2, float("inf")),
            pool_tau_s=self.one_of(60.0, 120.0, 300.0, 600.0),
        )
        return replace(drawn, **fields)  # type: ignore[arg-type]

    def size(self, town: Town, headroom: tuple[float, float] = (2.2, 4.0)) -> None:
        """Give each service the capacity that its load asks for, and workers to hold it."""
        rates = town.rps()
        for i, service in enumerate(town.services):
            capacity = max(10.0, rates[service.name] * self.between(*headroom))
            town.services[i] = replace(service, capacity_rps=capacity, queue_limit_s=self.between(5.0, 20.0))

    def _connect(self, town: Town) -> None:
        """Layers of middles, each called by one to three services above it; stores are called by any of them."""
        depth = min(len(town.middles), int(self.rng.integers(1, 5)))
        layers = [town.fronts, *(town.middles[level::depth] for level in range(depth))]
        for level, layer in enumerate(layers[1:], start=1):
            for name in layer:
                above = [*layers[level - 1], *(layers[level - 2] if level > 1 else [])]
                self._call(town, above, name, (0.2, 0.9))
        for name in town.stores:
            self._call(town, town.middles or town.fronts, name, (0.5, 1.2), most=4)
        calling = {edge.client for edge in town.edges}
        for name in [name for name in (*town.fronts, *layers[-1]) if name not in calling and name not in town.stores]:
            self._call(town, [name], self.one_of(*town.stores), (0.5, 1.2))

    def _call(self, town: Town, above: list[str], name: str, calls: tuple[float, float], most: int = 3) -> None:
        count = min(len(above), int(self.rng.integers(1, most + 1)))
        for client in self.rng.choice(above, count, replace=False).tolist():
            town.edges.append(self.edge(town, str(client), name, self.between(*calls)))
