"""Services as queues with time-outs and retries: a fluid model, stepped per tick.

Per tick two sweeps over the levels of the call graph: from the leaves up, how long a request holds a worker and the
chance that an attempt over each edge fails; from the entries down, how many attempts there are. What a service cannot
work off queues up, first in first out; an attempt that will have waited longer than its time-out fails as `deadline`
once that has passed, and the service still does its work, calls and all. Requests that wait for slow callees hold
workers, so slowness travels upwards as loss of capacity. Failed attempts are retried as far as the client's budget
goes: within the tick where the pause is short, in later ticks where it is long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .books import Books, Flows
from .conditions import SLOW_CLASS, Conditions
from .graph import Indices, Level, levels_of
from .history import Floats
from .retries import DNS_TIMEOUT_S, FAST, LATE, NEGLIGIBLE, UNANSWERED, UNCONNECTED, Budgets, Parked

NETWORK_S = 0.001
"""There and back within a region (assumed)."""


@dataclass
class Row:
    """One tick's conditions, which feedbacks may change: [S] or [E] each.

    driven: [E] calls that something else than requests makes.
    """

    entries: Floats
    calls: Floats
    capacity: Floats
    own_failing: Floats
    up: Floats
    driven: Floats


class Feedback(Protocol):
    """A mechanism that acts on the services and is acted on by them, tick by tick."""

    @property
    def edges(self) -> Sequence[int]:
        """The edges over which it makes calls of its own."""
        ...

    def before(self, tick: int, row: Row) -> None:
        """Change the tick's conditions."""
        ...

    def after(self, tick: int, books: Books) -> None:
        """See what came of it."""
        ...


