"""Which requests, calls and attempts a chunk of ticks holds: the drawn traces without their times.

Nothing loops over spans: each service has one batch of requests and each edge one batch of attempts, as columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...collector.model import ERROR_CLASSES
from ..world.history import History
from .odds import CLASS, NO_ANSWER, Odds, ends, failure_s

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

OK = 0
OUTCOMES = ("ok", *ERROR_CLASSES)
"""An attempt's outcome is an index here."""

SERVER = 1 + CLASS["server"]
DEADLINE = 1 + CLASS["deadline"]
_REACHES = np.array([name not in NO_ANSWER for name in OUTCOMES])
_LATE = (0.02, 0.3)
"""A server whose client gave up takes these shares of the time-out longer: at the least, and on average above that."""


@dataclass
class Requests:
    """The requests that reach one service, one row each.

    trace: number of its trace within the chunk. tick: index into the history.
    at_s: seconds since the history's start, roughly: the tree is drawn before the times are known.
    at_least_s: what the request must last, since its caller timed out; else 0. root: nobody seen called it.
    """

    trace: Ints
    tick: Ints
    at_s: Floats
    failed: Flags
    own: Flags
    at_least_s: Floats
    root: Flags

    def __len__(self) -> int:
        return len(self.trace)


@dataclass
class Attempts:
    """The attempts over one edge, ordered by call and try.

    call_request [calls]: row of the client's requests that makes the call.
    call, k, outcome, pause_s: of each attempt its call, its number from 0, how it ended, the pause before it.
    child: row of the server's requests that it became, or -1.
    """

    call_request: Ints
    call: Ints
    k: Ints
    outcome: Ints
    pause_s: Floats
    child: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.call)


@dataclass
class Forest:
    """The traces of a chunk: requests by service index, attempts by edge index."""

    traces: int
    requests: dict[int, Requests]
    attempts: dict[int, Attempts]


def draw_forest(history: History, odds: Odds, ticks: range, share: float, generator: np.random.Generator) -> Forest:
    """Draw `share` of all traces that begin in `ticks`."""
    waiting, traces = _roots(history, odds, ticks, share, generator)
    forest = Forest(traces, {}, {})
    clients, servers = ends(history)
    for s in odds.order:
        requests = _concatenate(waiting.pop(s, []))
        forest.requests[s] = requests
        edges = np.flatnonzero(clients == s)
        fails = _failing_calls(history, odds, edges, requests, generator)
        for e in edges:
            attempts = _attempts(history, odds, int(e), requests, fails[int(e)], generator)
            forest.attempts[int(e)] = attempts
            batches = waiting.setdefault(int(servers[e]), [])
            _hand_over(history, odds, int(e), requests, attempts, batches, generator)
    return forest


def _roots(
    history: History, odds: Odds, ticks: range, share: float, generator: np.random.Generator
) -> tuple[dict[int, list[Requests]], int]:
    waiting: dict[int, list[Requests]] = {}
    traces = 0
    for s in range(len(history.services)):
        counts = generator.poisson(history.entries[ticks.start : ticks.stop, s] * share)
        tick = np.repeat(np.arange(ticks.start, ticks.stop), counts)
        n = len(tick)
        failed = generator.random(n) < odds.failed[tick, s]
        own = failed & (generator.random(n) < odds.own[tick, s])
        at_s = (tick + generator.random(n)) * history.tick_s
        trace = np.arange(traces, traces + n)
        waiting[s] = [Requests(trace, tick, at_s, failed, own, np.zeros(n), np.ones(n, np.bool_))]
        traces += n
    return waiting, traces


def _concatenate(batches: list[Requests]) -> Requests:
    names = ("trace", "tick", "at_s", "failed", "own", "at_least_s", "root")
    return Requests(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in names))


def _failing_calls(
    history: History, odds: Odds, edges: Ints, requests: Requests, generator: np.random.Generator
) -> dict[int, Flags]:
    """For each edge, the requests whose calls over it are given up.

    A request that failed for a required call has at least one such call; one that went well has none. The first
    one is drawn edge by edge, each conditional on none before it, which leaves the edges' joint odds as they are.
    """
    n = len(requests)
    chance = {int(e): _ratio_of_requests(odds, int(e), requests.tick) for e in edges}
    required = [int(e) for e in edges if history.edges[e].required]
    some_left = {}
    none = np.ones(n)
    for e in reversed(required):
        none = none * (1.0 - chance[e])
        some_left[e] = 1.0 - none
    must_fail = requests.failed & ~requests.own
    must_not = ~requests.failed
    fails: dict[int, Flags] = {}
    for e in (int(e) for e in edges):
        p = chance[e]
        if e in some_left:
            first = np.divide(p, some_left[e], out=np.zeros(n), where=some_left[e] > 0)
            p = np.where(must_fail, first, np.where(must_not, 0.0, p))
        fails[e] = generator.random(n) < p
        if e in some_left:
            must_fail = must_fail & ~fails[e]
    return fails


