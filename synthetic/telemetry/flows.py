"""A history's edges and services -> flows of counted things: what the metrics of every dialect count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..world.books import CLASS
from ..world.history import Edge, History, Service
from ..world.simulation import STRAY
from .odds import failure_s

Floats = NDArray[np.float64]

LOOKUP_S = 0.004

FIXED = 0.05
"""Spread of durations that a time-out decides."""
FREE = 0.5
"""Spread of all others: sigma of a log-normal (assumed)."""


@dataclass(frozen=True)
class Flow:
    """Things counted: `count` [T] a tick, their mean duration [T], and its spread (sigma of the logarithm).

    job: the service whose restart sets the counter back to 0, "" for a counter that somebody else keeps.
    """

    labels: Mapping[str, str]
    count: Floats
    mean_s: Floats
    spread: float = FREE
    job: str = ""


@dataclass(frozen=True)
class Served:
    """Requests that a service answered in one way: status 200, 500 (a call failed) or 503 (it failed by itself)."""

    service: Service
    status: str
    count: Floats
    mean_s: Floats


@dataclass(frozen=True)
class Attempts:
    """Attempts over an edge with one outcome: "ok" or a class of `ERROR_CLASSES`; `status` "" where none answered."""

    edge: Edge
    outcome: str
    status: str
    count: Floats
    mean_s: Floats
    spread: float = FREE

    @property
    def reached(self) -> bool:
        """They got to the server."""
        return self.outcome in ("ok", "server", "deadline")


def served(history: History, *, share: Mapping[str, Floats] | None = None) -> Iterator[Served]:
    """Requests that instrumented services served, by status; of each service the `share` [T], where one is given."""
    for s, service in enumerate(history.services):
        arrivals = history.arrivals[:, s]
        if not service.instrumented or not arrivals.any():
            continue
        of = 1.0 if share is None else share.get(service.name, 0.0)
        failed = np.minimum(history.failed[:, s], arrivals)
        own = np.minimum(history.own_failed[:, s], failed)
        for status, count in (("200", arrivals - failed), ("500", failed - own), ("503", own)):
            yield Served(service, status, count * of, history.latency_s[:, s])


def answers_calls(service: Service) -> bool:
    """Whether its work comes as requests; a timer's does not."""
    return bool(service.hosts) or service.user_facing


def attempts(history: History, *, everybody: bool = False) -> Iterator[Attempts]:
    """Attempts of instrumented clients (or of everybody), edge by edge, by outcome."""
    index = {service.name: s for s, service in enumerate(history.services)}
    happened = _happened(history)
    for e, edge in enumerate(history.edges):
        if not (everybody or history.services[index[edge.client]].instrumented):
            continue
        yield Attempts(edge, "ok", "200", history.ok[:, e], history.latency_ok_s[:, e])
        lasts = failure_s(edge)
        for name, c in CLASS.items():
            if not happened[e, c]:
                continue
            count = history.failures[:, e, c]
            if name == "server":
                yield from _answered_errors(history, e, index[edge.server], count)
                continue
            mean_s = history.latency_ok_s[:, e] if np.isnan(lasts[c]) else np.broadcast_to(lasts[c], history.ticks)
            spread = FIXED if name in ("deadline", "connect", "dns_timeout") else FREE
            yield Attempts(edge, name, "", count, mean_s, spread)


def lookups(history: History) -> Iterator[Attempts]:
    """Look-ups of names by instrumented clients: one for each new connection; outcome "ok" or a class `dns_*`.

    A connection lives `pool_tau_s`; by Little's law there are as many as attempts under way, and one at least.
    """
    instrumented = {service.name for service in history.services if service.instrumented}
    happened = _happened(history)
    for e, edge in enumerate(history.edges):
        if edge.client not in instrumented:
            continue
        yield Attempts(edge, "ok", "", renewed(history, e), np.broadcast_to(LOOKUP_S, history.ticks))
        lasts = failure_s(edge)
        for name, c in CLASS.items():
            if name.startswith("dns_") and happened[e, c]:
                yield Attempts(edge, name, "", history.failures[:, e, c], np.broadcast_to(lasts[c], history.ticks))


def _happened(history: History) -> NDArray[np.bool_]:
    """[E, C] which failures there ever were."""
    return np.asarray(history.failures.any(axis=0), np.bool_)


def renewed(history: History, e: int) -> Floats:
    """[T] connections over an edge that are opened anew."""
    ok = history.ok[:, e]
    open_connections = 1.0 + ok / history.tick_s * history.latency_ok_s[:, e]
    return np.where(ok > 0, open_connections * history.tick_s / history.edges[e].pool_tau_s, 0.0)


def unopened(history: History, e: int) -> Floats:
    """[T] connections over an edge that cannot be opened.

    The books count calls. Of those that fail at their connection on any day, with all their retries, most had one that
    stood and lost it: of connections that are opened as small a share fails.
    """
    stray = STRAY * history.originals[:, e] * (1.0 + history.edges[e].retries)
    failed = history.failures[:, e, CLASS["connect"]]
    return np.maximum(0.0, failed - stray) + STRAY * renewed(history, e)


def merged(flows: Iterable[Flow]) -> Iterator[Flow]:
    """Flows of equal labels added up, in order of first appearance: two edges may address one peer."""
    by_labels: dict[tuple[tuple[str, str], ...], Flow] = {}
    for flow in flows:
        key = tuple(sorted((name, value) for name, value in flow.labels.items() if value))
        other = by_labels.get(key)
        if other is None:
            by_labels[key] = flow
            continue
        count = other.count + flow.count
        time = other.count * other.mean_s + flow.count * flow.mean_s
        mean_s = np.divide(time, count, out=np.array(flow.mean_s), where=count > 0)
        by_labels[key] = replace(flow, count=count, mean_s=mean_s, spread=max(flow.spread, other.spread))
    yield from by_labels.values()


def _answered_errors(history: History, e: int, server: int, count: Floats) -> Iterator[Attempts]:
    failed = history.failed[:, server]
    own = np.divide(history.own_failed[:, server], failed, out=np.zeros(history.ticks), where=failed > 0)
    own = count * np.clip(own, 0.0, 1.0)
    for status, part in (("500", count - own), ("503", own)):
        yield Attempts(history.edges[e], "server", status, part, history.latency_server_s[:, e])