class Engine:
    """The services' state between ticks: queues and parked retries; and the books."""

    def __init__(self, conditions: Conditions, feedbacks: Sequence[Feedback] = ()) -> None:
        services, edges = conditions.services, conditions.edges
        self.conditions, self.feedbacks, self.tick_s = conditions, feedbacks, conditions.tick_s
        self.levels = levels_of(services, edges, {e for feedback in feedbacks for e in feedback.edges})
        self.required = np.array([float(edge.required) for edge in edges])
        self.timeout_s = np.array([edge.timeout_s for edge in edges])
        self.connect_timeout_s = np.array([edge.connect_timeout_s for edge in edges])
        self.retries = np.array([float(edge.retries) for edge in edges])
        self.backoff_s = np.array([edge.backoff_s for edge in edges])
        # Nobody waits for a retry that comes so late.
        self.tries = np.where(self.backoff_s > self.timeout_s, 1.0, 1.0 + self.retries)
        index = {service.name: i for i, service in enumerate(services)}
        self.work_s = np.array([service.latency_s for service in services])
        self.workers = np.array([service.workers for service in services])
        self.most_queued = np.array([_queue_limit(s.queue_limit_s, s.capacity_rps) for s in services])
        self.server = np.array([index[edge.server] for edge in edges], dtype=np.int64)
        # One more place, for edges without a link: there nothing waits.
        self.link = np.array([index[edge.link] if edge.link else len(services) for edge in edges], dtype=np.int64)
        tries = max(level.tries for level in self.levels)
        self.parked, self.budgets = Parked(edges, self.tick_s, tries), Budgets(edges, self.tick_s)
        self.limited = any(np.isfinite(edge.retry_budget) for edge in edges)
        self.linked = any(edge.link for edge in edges)
        self.wants = (self.retries > np.arange(tries - 1)[:, None]).astype(float)  # [K - 1, E]
        self.books = Books(conditions)
        self.queue, self.rejecting = np.zeros(len(services)), np.zeros(len(services))
        self.closed = np.zeros(len(edges))  # share of attempts whose connection a time-out has just closed
        self.unresolved = conditions.unresolved_share()
        self.unanswered = conditions.unresolved.get(SLOW_CLASS, np.zeros_like(self.unresolved))

    def step(self, tick: int) -> None:
        """One tick: what fails, what is asked, what is left waiting."""
        self.row = row = self._row(tick)
        for feedback in self.feedbacks:
            feedback.before(tick, row)
        self._sweep_up(tick, row)
        self._sweep_down(tick, row)
        self.closed = 0.5 * (self.closed + self.late)
        self.books.close(tick, self)
        for feedback in self.feedbacks:
            feedback.after(tick, self.books)

    def _row(self, tick: int) -> Row:
        c = self.conditions
        own = 1.0 - (1.0 - c.own_failing[tick]) * (1.0 - self.rejecting)
        driven = np.zeros(len(self.server))
        return Row(
            c.entries[tick].copy(), c.calls[tick].copy(), c.capacity[tick].copy(), own, c.up[tick].copy(), driven
        )

    def _sweep_up(self, tick: int, row: Row) -> None:
        """Chances per attempt [E] and per request [S], and how long either takes."""
        services = len(self.work_s)
        work = self.work_s + self.conditions.slow_s[tick]
        self.hold_s, self.slow_share, self.slow_s = work.copy(), np.zeros(services), np.zeros(services)
        self.failing, self.rate = row.own_failing.copy(), row.capacity.copy()
        self.wait_s = np.zeros(services + 1)
        self.late, self.lost, self.round_trip_s = (np.zeros(len(self.server)) for _ in range(3))
        for level in reversed(self.levels):
            self._look_up(tick, row, level, work)
            at = level.members
            held = self.hold_s[at] + self.slow_share[at] * self.slow_s[at]
            self.rate[at] = np.minimum(row.capacity[at], self.workers[at] / held)
            self.wait_s[at] = _over(self.queue[at], self.rate[at])
            if level is self.levels[-1]:
                self._set_stuck(tick)

    def _set_stuck(self, tick: int) -> None:
        """Share of calls that cannot reach their server, and of what."""
        c = self.conditions
        # What a time-out closed must look its name up again, and that question waits in the same device's queue.
        drowned = self.closed * np.minimum(1.0, self.wait_s[self.link] / DNS_TIMEOUT_S)
        unanswered = np.minimum(1.0, self.unanswered[tick] + drowned)
        answered_badly = np.minimum(1.0 - unanswered, self.unresolved[tick] - self.unanswered[tick])
        resolved = 1.0 - unanswered - answered_badly
        refused = resolved * c.refused[tick]
        unconnected = (resolved - refused) * c.unconnected[tick]
        self.stuck_by = np.stack([answered_badly, refused, unanswered, unconnected])
        self.stuck = self.stuck_by.sum(axis=0)

    def _look_up(self, tick: int, row: Row, level: Level, work: Floats) -> None:
        """What the calls of a level's services lead to, and from it what holds for the services."""
        e, client, server = level.edges, level.client, level.server
        if not len(e):
            return
        wait = self.wait_s[server] + self.wait_s[self.link[e]] + NETWORK_S
        left = self.timeout_s[e] - wait
        inner = self.hold_s[server] - work[server]
        # Own work takes an exponential time, so the chance of a time-out falls by e per mean time that is left.
        late = np.exp(-np.maximum(0.0, left - inner) / work[server])
        slow_late = np.exp(-np.maximum(0.0, left - inner - self.slow_s[server]) / work[server])
        late += self.slow_share[server] * (slow_late - late)
        stuck, granted = self.stuck[e], self.budgets.share[e]
        failing = late + (1.0 - late) * self.failing[server]
        lost = stuck + (1.0 - stuck) * ((1.0 - granted) * failing + granted * failing ** (1.0 + self.retries[e]))
        self.late[e], self.lost[e] = late, lost
        self.round_trip_s[e] = np.minimum(self.timeout_s[e], wait + self.hold_s[server])
        calls = np.minimum(1.0, row.calls[e])
        spoiled = np.minimum(calls * lost * self.required[e], 1.0 - 1e-12)
        services = len(self.work_s)
        passing = np.exp(np.bincount(client, np.log1p(-spoiled), services))
        self.failing = 1.0 - (1.0 - self.failing) * passing
        self.hold_s += np.bincount(client, row.calls[e] * (1.0 - stuck) * (1.0 - late) * self.round_trip_s[e], services)
        self._note_slow(level, calls, late, failing)

    def _note_slow(self, level: Level, calls: Floats, late: Floats, failing: Floats) -> None:
        """The share of requests that lose time to attempts that time out, and how much on average."""
        e, client, services = level.edges, level.client, len(self.work_s)
        tries = self.tries[e]
        attempts = np.where(failing > 1.0 - 1e-6, tries, (1.0 - failing**tries) / np.maximum(1.0 - failing, 1e-6))
        timed_out = calls * (1.0 - self.stuck[e]) * late
        unconnected, unanswered = calls * self.stuck_by[3, e], calls * self.stuck_by[2, e]
        slow = np.minimum(timed_out + unconnected + unanswered, 1.0 - 1e-12)
        lost_s = (
            timed_out * attempts * (self.timeout_s[e] + self.backoff_s[e] * (tries > 1.0))
            + unconnected * tries * self.connect_timeout_s[e]
            + unanswered * tries * DNS_TIMEOUT_S
        )
        some = np.bincount(client, slow, services)
        self.slow_s += _ratio(np.bincount(client, lost_s, services), some)
        self.slow_share += -np.expm1(np.bincount(client, np.log1p(-slow), services))

    def _sweep_down(self, tick: int, row: Row) -> None:
        """Calls, attempts and their outcomes go into the books; requests into the queues."""
        self.arrivals = np.append(row.entries, 0.0)  # the last place stands for "no link"
        self.served = np.zeros(len(self.work_s))
        failed = _Failed(self.late, (1.0 - self.late) * self.failing[self.server], self.stuck, self.stuck_by)
        self.failing_free = failed.late + failed.erring
        stuck, free = self.parked.take(tick, self.stuck)
        again = failed.at_once(self.parked.pause == 0, self.wants)
        originals = np.zeros(len(self.server))
        for level in self.levels:
            self._serve(level.members, row)
            if len(level.edges):
                originals[level.edges] = self.served[level.client] * row.calls[level.edges] + row.driven[level.edges]
                self._call(level, originals, stuck, free, again)
        self.books.attempt(tick, originals, failed.of(stuck, free), free.sum(axis=0), self.round_trip_s)
        self._put_aside(tick, failed, stuck, free)

    def _serve(self, at: Indices, row: Row) -> None:
        """Work a tick's worth of the queue off; what finds no room is turned away, from the next tick on."""
        arrivals, most = self.arrivals[at], self.rate[at] * self.tick_s
        waiting = self.queue[at] + arrivals * (1.0 - self.rejecting[at])
        served = np.minimum(waiting, most)
        self.served[at] = served
        self.queue[at] = np.minimum(waiting - served, self.most_queued[at])
        unrejected = self.queue[at] + arrivals - np.where(np.isfinite(most), most, self.queue[at] + arrivals)
        self.rejecting[at] = np.clip(_ratio(unrejected - self.most_queued[at], arrivals), 0.0, 1.0)

    def _call(self, level: Level, originals: Floats, stuck: Floats, free: Floats, again: tuple[Floats, Floats]) -> None:
        """Make a level's calls, try by try: `stuck` and `free` [K, E] are filled in, and the servers are reached."""
        e, share = level.edges, self.stuck[level.edges]
        asked, back = originals[e], stuck[:, e] + free[:, e]
        chain_stuck, chain_free = again[0][:, e], again[1][:, e]
        if self.limited:
            wants = self.wants[:, e]
            wanting = wants * (share + (1.0 - share) * self.failing_free[e])
            chain = share * chain_stuck + (1.0 - share) * chain_free
            granted = self.budgets.grant(e, asked, back, wanting, chain)
            chain_stuck, chain_free = chain_stuck * granted, chain_free * granted
        calls_stuck, calls_free = asked * share, asked * (1.0 - share)
        for stage in range(level.tries):
            calls_stuck, calls_free = calls_stuck + stuck[stage, e], calls_free + free[stage, e]
            stuck[stage, e], free[stage, e] = calls_stuck, calls_free
            if stage + 1 < level.tries:
                calls_stuck, calls_free = calls_stuck * chain_stuck[stage], calls_free * chain_free[stage]
        reached = free[: level.tries, e].sum(axis=0)
        size = len(self.arrivals)
        self.arrivals += np.bincount(level.server, reached, size)
        if self.linked:
            # What never connects has passed the network device all the same.
            unconnected = stuck[: level.tries, e].sum(axis=0) * _ratio(self.stuck_by[3, e], share)
            self.arrivals[:-1] += np.bincount(self.link[e], reached + unconnected, size)[:-1]

    def _put_aside(self, tick: int, failed: _Failed, stuck: Floats, free: Floats) -> None:
        """Put aside what is retried in later ticks; give up what has had its last try, or is granted none."""
        granted = self.wants * self.budgets.share
        ended_badly = stuck + free * self.failing_free
        lost = ended_badly.sum(axis=0) - (ended_badly[:-1] * granted).sum(axis=0)
        later = self.parked.pause > 0
        for kind, calls, is_stuck in failed.kinds(stuck[:-1], free[:-1]):
            aside = calls * granted * later[:, kind]
            small = aside < NEGLIGIBLE
            lost += (aside * small).sum(axis=0)
            self.parked.put(tick, kind, np.where(small, 0.0, aside), self.stuck, stuck=is_stuck)
        self.books.note("given_up", tick, lost)