def _ratio_of_requests(odds: Odds, e: int, tick: Ints) -> Floats:
    return np.minimum(odds.calls[tick, e], 1.0) * odds.gives_up[tick, e]


def _attempts(
    history: History, odds: Odds, e: int, requests: Requests, fails: Flags, generator: np.random.Generator
) -> Attempts:
    edge = history.edges[e]
    call_request = np.repeat(np.arange(len(requests)), _call_counts(odds, e, requests, fails, generator))
    n = len(call_request)
    bad, tick, at_s = fails[call_request], requests.tick[call_request], requests.at_s[call_request]
    gives_up = odds.gives_up[tick, e]
    luck = np.where(bad, generator.random(n) * gives_up, gives_up + generator.random(n) * (1.0 - gives_up))
    which = generator.random(n)
    tries = odds.tries[tick, e]
    tries = np.floor(tries) + (generator.random(n) < tries % 1.0)
    lasts = failure_s(edge)
    call, pause = np.arange(n), np.zeros(n)
    parts: list[tuple[Ints, Ints, Ints, Floats]] = []
    k = 0
    while len(call) or k == 0:
        kind = (odds.classes[tick, e] < which[call, None]).sum(axis=1).clip(0, len(ERROR_CLASSES) - 1)
        parts.append((call, np.full(len(call), k), np.where(bad, 1 + kind, OK), pause))
        again = np.flatnonzero(bad & (k + 1 < tries[call]))
        pause = edge.backoff_s * edge.backoff_growth**k * generator.uniform(0.5, 1.5, len(again))
        lasted = np.where(np.isnan(lasts[kind]), history.latency_server_s[tick, e], lasts[kind])
        call, at_s = call[again], at_s[again] + lasted[again] + pause
        tick = np.minimum(at_s / history.tick_s, history.ticks - 1).astype(np.int64)
        bad = luck[call] < odds.gives_up[tick, e]
        k += 1
    tried = np.concatenate([part[0] for part in parts], dtype=np.int64)
    number = np.concatenate([part[1] for part in parts], dtype=np.int64)
    outcome = np.concatenate([part[2] for part in parts], dtype=np.int64)
    paused = np.concatenate([part[3] for part in parts], dtype=np.float64)
    order = np.lexsort((number, tried))
    return Attempts(call_request, tried[order], number[order], outcome[order], paused[order])


def _call_counts(odds: Odds, e: int, requests: Requests, fails: Flags, generator: np.random.Generator) -> Ints:
    """How many calls each request makes; one whose call fails makes at least one."""
    calls, gives_up = odds.calls[requests.tick, e], odds.gives_up[requests.tick, e]
    below_one = calls < 1.0
    left = 1.0 - calls * gives_up
    given_no_failure = np.divide(calls * (1.0 - gives_up), left, out=np.zeros(len(calls)), where=left > 0)
    part = np.where(below_one, np.where(fails, 1.0, given_no_failure), calls % 1.0)
    return (np.floor(calls) * ~below_one + (generator.random(len(calls)) < part)).astype(np.int64)


def _hand_over(
    history: History,
    odds: Odds,
    e: int,
    requests: Requests,
    attempts: Attempts,
    batches: list[Requests],
    generator: np.random.Generator,
) -> None:
    """Turn the attempts that reach the server into its requests."""
    server = history.service(history.edges[e].server)
    reached = np.flatnonzero(_REACHES[attempts.outcome])
    rows = attempts.call_request[attempts.call[reached]]
    outcome, tick, n = attempts.outcome[reached], requests.tick[rows], len(reached)
    failed = np.where(outcome == DEADLINE, generator.random(n) < odds.failed[tick, server], outcome == SERVER)
    own = failed & (generator.random(n) < odds.own[tick, server])
    late = history.edges[e].timeout_s * (1.0 + _LATE[0] + generator.exponential(_LATE[1], n))
    at_least = np.where(outcome == DEADLINE, late, 0.0)
    attempts.child = np.full(len(attempts), -1)
    attempts.child[reached] = sum(len(batch) for batch in batches) + np.arange(n)
    root = np.zeros(n, np.bool_)
    batches.append(Requests(requests.trace[rows], tick, requests.at_s[rows], failed, own, at_least, root))
