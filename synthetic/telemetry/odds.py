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
    order: tuple[int, ...]


def odds_of(history: History) -> Odds:
    """The odds behind a history; ValueError where its calls form a cycle, since a trace would never end."""
    clients, servers = ends(history)
    failures = history.failures.sum(axis=2)
    settled = history.ok + failures
    per_original = _ratio(settled, history.originals, 1.0)
    fail_share = _ratio(failures, settled, 0.0)
    gives_up = np.clip(1.0 - (1.0 - fail_share) * per_original, 0.0, 1.0)
    # where retries of earlier ticks arrive, this tick's own ratio says nothing about its calls
    gives_up = np.where(_parks(history)[None, :], fail_share, gives_up)
    calls = _ratio(history.originals, history.arrivals[:, clients], 0.0)
    overhead = np.maximum(0.0005, history.latency_ok_s - history.latency_s[:, servers])
    tries = np.where(_parks(history)[None, :], _retries(history) + 1.0, _tries(history, per_original, gives_up))
    return Odds(
        calls=calls,
        gives_up=gives_up,
        tries=tries,
        classes=np.cumsum(_ratio(history.failures, failures[:, :, None], 0.0), axis=2),
        failed=np.clip(_ratio(history.failed, history.arrivals, 0.0), 0.0, 1.0),
        own=np.clip(_ratio(history.own_failed, history.failed, 0.0), 0.0, 1.0),
        wait_s=_wait(history, calls, gives_up, tries),
        overhead_s=overhead,
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


def _parks(history: History) -> NDArray[np.bool_]:
    """Edges whose first pause outlasts a tick: their retries are made in later ticks."""
    return np.array([edge.backoff_s > history.tick_s and edge.retries > 0 for edge in history.edges], np.bool_)


def _retries(history: History) -> Floats:
    return np.array([edge.retries for edge in history.edges], np.float64)


def _tries(history: History, per_original: Floats, gives_up: Floats) -> Floats:
    """A call that fails makes as many attempts as explain the history's attempts per original."""
    extra = _ratio(per_original - (1.0 - gives_up), gives_up, 1.0)
    return np.clip(extra, 1.0, _retries(history) + 1.0)


def _wait(history: History, calls: Floats, gives_up: Floats, tries: Floats) -> Floats:
    clients, _ = ends(history)
    busy = np.tile([service.latency_s for service in history.services], (history.ticks, 1))
    for e, edge in enumerate(history.edges):
        lasts = failure_s(edge)
        shares = _ratio(history.failures[:, e], history.failures[:, e].sum(axis=1, keepdims=True), 0.0)
        decided = np.where(np.isnan(lasts), history.latency_server_s[:, e, None], lasts)
        failed_s = tries[:, e] * (shares * decided).sum(axis=1) + (tries[:, e] - 1.0) * edge.backoff_s
        each = (1.0 - gives_up[:, e]) * history.latency_ok_s[:, e] + gives_up[:, e] * failed_s
        busy[:, clients[e]] += calls[:, e] * each
    return np.maximum(0.0, history.latency_s - busy)


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
