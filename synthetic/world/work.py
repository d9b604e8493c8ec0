"""A work queue that collapses: first in first out, attempts that time out, stale work done all the same.

Each lease that is due is put into the queue as an attempt. The attempt counts only if it is finished
within T of being queued; else the lease is queued again at once, while its stale attempt still waits for
its turn and will be worked off for nothing. With capacity C and N leases due at once, all are
established if N / (C * T) <= 2; above, the queue grows faster than it is worked off, at full
utilisation and with nothing established (a metastable failure: Bronson et al., HotOS 2021). Emptying the
queue and admitting at most C * T / 2 attempts at a time ends it in N / C. Cancelling stale work, or serving
the newest first, keeps it from coming about.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .history import Floats


@dataclass(frozen=True)
class WorkBooks:
    """What the queue did, per tick [T]; `started + retried = done + timed_out + dropped + growth of live`.

    started, retried: first attempts and later ones that were queued.
    done: attempts finished in time. timed_out: given up while waiting. dropped: lost in the restart.
    late: stale attempts that were worked off for nothing.
    live: attempts under way at the tick's end. depth: all that waits, stale or not.
    held: leases due that the throttle keeps back. age_s: age of the oldest attempt in the queue.
    wait_s: mean age of the attempts finished in time.
    """

    started: Floats
    retried: Floats
    done: Floats
    timed_out: Floats
    dropped: Floats
    late: Floats
    live: Floats
    depth: Floats
    held: Floats
    age_s: Floats
    wait_s: Floats


class _Queue:
    """Attempts by the tick in which they were queued."""

    def __init__(self, ticks: int, patience: int, *, cancelling: bool, newest_first: bool) -> None:
        self.queued = np.zeros(ticks)
        self.patience = patience
        self.cancelling, self.newest_first = cancelling, newest_first
        self.head = 0
        self.depth = self.live = 0.0

    def expire(self, tick: int) -> float:
        """Attempts that have now waited too long; unless cancelled they stay in the queue as stale work."""
        then = tick - self.patience
        expired = float(self.queued[then]) if then >= self.head else 0.0
        self.live -= expired
        if self.cancelling and expired:
            self.queued[then] = 0.0
            self.depth -= expired
        return expired

    def clear(self, tick: int) -> float:
        """Empty the queue; returns the attempts that were lost."""
        lost, self.live, self.depth = self.live, 0.0, 0.0
        self.queued[:tick] = 0.0
        self.head = tick
        return lost

    def put(self, tick: int, attempts: float) -> None:
        self.queued[tick] += attempts
        self.live += attempts
        self.depth += attempts

    def serve(self, tick: int, capacity: float) -> tuple[float, float, float]:
        """Work off whole attempts, one by one: those in time, their waiting in ticks, and those too late."""
        done = waited = late = 0.0
        while capacity >= 1.0 and self.depth >= 1.0:
            self._skip(tick)
            at = self._newest(tick) if self.newest_first else self.head
            taken = min(np.floor(capacity), self.queued[at])
            self.queued[at] -= taken
            capacity, self.depth = capacity - taken, self.depth - taken
            age = tick - at
            if age < self.patience:
                done, waited = done + taken, waited + taken * (age + 0.5)
                self.live -= taken
            else:
                late += taken
        self._skip(tick)
        return done, waited, late

    def age(self, tick: int) -> int:
        """Ticks since the oldest attempt was queued; 0 if there is none."""
        return tick - self.head + 1 if self.depth >= 1.0 else 0

    def _newest(self, tick: int) -> int:
        while self.queued[tick] < 1.0:
            tick -= 1
        return tick

    def _skip(self, tick: int) -> None:
        while self.head < tick and self.queued[self.head] < 1.0:
            self.head += 1


def establish(
    due: Floats,
    *,
    capacity_per_s: float,
    timeout_s: float,
    tick_s: float,
    restart_tick: int | None = None,
    outstanding: int = 0,
    cancelling: bool = False,
    newest_first: bool = False,
) -> WorkBooks:
    """Work off leases that fall due, `due` [T] a tick.

    restart_tick: the tick in which people empty the queue; from then on at most `outstanding` attempts are
    under way. None: nobody does.
    cancelling: attempts leave the queue when they time out. newest_first: the queue is last in first out.
    """
    books = WorkBooks(*(np.zeros(len(due)) for _ in fields(WorkBooks)))
    patience = max(1, round(timeout_s / tick_s))
    queue = _Queue(len(due), patience, cancelling=cancelling, newest_first=newest_first)
    fresh = again = credit = 0.0  # leases due and not queued: for the first time, or after an attempt that failed
    for tick in range(len(due)):
        books.timed_out[tick] = queue.expire(tick)
        fresh, again = fresh + due[tick], again + books.timed_out[tick]
        if tick == restart_tick:
            books.dropped[tick] = queue.clear(tick)
            again += books.dropped[tick]
        room = np.inf if restart_tick is None or tick < restart_tick else max(0.0, outstanding - queue.live)
        books.started[tick] = min(fresh, room)
        books.retried[tick] = min(again, room - books.started[tick])
        fresh, again = fresh - books.started[tick], again - books.retried[tick]
        queue.put(tick, books.started[tick] + books.retried[tick])
        # Whole attempts only; what is left of an idle tick's capacity is not saved up.
        credit = min(credit, 1.0) + capacity_per_s * tick_s
        done, waited, late = queue.serve(tick, credit)
        credit -= done + late
        books.done[tick], books.late[tick] = done, late
        books.wait_s[tick] = waited * tick_s / done if done else 0.0
        books.live[tick], books.depth[tick], books.held[tick] = queue.live, queue.depth, fresh + again
        books.age_s[tick] = queue.age(tick) * tick_s
    return books
