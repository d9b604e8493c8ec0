"""When everything in a drawn forest happens: durations from the leaves up, starts from the roots down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...collector.model import ERROR_CLASSES
from ..world.history import History
from .odds import DNS_FAILURE_S, Odds, ends, failure_s
from .tree import DEADLINE, OK, OUTCOMES, SERVER, Attempts, Forest, Requests

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SPREAD = 0.4
"""Sigma of the log-normal spread of a service's own work (assumed: a long right tail, as service times have)."""
_DNS_TIMEOUT = 1 + ERROR_CLASSES.index("dns_timeout")
_DNS = np.array([name.startswith("dns_") for name in OUTCOMES])


@dataclass
class Times:
    """Seconds since the history's start, and durations in seconds; by service index for requests, by edge for the rest.

    call_start, call_s are per call, with all its attempts and the pauses between them.
    """

    start: dict[int, Floats]
    lasts: dict[int, Floats]
    call_start: dict[int, Floats]
    call_s: dict[int, Floats]
    attempt_start: dict[int, Floats]
    attempt_s: dict[int, Floats]


def time_forest(history: History, odds: Odds, forest: Forest, generator: np.random.Generator) -> Times:
    """Place all requests and attempts in time.

    A request makes its calls one after the other; only where attempts linger it makes them at once and goes on.
    """
    times = Times({}, {}, {}, {}, {}, {})
    clients, servers = ends(history)
    before: dict[int, Floats] = {}
    way: dict[int, Floats] = {}
    for s in reversed(odds.order):
        requests = forest.requests[s]
        work = history.services[s].latency_s * _around_one(len(requests), generator)
        wait = odds.wait_s[requests.tick, s] * generator.exponential(1.0, len(requests))
        lasts = work + wait
        for e in map(int, np.flatnonzero(clients == s)):
            attempts = forest.attempts[e]
            way[e] = _overhead(odds, e, requests, attempts, generator)
            served = times.lasts[int(servers[e])]
            times.attempt_s[e] = _attempt_s(history, e, requests, attempts, served, way[e], generator)
            calls = len(attempts.call_request)
            times.call_s[e] = _sums(attempts.call, times.attempt_s[e] + attempts.pause_s, calls)
            waited = _waited_for(odds, e, attempts, times)
            lasts = lasts + _sums(attempts.call_request, waited, len(requests))
        late = np.maximum(0.0, requests.at_least_s - lasts)
        times.lasts[s] = lasts + late
        before[s] = wait + late + 0.4 * work
    for s in odds.order:
        requests = forest.requests[s]
        times.start.setdefault(s, np.zeros(len(requests)))[requests.root] = requests.at_s[requests.root]
        free_at = times.start[s] + before[s]
        for e in map(int, np.flatnonzero(clients == s)):
            attempts = forest.attempts[e]
            free_at = _place_calls(odds, times, e, attempts, free_at)
            server = int(servers[e])
            starts = times.start.setdefault(server, np.zeros(len(forest.requests[server])))
            reached = attempts.child >= 0
            starts[attempts.child[reached]] = (times.attempt_start[e] + 0.5 * way[e])[reached]
    return times


def _waited_for(odds: Odds, e: int, attempts: Attempts, times: Times) -> Floats:
    """[calls] How long the request waits for each call."""
    if odds.lingers[e]:
        return np.zeros(len(attempts.call_request))
    if odds.parks[e]:
        return times.attempt_s[e][attempts.k == 0]
    return times.call_s[e]


def _place_calls(odds: Odds, times: Times, e: int, attempts: Attempts, free_at: Floats) -> Floats:
    """Set the starts of an edge's calls and attempts; return when each request is free to go on."""
    request, waited = attempts.call_request, _waited_for(odds, e, attempts, times)
    times.call_start[e] = free_at[request] + _before_in_group(request, waited)
    steps = times.attempt_s[e] + attempts.pause_s
    start = times.call_start[e][attempts.call] + _before_in_group(attempts.call, steps)
    times.attempt_start[e] = start + attempts.pause_s
    return free_at + _sums(request, waited, len(free_at))


def _attempt_s(
    history: History,
    e: int,
    requests: Requests,
    attempts: Attempts,
    served_s: Floats,
    way_s: Floats,
    generator: np.random.Generator,
) -> Floats:
    n, outcome = len(attempts), attempts.outcome
    tick = requests.tick[attempts.call_request[attempts.call]]
    answered = (outcome == OK) | (outcome == SERVER)
    child = np.where(attempts.child >= 0, attempts.child, 0)
    through = (served_s[child] if len(served_s) else np.zeros(n)) + way_s
    lasts = np.append(np.nan, failure_s(history.edges[e]))[outcome]
    quick = DNS_FAILURE_S * _around_one(n, generator)
    fixed = np.where(_DNS[outcome] & (outcome != _DNS_TIMEOUT), quick, lasts + generator.exponential(0.002, n))
    broken = history.latency_ok_s[tick, e] * generator.random(n)
    return np.where(answered, through, np.where(np.isnan(fixed), broken, fixed))


def _overhead(odds: Odds, e: int, requests: Requests, attempts: Attempts, generator: np.random.Generator) -> Floats:
    """Time of an attempt outside its server span: the way there and back, and connecting."""
    mean = odds.overhead_s[requests.tick[attempts.call_request[attempts.call]], e]
    return np.where(attempts.outcome == DEADLINE, 0.001, mean) * _around_one(len(attempts), generator)


def _around_one(count: int, generator: np.random.Generator) -> Floats:
    return generator.lognormal(-0.5 * _SPREAD**2, _SPREAD, count)


def _sums(group: Ints, values: Floats, groups: int) -> Floats:
    return np.bincount(group, values, groups).astype(np.float64)


def _before_in_group(group: Ints, values: Floats) -> Floats:
    """For each element the sum of those before it in its group; groups stand together."""
    if not len(group):
        return values
    before = np.cumsum(values) - values
    first = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    sizes = np.diff(np.append(first, len(group)))
    return before - np.repeat(before[first], sizes)
