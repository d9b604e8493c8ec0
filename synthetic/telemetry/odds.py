"""A history's odds, made ready for drawing: what a request, a call or an attempt meets in each tick.

The odds themselves are the world's. What is added here follows from them in closed form: the share of calls that
are given up in the end, and how much of a request's mean duration is left for waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from ...collector.model import ERROR_CLASSES
from ..world.books import CLASS
from ..world.history import Edge, History
from ..world.retries import DNS_TIMEOUT_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

OK = 0
OUTCOMES = ("ok", *ERROR_CLASSES, "refused")
"""How an attempt ends is an index here. A refused connection is of the class `connect` too, but comes at once."""
SERVER, DEADLINE, CONNECT = (1 + CLASS[name] for name in ("server", "deadline", "connect"))
REFUSED = OUTCOMES.index("refused")

DNS_FAILURE_S = 0.003
"""An answer from a resolver near by: a few milliseconds, as measured on real clients."""
REFUSED_S = 0.001
"""A connection is refused within one round trip."""
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Stuck:
    """What the calls over one edge that cannot reach their server are stuck at.

    outcomes [K]: indices in `OUTCOMES`. below [T, K]: cumulative shares of all calls; a call has one luck between 0
    and 1 for all its attempts, and is stuck at the first of these that exceeds it.
    """

    outcomes: Ints
    below: Floats

    @cached_property
    def share(self) -> Floats:
        """[T] share of calls that are stuck, at whatever."""
        return self.below[:, -1] if len(self.outcomes) else np.zeros(len(self.below))


@dataclass(frozen=True)
class Chances:
    """Arrays over T ticks, E edges, S services.

    calls [T, E]: mean calls per request at the client.
    stuck [E]: what calls are stuck at. late [T, E], granted [T, E]: as in the world's `Odds`.
    failing [T, S], own [T, S]: shares of requests that fail, and that fail for a reason of the service's own;
        turned_away [T, S]: of all requests those that found no room, and so cause no calls.
    given_up [T, E]: share of calls that end without success.
    alone [T, E]: calls that no request makes, but that the client's own queue of work does.
    wait_s [T, S]: mean time before the work begins, so that the mean duration is the history's.
    overhead_s [T, E]: mean client-side time of a successful attempt outside its server span.
    parks [E]: edges for whose retries no request waits.
    order: services, callers before callees.
    """

    calls: Floats
    stuck: tuple[Stuck, ...]
    late: Floats
    granted: Floats
    failing: Floats
    own: Floats
    turned_away: Floats
    given_up: Floats
    alone: Floats
    wait_s: Floats
    overhead_s: Floats
    parks: Flags
    order: tuple[int, ...]


def chances_of(history: History) -> Chances:
    """The chances behind a history; ValueError where its calls form a cycle, since a trace would never end."""
    _, servers = ends(history)
    odds = history.odds
    stuck = tuple(_stuck(history, e) for e in range(len(history.edges)))
    parks = np.array([edge.retries > 0 and edge.backoff_s > edge.timeout_s for edge in history.edges], np.bool_)
    failing = np.clip(odds.failing, 0.0, 1.0)
    given_up = np.empty_like(history.originals)
    for e, edge in enumerate(history.edges):
        fails = odds.late[:, e] + (1.0 - odds.late[:, e]) * failing[:, servers[e]]
        free = given_up_when_free(fails, odds.granted[:, e], edge.retries)
        given_up[:, e] = stuck[e].share + (1.0 - stuck[e].share) * free
    return Chances(
        calls=odds.calls,
        stuck=stuck,
        late=odds.late,
        granted=odds.granted,
        failing=failing,
        own=np.minimum(odds.own, failing),
        turned_away=_turned_away(history),
        given_up=given_up,
        alone=np.where(odds.calls > 0, 0.0, history.originals),
        wait_s=_wait(history, stuck, parks),
        overhead_s=np.maximum(0.0005, history.latency_ok_s - history.latency_s[:, servers]),
        parks=parks,
        order=_order(history),
    )


def given_up_when_free(fails: Floats, granted: Floats, retries: int) -> Floats:
    """Share of calls that are given up, of those that reach their server: each attempt fails by itself.

    fails: share of attempts that fail. granted: share of the retries wanted that may be made. retries: still left.
    """
    lost = fails
    for _ in range(retries):
        lost = fails * ((1.0 - granted) + granted * lost)
    return lost


def ends(history: History) -> tuple[Ints, Ints]:
    """[E] indices of each edge's client and server on the S axis."""
    index = {service.name: i for i, service in enumerate(history.services)}
    clients = np.array([index[edge.client] for edge in history.edges], np.int64)
    return clients, np.array([index[edge.server] for edge in history.edges], np.int64)


