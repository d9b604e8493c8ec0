"""A work queue that collapses: first in first out, attempts that time out, stale work done all the same.

Each lease that is due is put into the queue as an attempt. The attempt counts only if it is finished
within T of being queued; else the lease is queued again at once, while its stale attempt still waits for
its turn and will be worked off for nothing. With capacity C and N leases due at once, all are
established if N / (C * T) <= 2; above, the queue grows faster than it is worked off, at full
utilisation and with nothing established (a metastable failure: Bronson et al., HotOS 2021). Emptying the
queue and admitting at most C * T / 2 attempts at a time ends it in N / C.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def establish(
    due: Floats,
    *,
    capacity_per_s: float,
    timeout_s: float,
    tick_s: float,
    restart_tick: int | None = None,
    outstanding: int = 0,
) -> WorkBooks:
    """Work off leases that fall due, `due` [T] a tick.

    restart_tick: the tick in which people empty the queue; from then on at most `outstanding` attempts are
    under way. None: nobody does.
    """
    ticks, patience = len(due), max(1, round(timeout_s / tick_s))
    books = {name: np.zeros(ticks) for name in WorkBooks.__dataclass_fields__}
    queued = np.zeros(ticks)  # attempts still in the queue, by the tick in which they were queued
    head, depth, live, credit = 0, 0.0, 0.0, 0.0
    fresh, again = 0.0, 0.0  # leases due and not queued: for the first time, or after an attempt that failed
    for tick in range(ticks):
        fresh += due[tick]
        expired = queued[tick - patience] if tick - patience >= head else 0.0
        live -= expired
        again += expired
        books["timed_out"][tick] = expired
        room = np.inf
        if restart_tick is not None and tick >= restart_tick:
            if tick == restart_tick:
                books["dropped"][tick] = live
                again, live, depth, head = again + live, 0.0, 0.0, tick
                queued[:tick] = 0.0
            room = max(0.0, outstanding - live)
        started = min(fresh, room)
        retried = min(again, room - started)
        fresh, again = fresh - started, again - retried
        queued[tick] = started + retried
        live, depth = live + started + retried, depth + started + retried
        books["started"][tick], books["retried"][tick] = started, retried

        # Whole attempts only; what is left of an idle tick's capacity is not saved up.
        credit = min(credit, 1.0) + capacity_per_s * tick_s
        while credit >= 1.0 and depth >= 1.0:
            while queued[head] < 1.0:
                head += 1
            taken = min(np.floor(credit), queued[head])
            queued[head] -= taken
            credit, depth = credit - taken, depth - taken
            if tick - head < patience:
                books["done"][tick] += taken
                books["wait_s"][tick] += taken * (tick - head + 0.5) * tick_s
                live -= taken
            else:
                books["late"][tick] += taken
        while head < tick and queued[head] < 1.0:
            head += 1
        books["live"][tick], books["depth"][tick], books["held"][tick] = live, depth, fresh + again
        books["age_s"][tick] = (tick - head + 1) * tick_s if depth >= 1.0 else 0.0
    books["wait_s"] = np.divide(books["wait_s"], books["done"], out=np.zeros(ticks), where=books["done"] > 0)
    return WorkBooks(**books)
