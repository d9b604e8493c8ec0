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

from .books import Books, Flows
from .chances import Chances
from .conditions import Conditions
from .fates import Fates
from .graph import Indices, Level, levels_of
from .history import Floats
from .retries import NEGLIGIBLE, Budgets, Parked, Tries


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
        index = {service.name: i for i, service in enumerate(services)}
        self.server = np.array([index[edge.server] for edge in edges], dtype=np.int64)
        self.link = np.array([index[edge.link] if edge.link else len(services) for edge in edges], dtype=np.int64)
        self.linked = any(edge.link for edge in edges)
        self.most_queued = np.array([_queue_limit(s.queue_limit_s, s.capacity_rps) for s in services])
        tries = max(level.tries for level in self.levels)
        self.parked, self.budgets = Parked(edges, self.tick_s, tries), Budgets(edges, self.tick_s)
        retries = np.array([float(edge.retries) for edge in edges])
        self.wants = (retries > np.arange(tries - 1)[:, None]).astype(float)  # [K - 1, E]
        self.at_once = self.wants[:, None] * (self.parked.pause == 0)  # [K - 1, 4, E]
        self.later = self.wants[:, None] * (self.parked.pause > 0)
        self.limited = [level.edges[self.budgets.limited[level.edges]] for level in self.levels]
        self.books, self.chances = Books(conditions), Chances(conditions, self.levels)
        self.queue, self.rejecting = np.zeros(len(services)), np.zeros(len(services))
        self.usual = np.ones(len(edges))  # attempts that reach the server per call, in the last tick

    def step(self, tick: int) -> None:
        """One tick: what fails, what is asked, what is left waiting."""
        self.row = row = self._row(tick)
        for feedback in self.feedbacks:
            feedback.before(tick, row)
        self.chances.sweep(tick, row, self.queue, self._growth(tick, row), self.budgets.share)
        self._sweep_down(tick, row)
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

    def _growth(self, tick: int, row: Row) -> Floats:
        """[S] By how much the waits will have grown when the tick ends, if calls fare as in the last one.

        A herd may all come in one tick: then the first of it waits for nothing, and the last for all the others.
        """
        arrivals, due = np.append(row.entries, 0.0), self.parked.due(tick)
        rate, open_share = self.chances.likely_rate(row.capacity), 1.0 - self.rejecting
        waiting, most = self.queue + row.entries * open_share, rate * self.tick_s
        for level in self.levels:
            e = level.edges
            if len(e):
                calls = np.minimum(waiting, most)[level.client] * row.calls[e] + row.driven[e]
                reached = self.usual[e] * calls + due[e]
                arrivals += np.bincount(level.server, reached, len(arrivals))
                if self.linked:
                    arrivals[:-1] += np.bincount(self.link[e], reached, len(arrivals))[:-1]
                waiting = self.queue + arrivals[:-1] * open_share
        left = np.minimum(waiting - np.minimum(waiting, most), self.most_queued)
        return np.maximum(0.0, ratio(left - self.queue, np.where(np.isfinite(rate), rate, 0.0)))

    def _sweep_down(self, tick: int, row: Row) -> None:
        """Calls, attempts and their outcomes go into the books; requests into the queues."""
        self.arrivals = np.append(row.entries, 0.0)  # the last place stands for "no link"
        self.served, self.most_served = np.zeros(len(self.queue)), self.chances.rate[:-1] * self.tick_s
        self.fates = fates = Fates(self.chances, self.server)
        back = self.parked.take(tick, self.chances.stuck)
        self.tries = Tries(fates.share, fates.again(self.at_once), back)
        originals = np.zeros(len(self.server))
        for level, limited in zip(self.levels, self.limited, strict=True):
            self._serve(level.members)
            if len(level.edges):
                originals[level.edges] = self.served[level.client] * row.calls[level.edges] + row.driven[level.edges]
                if len(limited):
                    self._grant(limited, originals)
                self._reach(level, originals[level.edges])
        self._turn_away()
        self.usual = self.tries.reached_per_call()
        made = self.tries.made(originals)
        reached = made[1].sum(axis=0)
        self.books.attempt(tick, originals, fates.of(made[0].sum(axis=0), reached), reached, self.chances)
        self._put_aside(tick, made)

    def _serve(self, at: Indices) -> None:
        """Work a tick's worth of the queue off, if there is so much."""
        waiting = self.queue[at] + self.arrivals[at] * (1.0 - self.rejecting[at])
        self.served[at] = served = np.minimum(waiting, self.most_served[at])
        self.queue[at] = waiting - served

    def _turn_away(self) -> None:
        """What finds no room in a queue is turned away; from the next tick on with an error."""
        self.queue = np.minimum(self.queue, self.most_queued)
        arrivals = self.arrivals[:-1]
        unrejected = self.queue + arrivals - self.most_served
        self.rejecting = np.clip(ratio(unrejected - self.most_queued, arrivals), 0.0, 1.0)

    def _grant(self, e: Indices, originals: Floats) -> None:
        """Cut the retries that follow at once down to what the clients' budgets allow."""
        share, tries = self.fates.share[:, e], self.tries
        wanting = self.wants[:, e] * (share[0] + share[1] * self.fates.failing[e])
        chain = (share[:, None] * tries.chain[:, :, e]).sum(axis=0)
        tries.grant(e, self.budgets.grant(e, originals[e], tries.back[:, :, e].sum(axis=0), wanting, chain))

    def _reach(self, level: Level, originals: Floats) -> None:
        """The attempts of a level's calls reach their servers."""
        e, size = level.edges, len(self.arrivals)
        reached = self.tries.reaching(1, e, originals)
        self.arrivals += np.bincount(level.server, reached, size)
        if self.linked:
            # What never connects has passed the network device all the same.
            unconnected = self.tries.reaching(0, e, originals) * self.fates.stuck_by[3, e]
            self.arrivals[:-1] += np.bincount(self.link[e], reached + unconnected, size)[:-1]

    def _put_aside(self, tick: int, made: Floats) -> None:
        """Put aside what is retried in later ticks; give up what has had its last try, or is granted none."""
        fates, chances = self.fates, self.chances
        last = made.sum(axis=1) - (made[:, :-1] * (self.wants * self.budgets.share)).sum(axis=1)
        negligible = np.zeros_like(last)
        for kind, is_stuck, share in fates.kinds():
            later, row = self.later[:, kind], 0 if is_stuck else 1
            if not later.any():
                continue
            aside = made[row, :-1] * (share * self.budgets.share) * later
            small = aside < NEGLIGIBLE
            negligible[row] += (aside * small).sum(axis=0)
            self.parked.put(tick, kind, np.where(small, 0.0, aside), chances.stuck, stuck=is_stuck)
        last += np.stack([negligible[0], ratio(negligible[1], fates.failing)])
        self.books.give_up(tick, fates.of(last[0], last[1]), chances)


def _queue_limit(limit_s: float, capacity_rps: float) -> float:
    return np.inf if np.isinf(limit_s) else limit_s * capacity_rps


def ratio(part: Floats, whole: Floats) -> Floats:
    """Part of a whole; nothing of nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 1e-12)


def run_services(conditions: Conditions, feedbacks: Sequence[Feedback] = ()) -> Flows:
    """Step the services through all ticks of the conditions."""
    engine = Engine(conditions, feedbacks)
    # A queue in front of a server that hangs takes for ever: infinity is what is meant.
    with np.errstate(divide="ignore"):
        for tick in range(conditions.ticks):
            engine.step(tick)
    return engine.books.flows()
