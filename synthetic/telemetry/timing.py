"""When everything in a drawn forest happens: durations from the leaves up, starts from the roots down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..world.history import History
from .attempts import Attempts
from .odds import DEADLINE, DNS_FAILURE_S, OK, OUTCOMES, SERVER, Chances, Floats, Ints, ends, outcome_s
from .tree import TURNED, Forest

_SPREAD = 0.4
"""Sigma of the log-normal spread of a service's own work (assumed: a long right tail, as service times have)."""
_QUICK = np.array([name.startswith("dns_") and name != "dns_timeout" for name in OUTCOMES])
_TURNED_S = 0.001
"""Turning a request away takes next to no time."""


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


def time_forest(history: History, chances: Chances, forest: Forest, generator: np.random.Generator) -> Times:
    """Place all requests and attempts in time; a request makes its calls one after the other."""
    times = Times({}, {}, {}, {}, {}, {})
    clients, servers = ends(history)
    before: dict[int, Floats] = {}
    way: dict[int, Floats] = {}
    for s in reversed(chances.order):
        requests = forest.requests[s]
        work = history.services[s].latency_s * _around_one(len(requests), generator)
        work[requests.state == TURNED] = _TURNED_S
        lasts = work + requests.wait_s
        for e in map(int, np.flatnonzero(clients == s)):
            attempts = forest.attempts[e]
            way[e] = _overhead(chances, e, attempts, generator)
            times.attempt_s[e] = _attempt_s(history, e, attempts, times.lasts[int(servers[e])], way[e], generator)
            calls = len(attempts.call_request)
            times.call_s[e] = _sums(attempts.call, times.attempt_s[e] + attempts.pause_s, calls)
            lasts = lasts + _sums(attempts.call_request, _waited_for(chances, e, attempts, times), len(requests))
        late = np.maximum(0.0, requests.at_least_s - lasts)
        times.lasts[s] = lasts + late
        before[s] = requests.wait_s + late + 0.4 * work
    for s in chances.order:
        requests = forest.requests[s]
        times.start.setdefault(s, np.zeros(len(requests)))[requests.root] = requests.at_s[requests.root]
        free_at = times.start[s] + before[s]
        for e in map(int, np.flatnonzero(clients == s)):
            attempts = forest.attempts[e]
            free_at = _place_calls(chances, times, e, attempts, free_at)
            server = int(servers[e])
            starts = times.start.setdefault(server, np.zeros(len(forest.requests[server])))
            reached = attempts.child >= 0
            starts[attempts.child[reached]] = (times.attempt_start[e] + 0.5 * way[e])[reached]
    return times


def _waited_for(chances: Chances, e: int, attempts: Attempts, times: Times) -> Floats:
    """[calls] How long the request waits for each call."""
    return times.attempt_s[e][attempts.k == 0] if chances.parks[e] else times.call_s[e]


def _place_calls(chances: Chances, times: Times, e: int, attempts: Attempts, free_at: Floats) -> Floats:
    """Set the starts of an edge's calls and attempts; return when each request is free to go on."""
    request, waited = attempts.call_request, _waited_for(chances, e, attempts, times)
    times.call_start[e] = free_at[request] + _before_in_group(request, waited)
    steps = times.attempt_s[e] + attempts.pause_s
    start = times.call_start[e][attempts.call] + _before_in_group(attempts.call, steps)
    times.attempt_start[e] = start + attempts.pause_s
    return free_at + _sums(request, waited, len(free_at))


def _attempt_s(
    history: History, e: int, attempts: Attempts, served_s: Floats, way_s: Floats, generator: np.random.Generator
) -> Floats:
    """[attempts] How long each lasts for its client."""
    outcome = attempts.outcome
    answered = (outcome == OK) | (outcome == SERVER)
    out = way_s.copy()
    out[answered] += served_s[attempts.child[answered]]
    failed = np.flatnonzero(~answered)
    kind, n = outcome[failed], len(failed)
    fixed = outcome_s(history.edges[e])[kind]
    broken = history.latency_ok_s[:, e].take(attempts.tick[failed]) * generator.random(n)
    fixed = np.where(np.isnan(fixed), broken, fixed + generator.exponential(1.0, n) * np.minimum(0.002, fixed))
    out[failed] = np.where(_QUICK[kind], DNS_FAILURE_S * _around_one(n, generator), fixed)
    return out


def _overhead(chances: Chances, e: int, attempts: Attempts, generator: np.random.Generator) -> Floats:
    """Time of an attempt outside its server span: the way there and back, and connecting."""
    mean = chances.overhead_s[:, e].take(attempts.tick)
    mean[attempts.outcome == DEADLINE] = 0.001
    return mean * _around_one(len(attempts), generator)


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
