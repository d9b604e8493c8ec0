"""What the rest of the world does to the services, tick by tick."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .history import Edge, Floats, Service

SLOW_CLASS = "dns_timeout"
"""The only failure of resolution that takes long: nobody answers."""


@dataclass
class Conditions:
    """Arrays that mechanisms and interventions write, and the services then live under.

    entries: [T, S] requests from outside. calls: [T, E] calls per request at the client.
    capacity: [T, S] requests a second that a service can work off. slow_s: [T, S] added to its own work.
    own_failing: [T, S] share of requests that a service fails for a reason of its own. up: [T, S] instances running.
    unresolved: class `dns_*` -> [T, E] share of calls whose name does not resolve. refused, unconnected: [T, E] share
        of the rest that is refused, or whose connecting times out.
    marks: what feedbacks are told, [T] by kind and name: the flush of a cache, the restart of a fleet.
    """

    tick_s: float
    services: tuple[Service, ...]
    edges: tuple[Edge, ...]
    entries: Floats
    calls: Floats
    capacity: Floats
    slow_s: Floats
    own_failing: Floats
    up: Floats
    refused: Floats
    unconnected: Floats
    unresolved: dict[str, Floats] = field(default_factory=dict[str, Floats])
    marks: dict[tuple[str, str], Floats] = field(default_factory=dict[tuple[str, str], Floats])

    @property
    def ticks(self) -> int:
        """T."""
        return len(self.entries)

    def during(self, at_s: float, until_s: float) -> slice:
        """The ticks between two moments, in seconds from the world's start."""
        return slice(round(at_s / self.tick_s), min(self.ticks, round(min(until_s, 1e12) / self.tick_s)))

    def service(self, name: str) -> int:
        """Index of a service; ValueError where there is none."""
        return [service.name for service in self.services].index(name)

    def edges_to(self, name: str) -> list[int]:
        """Indices of the edges to a service, or that address a host name."""
        return [e for e, edge in enumerate(self.edges) if name in (edge.server, edge.peer)]

    def fail_lookups(self, name: str, e: int, share: Floats) -> None:
        """Let a share [T] of an edge's calls fail to resolve with class `name`, beside those that do already."""
        if name not in self.unresolved:
            self.unresolved[name] = np.zeros_like(self.calls)
        left = 1.0 - self.unresolved_share()[:, e]
        self.unresolved[name][:, e] += left * share

    def unresolved_share(self) -> Floats:
        """[T, E] share of calls that fail to resolve, in whatever way."""
        return sum(self.unresolved.values(), np.zeros_like(self.calls))

    def mark(self, kind: str, name: str) -> Floats:
        """[T] the marks of a kind for a name, to be read or written."""
        return self.marks.setdefault((kind, name), np.zeros(self.ticks))


def still(services: tuple[Service, ...], edges: tuple[Edge, ...], tick_s: float, entries: Floats) -> Conditions:
    """Conditions in which nothing happens but `entries` [T, S]."""
    ticks = len(entries)
    return Conditions(
        tick_s=tick_s,
        services=services,
        edges=edges,
        entries=entries,
        calls=np.tile(np.array([edge.calls_per_request for edge in edges], dtype=float), (ticks, 1)),
        capacity=np.tile([service.capacity_rps for service in services], (ticks, 1)),
        slow_s=np.zeros((ticks, len(services))),
        own_failing=np.zeros((ticks, len(services))),
        up=np.ones((ticks, len(services))),
        refused=np.zeros((ticks, len(edges))),
        unconnected=np.zeros((ticks, len(edges))),
    )