@dataclass(frozen=True)
class _Failed:
    """How a tick's attempts fail, [E]: free ones late or with an error; stuck ones at what they are stuck at [4, E]."""

    late: Floats
    erring: Floats
    stuck: Floats
    stuck_by: Floats

    @property
    def by(self) -> Floats:
        """[4, E] What the stuck calls are stuck at, as shares of them."""
        return np.divide(self.stuck_by, self.stuck, out=np.zeros_like(self.stuck_by), where=self.stuck > 0)

    def at_once(self, now: NDArray[np.bool_], wants: Floats) -> tuple[Floats, Floats]:
        """[K - 1, E] Of the stuck, and of the free calls in one try, those that are tried again within the tick."""
        by = self.by
        stuck = (by[0] + by[1]) * now[:, FAST] + by[2] * now[:, UNANSWERED] + by[3] * now[:, UNCONNECTED]
        return stuck * wants, (self.erring * now[:, FAST] + self.late * now[:, LATE]) * wants

    def kinds(self, stuck: Floats, free: Floats) -> tuple[tuple[int, Floats, bool], ...]:
        """The failed among attempts [K - 1, E], by how long that took; and whether they were stuck."""
        by = self.by
        return (
            (FAST, stuck * (by[0] + by[1]), True),
            (UNANSWERED, stuck * by[2], True),
            (UNCONNECTED, stuck * by[3], True),
            (FAST, free * self.erring, False),
            (LATE, free * self.late, False),
        )

    def of(self, stuck: Floats, free: Floats) -> Floats:
        """[6, E] The attempts [K, E] by outcome: stuck at the four things, late, with an error."""
        reached = free.sum(axis=0)
        return np.concatenate([self.by * stuck.sum(axis=0), [reached * self.late, reached * self.erring]])


def _queue_limit(limit_s: float, capacity_rps: float) -> float:
    return np.inf if np.isinf(limit_s) else limit_s * capacity_rps


def _over(queue: Floats, rate: Floats) -> Floats:
    """How long what arrives now will wait; endless where nothing is worked off."""
    waits = np.divide(queue, rate, out=np.zeros_like(queue), where=np.isfinite(rate) & (rate > 0))
    return np.where(rate > 0, waits, np.inf)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 1e-12)


def run_services(conditions: Conditions, feedbacks: Sequence[Feedback] = ()) -> Flows:
    """Step the services through all ticks of the conditions."""
    engine = Engine(conditions, feedbacks)
    for tick in range(conditions.ticks):
        engine.step(tick)
    return engine.books.flows()
