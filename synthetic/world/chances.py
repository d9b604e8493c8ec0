"""What becomes of an attempt over each edge, and of a request at each service, in one tick: swept from the leaves up.

An attempt that will have waited longer than its time-out fails as `deadline`; required calls that fail in spite of
all retries fail the request that made them; requests that wait for slow callees hold workers, so that slowness
travels upwards as loss of capacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .conditions import SLOW_CLASS, Conditions
from .graph import Level
from .history import Floats
from .retries import DNS_TIMEOUT_S

if TYPE_CHECKING:
    from .engine import Row

NETWORK_S = 0.001
"""There and back within a region (assumed)."""
CERTAIN = 1.0 - 1e-12
"""The most that a chance may be where its complement's logarithm is taken."""
NOTHING = 1e-300
"""Added to a queue, so that it never ends where nothing is worked off, even if nothing waits yet."""


class Chances:
    """The tick's chances.

    By service, [S + 1], the last place standing for "no network device", where nothing waits: `wait_s` in its queue
    when the tick begins, and how much longer it `grows_s` until it ends; `hold_s` that a request takes from then on,
    but for the `slow_share` of requests that lose another `slow_s`, on average, to attempts that time out; `failing`
    share answered with an error; `rate` of requests worked off a second.
    By edge, [E]: `stuck` share of calls that cannot reach their server and, [4, E], of which `stuck_by`: names answered
    badly, refused connections, look-ups and connections that time out; `late` share of the attempts that reach the
    server, that time out; `round_trip_s` of the others on average, and the range `spread_s` of it.
    """

    def __init__(self, conditions: Conditions, levels: Sequence[Level]) -> None:
        services, edges = conditions.services, conditions.edges
        self._conditions, self._levels, size = conditions, levels[::-1], len(services) + 1
        index = {service.name: i for i, service in enumerate(services)}
        # One array, so that a level's edges look their servers up at a stroke.
        self._by_service = by_service = np.zeros((7, size))
        self.wait_s, self.grows_s, self.hold_s, self._work_s, self.slow_share, self.slow_s, self.failing = by_service
        self.rate = np.full(size, np.inf)
        self._usual_work_s = np.array([service.latency_s for service in services])
        self._workers = np.array([*(service.workers for service in services), np.inf])
        self._crowded = bool(np.isfinite(self._workers).any())
        self._link = np.array([index[edge.link] if edge.link else len(services) for edge in edges], dtype=np.int64)
        self._required = np.array([float(edge.required) for edge in edges])
        self._timeout_s = np.array([edge.timeout_s for edge in edges])
        self._connect_timeout_s = np.array([edge.connect_timeout_s for edge in edges])
        backoff_s = np.array([edge.backoff_s for edge in edges])
        self._most_tries = 1.0 + np.array([float(edge.retries) for edge in edges])
        # Nobody waits for a retry that comes so late.
        self._tries = np.where(backoff_s > self._timeout_s, 1.0, self._most_tries)
        self._late_costs_s = self._timeout_s + backoff_s * (self._tries > 1.0)
        self._unresolved = conditions.unresolved_share()
        self._unanswered = conditions.unresolved.get(SLOW_CLASS, np.zeros_like(self._unresolved))
        self._closed = np.zeros(len(edges))  # share of attempts whose connection a time-out has just closed
        self.late, self.round_trip_s, self.spread_s = (np.zeros(len(edges)) for _ in range(3))

    def likely_rate(self, capacity: Floats) -> Floats:
        """[S] Requests worked off a second with a capacity [S], if slowness is as in the last tick."""
        if not self._crowded:
            return capacity
        return np.minimum(capacity, (self._workers / (self.hold_s + self.slow_share * self.slow_s))[:-1])

    def sweep(self, tick: int, row: Row, queue: Floats, grows_s: Floats, granted: Floats) -> None:
        """Set the tick's chances.

        queue: [S] when it begins. grows_s: [S] by how much the waits in them will have grown when it ends.
        granted: [E] share of wanted retries.
        """
        self._work_s[:-1] = self.hold_s[:-1] = self._usual_work_s + self._conditions.slow_s[tick]
        self.slow_share[:], self.slow_s[:] = 0.0, 0.0
        self.failing[:-1], self.rate[:-1], self.grows_s[:-1] = row.own_failing, row.capacity, grows_s
        queue = np.append(queue + NOTHING, 0.0)
        capacity = self.rate.copy()
        np.divide(queue, self.rate, out=self.wait_s)
        for depth, level in enumerate(self._levels):
            if len(level.edges):
                self._look_up(level, granted)
            if self._crowded:
                np.minimum(capacity, self._workers / (self.hold_s + self.slow_share * self.slow_s), out=self.rate)
                np.divide(queue, self.rate, out=self.wait_s)
            if depth == 0:
                # Network devices are among the deepest, and their queues delay the look-ups of all others.
                self._set_stuck(tick)
                self._by_edge = self._known(row.calls)
        self._closed = 0.5 * (self._closed + self.late)

    def _set_stuck(self, tick: int) -> None:
        """Share of calls that cannot reach their server, and of what."""
        c = self._conditions
        # What a time-out closed must look its name up again, and that question waits in the same device's queue.
        drowned = self._closed * np.minimum(1.0, self.wait_s[self._link] / DNS_TIMEOUT_S)
        unanswered = np.minimum(1.0, self._unanswered[tick] + drowned)
        answered_badly = np.minimum(1.0 - unanswered, self._unresolved[tick] - self._unanswered[tick])
        resolved = 1.0 - unanswered - answered_badly
        refused = resolved * c.refused[tick]
        unconnected = (resolved - refused) * c.unconnected[tick]
        self.stuck_by = np.stack([answered_badly, refused, unanswered, unconnected])
        self.stuck = self.stuck_by.sum(axis=0)

    def _known(self, calls: Floats) -> Floats:
        """[10, E] What `_look_up` needs of its edges, which does not depend on their servers."""
        once, free = np.minimum(1.0, calls), 1.0 - self.stuck
        unanswered, unconnected = once * self.stuck_by[2], once * self.stuck_by[3]
        stuck_s = self._tries * (unconnected * self._connect_timeout_s + unanswered * DNS_TIMEOUT_S)
        link_s = self.wait_s[self._link] + NETWORK_S
        return np.stack(
            [
                self._timeout_s,
                link_s,
                self.grows_s[self._link],
                self.stuck,
                once * self._required,
                calls * free,
                once * free,
                unanswered + unconnected,
                stuck_s,
                self._tries,
            ]
        )

    def _look_up(self, level: Level, granted: Floats) -> None:
        """What the calls of a level's services lead to, and from it what holds for the services."""
        e, client, size = level.edges, level.client, len(self.failing)
        wait, grows, hold, work, slow_share, slow_s, server_fails = self._by_service[:, level.server]
        timeout, link_s, link_grows, stuck, required, made, reaching, stuck_once, stuck_s, tries = self._by_edge[:, e]
        wait, grows = wait + link_s, grows + link_grows
        left = timeout - wait - hold + work
        late = _late(left, grows, work)
        late += slow_share * (_late(left - slow_s, grows, work) - late)
        failing = late + (1.0 - late) * server_fails
        again = granted[e]
        all_fail = (1.0 - again) * failing + again * failing ** self._most_tries[e]
        # Those in time are those that came before the wait had grown too long.
        spread = np.minimum(grows, np.maximum(left, 0.0))
        round_trip = np.minimum(timeout, wait + 0.5 * spread + hold)
        self.late[e], self.round_trip_s[e], self.spread_s[e] = late, round_trip, spread
        spoiled = np.minimum(required * (stuck + (1.0 - stuck) * all_fail), CERTAIN)
        passing = np.exp(np.bincount(client, np.log1p(-spoiled), size))
        self.failing[:] = 1.0 - (1.0 - self.failing) * passing
        self.hold_s += np.bincount(client, made * (1.0 - late) * round_trip, size)
        # The share of requests that lose time to attempts that time out, and how much on average.
        nearly = np.minimum(failing, 1.0 - 1e-6)
        attempts = (1.0 - nearly**tries) / (1.0 - nearly)
        timed_out = reaching * late
        slow = np.minimum(timed_out + stuck_once, CERTAIN)
        lost_s = timed_out * attempts * self._late_costs_s[e] + stuck_s
        some = np.bincount(client, slow, size)
        self.slow_s += np.bincount(client, lost_s, size) / np.maximum(some, 1e-12)
        self.slow_share += -np.expm1(np.bincount(client, np.log1p(-slow), size))


def _late(left: Floats, grows: Floats, work: Floats) -> Floats:
    """Share of attempts whose time-out ends before their request does.

    left: until the time-out, for the first of the tick's attempts; the last has less left by as much as the wait grows.
    Own work takes an exponential time, so the chance of a time-out falls by e per mean time of it that is left.
    """
    first = np.exp(-np.maximum(0.0, left) / work)
    if not grows.any():
        return first
    grows = np.maximum(grows, 1e-3 * work)
    hopeless = np.clip(1.0 - left / grows, 0.0, 1.0)
    last = np.exp(-np.maximum(0.0, left - grows) / work)
    return hopeless + (last - first) * work / grows
