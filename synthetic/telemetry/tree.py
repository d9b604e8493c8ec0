"""Which requests, calls and attempts a chunk of ticks holds: the drawn traces without their times.

Traces are drawn from callers to callees. Whether a request fails is drawn where it is called, by its tick's odds, and
its calls are then drawn given that: a request that failed for a required call has one that was given up, one that
went well has none. The world's odds are consistent in just this way (a request's chance to fail follows from its
calls'), so attempts and requests both keep their means; drawing the failures upwards instead would need each retry's
whole subtree before it is known whether there is a retry.

Nothing loops over spans: each service has one batch of requests and each edge one batch of attempts, as columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..world.history import History
from .attempts import Attempts, Caller
from .odds import DEADLINE, OK, SERVER, Chances, Flags, Floats, Ints, ends

WELL, BROKEN, OWN, TURNED = range(4)
"""How a request ends: well, failed for a call, failed for a reason of its own, turned away."""

_LATE = (0.02, 0.3)
"""A server whose client gave up takes these shares of the time-out longer: at the least, and on average above that."""
_IN_TIME = 0.9
"""Of a client's time-out, the longest that a request waits whose answer came in time."""
_NOBODY = -1


@dataclass
class Requests:
    """The requests that reach one service, one row each.

    trace: number of its trace within the chunk. tick: index into the history.
    at_s: seconds since the history's start, roughly: the tree is drawn before the times are known.
    state: how it ends. wait_s: until the work on it begins.
    at_least_s: what the request must last, since its caller timed out; else 0. root: nobody seen called it.
    only: the one edge over which it calls, since it is the client's own work; else -1.
    """

    trace: Ints
    tick: Ints
    at_s: Floats
    state: Ints
    wait_s: Floats
    at_least_s: Floats
    root: Flags
    only: Ints

    def __len__(self) -> int:
        return len(self.trace)


@dataclass
class Forest:
    """The traces of a chunk: requests by service index, attempts by edge index."""

    traces: int
    requests: dict[int, Requests]
    attempts: dict[int, Attempts]


def draw_forest(
    history: History, chances: Chances, ticks: range, share: float, generator: np.random.Generator
) -> Forest:
    """Draw `share` of all traces that begin in `ticks`."""
    return _Grower(history, chances, generator).grow(ticks, share)