def failure_s(edge: Edge) -> Floats:
    """[C] how long a failed attempt over an edge lasts, by class; NaN where the server decides."""
    lasts = {
        "dns_timeout": DNS_TIMEOUT_S,
        "connect": edge.connect_timeout_s,
        "deadline": edge.timeout_s,
        "server": np.nan,
        "other": np.nan,
    }
    return np.array([lasts.get(name, DNS_FAILURE_S) for name in ERROR_CLASSES])


def outcome_s(edge: Edge) -> Floats:
    """[len(OUTCOMES)] how long an attempt over an edge lasts, by outcome; NaN where the server decides."""
    return np.concatenate([[np.nan], failure_s(edge), [REFUSED_S]])


def _stuck(history: History, e: int) -> Stuck:
    """First no address, then a refused connection, then none at all: each a share of what got past the one before."""
    odds = history.odds
    kinds = [(1 + CLASS[name], share[:, e]) for name, share in sorted(odds.unresolved.items())]
    left = 1.0 - sum((share for _, share in kinds), np.zeros(history.ticks))
    refused = left * odds.refused[:, e]
    kinds += [(REFUSED, refused), (CONNECT, (left - refused) * odds.unconnected[:, e])]
    kinds = [(outcome, share) for outcome, share in kinds if share.any()]
    shares = np.array([share for _, share in kinds]).reshape(len(kinds), history.ticks)
    below = np.minimum(np.cumsum(shares, axis=0).T, 1.0)
    return Stuck(np.array([outcome for outcome, _ in kinds], np.int64), below)


def _turned_away(history: History) -> Floats:
    """[T, S] What neither was served nor waits found no room."""
    growth = np.diff(history.queue_depth, axis=0, prepend=0.0)
    gone = np.maximum(0.0, history.arrivals - history.served - growth)
    share = np.divide(gone, history.arrivals, out=np.zeros_like(gone), where=history.arrivals > _NEGLIGIBLE)
    return np.where(share > 1e-6, np.minimum(share, history.odds.own), 0.0)


def _wait(history: History, stuck: tuple[Stuck, ...], parks: Flags) -> Floats:
    """[T, S] What is left of the mean duration after own work and the calls that a request waits for."""
    clients, servers = ends(history)
    busy = np.tile([service.latency_s for service in history.services], (history.ticks, 1))
    for e in range(len(history.edges)):
        busy[:, clients[e]] += history.odds.calls[:, e] * _call_s(history, e, int(servers[e]), stuck[e], bool(parks[e]))
    return np.maximum(0.0, history.latency_s - busy)


def _call_s(history: History, e: int, server: int, stuck: Stuck, parks: bool) -> Floats:
    """[T] Mean time that a request waits for a call, with the retries and pauses that it waits for."""
    edge, odds = history.edges[e], history.odds
    late, granted = odds.late[:, e], odds.granted[:, e]
    fails = late + (1.0 - late) * odds.failing[:, server]
    free_s = late * edge.timeout_s + (1.0 - late) * history.latency_ok_s[:, e]
    shares = np.diff(stuck.below, axis=1, prepend=0.0)
    stuck_s = (shares * outcome_s(edge)[stuck.outcomes]).sum(axis=1)
    total, free, still = np.zeros(history.ticks), 1.0 - stuck.share, np.ones(history.ticks)
    for k in range(1 if parks else 1 + edge.retries):
        pause = edge.backoff_s * edge.backoff_growth ** (k - 1) if k else 0.0
        total += free * (free_s + pause) + still * (stuck_s + stuck.share * pause)
        free, still = free * fails * granted, still * granted
    return total


def _order(history: History) -> tuple[int, ...]:
    clients, servers = ends(history)
    callers: dict[int, set[int]] = {s: set() for s in range(len(history.services))}
    for client, server in zip(clients, servers, strict=True):
        callers[int(server)].add(int(client))
    try:
        return tuple(TopologicalSorter(callers).static_order())
    except CycleError as error:
        names = " -> ".join(history.services[i].name for i in error.args[1])
        raise ValueError(f"calls form a cycle, so their traces would never end: {names}") from error
