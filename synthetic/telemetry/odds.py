"""A history's flows -> the odds by which single requests, calls and attempts are drawn.

The odds are chosen so that what is drawn has the history's means: per tick and edge the attempts per original and
the share of each outcome, per tick and service the share of failed requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from ...collector.model import ERROR_CLASSES
from ..world.history import Edge, History

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CLASS = {name: i for i, name in enumerate(ERROR_CLASSES)}
DNS_TIMEOUT_S = 5.0
"""glibc's resolver waits 5 s for an answer (resolv.conf(5), option timeout)."""
DNS_FAILURE_S = 0.003
"""An answer from a resolver near by: a few milliseconds, as measured on real clients."""

NO_ANSWER = frozenset((*(name for name in ERROR_CLASSES if name.startswith("dns_")), "connect", "other"))
"""Classes whose attempts never reach the server."""


@dataclass(frozen=True)
class Odds:
    """Arrays over T ticks, E edges, S services, C error classes.

    calls [T, E]: mean calls per request at the client.
    gives_up [T, E]: share of calls whose attempts fail at that tick. Attempts of a call fail together.
    tries [T, E]: mean attempts of such a call.
    classes [T, E, C]: cumulative shares of the classes among failed attempts.
    failed [T, S]: share of requests that are answered with an error; own [T, S]: of these, for a reason of its own.
    wait_s [T, S]: mean time before the work begins, so that the mean duration is the history's.
    overhead_s [T, E]: mean client-side time of a successful attempt outside its server span.
    parks, lingers [E]: edges whose retries, or whose attempts, no request waits for.
    order: services, callers before callees.
    """

    calls: Floats
    gives_up: Floats
    tries: Floats
    classes: Floats
    failed: Floats
    own: Floats
    wait_s: Floats
    overhead_s: Floats
    parks: Flags
    lingers: Flags
    order: tuple[int, ...]


def odds_of(history: History) -> Odds:
    """The odds behind a history; ValueError where its calls form a cycle, since a trace would never end."""
    clients, servers = ends(history)
    failures = _by_start(history)
    calls = _ratio(history.originals, history.arrivals[:, clients], 0.0)
    gives_up = np.clip(1.0 - _ratio(history.ok, history.originals, 1.0), 0.0, 1.0)
    lingers = _lingers(history)
    gives_up[:, lingers] = np.clip(_ratio(failures.sum(axis=2), history.attempts, 0.0), 0.0, 1.0)[:, lingers]
    tries = _tries(history, gives_up)
    return Odds(
        calls=calls,
        gives_up=gives_up,
        tries=tries,
        classes=np.cumsum(_ratio(failures, failures.sum(axis=2, keepdims=True), 0.0), axis=2),
        failed=np.clip(_ratio(history.failed, history.arrivals, 0.0), 0.0, 1.0),
        own=np.clip(_ratio(history.own_failed, history.failed, 0.0), 0.0, 1.0),
        wait_s=_wait(history, calls, gives_up, tries),
        overhead_s=np.maximum(0.0005, history.latency_ok_s - history.latency_s[:, servers]),
        parks=_parks(history),
        lingers=lingers,
        order=_order(history),
    )


def ends(history: History) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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


def _parks(history: History) -> Flags:
    """[E] The first pause outlasts a tick: retries come in later ticks, and no request waits for them."""
    return np.array([edge.backoff_s > history.tick_s and edge.retries > 0 for edge in history.edges], np.bool_)


def _lingers(history: History) -> Flags:
    """[E] An attempt can outlast its tick, so that it ends in a later one; no request waits for it."""
    return np.asarray(history.in_flight.any(axis=0), np.bool_)


def _by_start(history: History) -> Floats:
    """[T, E, C] failures by the tick in which their attempts began, where attempts linger.

    A time-out tells when its attempt began. Other failures are shared out over the attempts that were under way.
    """
    out = history.failures.copy()
    for e in np.flatnonzero(_lingers(history)):
        ticks = max(1, round(history.edges[e].timeout_s / history.tick_s))
        late = history.failures[ticks:, e, CLASS["deadline"]]
        out[:, e] = 0.0
        out[: len(late), e, CLASS["deadline"]] = late
        for c in range(len(ERROR_CLASSES)):
            if c != CLASS["deadline"]:
                for tick in np.flatnonzero(history.failures[:, e, c]):
                    under_way = slice(max(0, tick - ticks), tick)
                    shares = _ratio(history.attempts[under_way, e], history.attempts[under_way, e].sum(), 0.0)
                    out[under_way, e, c] += history.failures[tick, e, c] * shares
    return out


def _tries(history: History, gives_up: Floats) -> Floats:
    """[T, E] A call that fails makes as many attempts as explain the history's attempts per original."""
    most = np.array([edge.retries + 1.0 for edge in history.edges])
    failed_calls = history.originals - history.ok
    at_once = np.clip(_ratio(history.attempts - history.ok, failed_calls, 1.0), 1.0, most)
    return np.where(_parks(history) | _lingers(history), most, np.where(gives_up > 0, at_once, 1.0))


def _wait(history: History, calls: Floats, gives_up: Floats, tries: Floats) -> Floats:
    """[T, S] What is left of the mean duration after own work and the calls that a request waits for."""
    clients, _ = ends(history)
    parks, lingers = _parks(history), _lingers(history)
    busy = np.tile([service.latency_s for service in history.services], (history.ticks, 1))
    for e, edge in enumerate(history.edges):
        if lingers[e]:
            continue
        lasts = failure_s(edge)
        shares = _ratio(history.failures[:, e], history.failures[:, e].sum(axis=1, keepdims=True), 0.0)
        decided = np.where(np.isnan(lasts), history.latency_server_s[:, e, None], lasts)
        waited_for = np.ones(history.ticks) if parks[e] else tries[:, e]
        pauses = edge.backoff_s * _pauses(edge.backoff_growth, waited_for - 1.0)
        failed_s = waited_for * (shares * decided).sum(axis=1) + pauses
        each = (1.0 - gives_up[:, e]) * history.latency_ok_s[:, e] + gives_up[:, e] * failed_s
        busy[:, clients[e]] += calls[:, e] * each
    return np.maximum(0.0, history.latency_s - busy)


def _pauses(growth: float, retries: Floats) -> Floats:
    """Pauses before so many retries, in units of the first: a geometric sum."""
    return retries if growth == 1.0 else (growth**retries - 1.0) / (growth - 1.0)


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


def _ratio(part: Floats, whole: Floats, otherwise: float) -> Floats:
    out = np.full(np.broadcast_shapes(part.shape, whole.shape), otherwise)
    return np.divide(part, whole, out=out, where=np.broadcast_to(whole > 1e-12, out.shape))