class _Grower:
    """Draws one forest, from callers to callees."""

    def __init__(self, history: History, chances: Chances, generator: np.random.Generator) -> None:
        self._history, self._chances, self._generator = history, chances, generator
        self._clients, self._servers = ends(history)
        self._waiting: dict[int, list[Requests]] = {s: [] for s in range(len(history.services))}
        self._traces = 0

    def grow(self, ticks: range, share: float) -> Forest:
        """All traces that begin in `ticks`."""
        for s in range(len(self._history.services)):
            self._begin(s, _NOBODY, self._history.entries[ticks.start : ticks.stop, s] * share, ticks)
        for e in np.flatnonzero(self._chances.alone[ticks.start : ticks.stop].any(axis=0)):
            self._begin(int(self._clients[e]), int(e), self._chances.alone[ticks.start : ticks.stop, e] * share, ticks)
        forest = Forest(self._traces, {}, {})
        for s in self._chances.order:
            requests = _concatenated(self._waiting.pop(s))
            forest.requests[s] = requests
            forest.attempts.update(self._call(s, requests))
        return forest

    def _begin(self, s: int, only: int, expected: Floats, ticks: range) -> None:
        """Roots at a service: requests from outside, or its own work, which fails as its one call does."""
        tick = np.repeat(np.arange(ticks.start, ticks.stop), self._generator.poisson(expected))
        n = len(tick)
        if not n:
            return
        at_s = (tick + self._generator.random(n)) * self._history.tick_s
        trace = np.arange(self._traces, self._traces + n)
        self._traces += n
        root = np.ones(n, np.bool_)
        if only == _NOBODY:
            luck = self._generator.random(n)
            self._receive(s, trace, tick, at_s, luck, np.full(n, np.inf), np.zeros(n), root)
            return
        state = np.full(n, WELL)
        if self._history.edges[only].required:
            state[self._generator.random(n) < self._chances.given_up[tick, only]] = BROKEN
        zeros = np.zeros(n)
        self._waiting[s].append(Requests(trace, tick, at_s, state, zeros, zeros, root, np.full(n, only)))

    def _receive(
        self,
        s: int,
        trace: Ints,
        tick: Ints,
        at_s: Floats,
        luck: Floats,
        longest_wait_s: Floats,
        at_least_s: Floats,
        root: Flags,
    ) -> None:
        """Requests at a service, which fail where their luck is below its odds."""
        chances, n = self._chances, len(tick)
        state = np.zeros(n, np.int64)
        for odds in (chances.failing, chances.own, chances.turned_away):
            state += luck < odds[:, s].take(tick)
        wait_s = np.minimum(chances.wait_s[:, s].take(tick) * self._generator.exponential(1.0, n), longest_wait_s)
        wait_s[state == TURNED] = 0.0
        self._waiting[s].append(Requests(trace, tick, at_s, state, wait_s, at_least_s, root, np.full(n, _NOBODY)))

    def _call(self, s: int, requests: Requests) -> dict[int, Attempts]:
        """All calls of a service's requests, one edge after the other."""
        edges = [int(e) for e in np.flatnonzero(self._clients == s)]
        if not edges:
            return {}
        attempts: dict[int, Attempts] = {}
        free_s = requests.at_s + requests.wait_s
        tick = self._ticks(free_s)
        calls = {e: self._calls(e, requests, tick) for e in edges}
        given_up = {e: self._chances.given_up[:, e].take(tick) for e in edges}
        fails = self._failing_calls(edges, requests, calls, given_up)
        unexplained = requests.state == BROKEN
        for e in edges:
            caller = Caller(self._history, self._chances, e, self._generator)
            count = self._counts(calls[e], given_up[e], fails[e])
            attempts[e] = drawn = caller.attempts(np.repeat(np.arange(len(requests)), count), fails[e], free_s)
            self._hand_over(e, requests, drawn)
            if drawn.outcome.any():
                free_s = free_s + caller.waited_s(drawn, len(requests))
                unexplained[drawn.call_request[drawn.call[drawn.last() & (drawn.outcome != OK)]]] = False
        # between the draw of its end and its calls' the odds can change, and then it was for a reason of its own
        requests.state[unexplained] = OWN
        return attempts

    def _calls(self, e: int, requests: Requests, tick: Ints) -> Floats:
        """[requests] mean calls of each over an edge."""
        calls = self._chances.calls[:, e].take(tick)
        if self._chances.turned_away.any():
            calls[requests.state == TURNED] = 0.0
        if self._chances.alone.any():
            calls = np.where(requests.only == _NOBODY, calls, (requests.only == e).astype(np.float64))
        return calls

    def _failing_calls(
        self, edges: list[int], requests: Requests, calls: dict[int, Floats], given_up: dict[int, Floats]
    ) -> dict[int, Flags]:
        """For each edge, the requests whose calls over it are given up.

        Of a request that failed for a required call the first one given up is drawn edge by edge, each conditional on
        none before it, which leaves the edges' joint odds as they are.
        """
        n = len(requests)
        chance = {e: np.minimum(calls[e], 1.0) * given_up[e] for e in edges}
        some_left: dict[int, Floats] = {}
        none = np.ones(n)
        for e in reversed(edges):
            if self._history.edges[e].required:
                none = none * (1.0 - chance[e])
                some_left[e] = 1.0 - none
        must_fail, must_not = requests.state == BROKEN, requests.state == WELL
        fails: dict[int, Flags] = {}
        for e in edges:
            p = chance[e]
            if e in some_left:
                first = np.divide(p, some_left[e], out=np.zeros(n), where=some_left[e] > 0)
                p = np.where(must_fail, first, np.where(must_not, 0.0, p))
            fails[e] = self._generator.random(n) < p
            if e in some_left:
                must_fail = must_fail & ~fails[e]
        return fails

    def _counts(self, calls: Floats, given_up: Floats, fails: Flags) -> Ints:
        """How many calls each request makes; one whose call fails makes at least one."""
        below_one = calls < 1.0
        left = 1.0 - calls * given_up
        given_no_failure = np.divide(calls * (1.0 - given_up), left, out=np.zeros(len(calls)), where=left > 0)
        part = np.where(below_one, np.where(fails, 1.0, given_no_failure), calls % 1.0)
        whole = np.floor(calls) * ~below_one
        return (whole + (self._generator.random(len(calls)) < part)).astype(np.int64)

    def _hand_over(self, e: int, requests: Requests, attempts: Attempts) -> None:
        """Turn the attempts that reach the server into its requests."""
        s, edge = int(self._servers[e]), self._history.edges[e]
        outcome = attempts.outcome
        reached = np.flatnonzero((outcome == OK) | (outcome == SERVER) | (outcome == DEADLINE))
        n, outcome, tick = len(reached), outcome[reached], attempts.tick[reached]
        attempts.child[reached] = sum(len(batch) for batch in self._waiting[s]) + np.arange(n)
        # an answered error is among the failing ones, an answer that came in time is not, a late one can be either
        luck = self._generator.random(n)
        erring = outcome == SERVER
        luck[erring] *= self._chances.failing[tick[erring], s]
        luck[outcome == OK] = 1.0
        longest, at_least = np.full(n, _IN_TIME * edge.timeout_s), np.zeros(n)
        late = np.flatnonzero(outcome == DEADLINE)
        longest[late] = np.inf
        at_least[late] = edge.timeout_s * (1.0 + _LATE[0] + self._generator.exponential(_LATE[1], len(late)))
        trace = requests.trace[attempts.call_request[attempts.call[reached]]]
        self._receive(s, trace, tick, attempts.at_s[reached], luck, longest, at_least, np.zeros(n, np.bool_))
        self._waiting[s][-1].state[erring] = np.maximum(self._waiting[s][-1].state[erring], BROKEN)

    def _ticks(self, at_s: Floats) -> Ints:
        return np.minimum(at_s / self._history.tick_s, self._history.ticks - 1).astype(np.int64)


def _concatenated(batches: list[Requests]) -> Requests:
    if len(batches) == 1:
        return batches[0]
    if not batches:
        none, nothing = np.zeros(0, np.int64), np.zeros(0)
        return Requests(none, none, nothing, none, nothing, nothing, np.zeros(0, np.bool_), none)
    names = [field.name for field in fields(Requests)]
    return Requests(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in names))
