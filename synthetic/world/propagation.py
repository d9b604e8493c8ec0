"""Launches that were put off, and the network state that then has to catch up.

While the lease manager is busy getting leases back it passes on no state changes, and launches find no
droplet; both pile up. Afterwards people let launches in at a limited rate, the manager hands on the put-off
changes at its own, and the network manager, first in first out, propagates both a little more slowly
than they come: its delay climbs, and new instances run without a network until their turn. Source: AWS's
post-event summary of October 2025. Rates are not public; see the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .history import Floats


@dataclass(frozen=True)
class Throttle:
    """People's limit on launches: from `at_s` on, `per_s`; steps in order of time, the first of them sets it."""

    at_s: float
    per_s: float


@dataclass(frozen=True)
class Launching:
    """Parameters of launching and of the network manager.

    launches_per_s, changes_per_s: demand for launches, and other state changes (terminations), on average.
    retry_s: how often a client asks again for a launch it did not get.
    patience_s: mean time until it no longer wants it.
    hand_on_per_s: put-off state changes that the lease manager hands on once it is free.
    propagate_per_s: changes of either kind that the network manager propagates.
    floor_s: propagation delay with an empty queue.
    slow_s, slow_to: from when to when propagation is slow, and to what share of its rate.
    """

    launches_per_s: float
    changes_per_s: float
    retry_s: float
    patience_s: float
    hand_on_per_s: float
    propagate_per_s: float
    floor_s: float = 2.0
    slow_s: tuple[float, float] = (0.0, 0.0)
    slow_to: float = 1.0


@dataclass(frozen=True)
class LaunchBooks:
    """What happened, per tick [T]: counts, but `delay_s` and `waiting` (state at the tick's end).

    asked: requests to launch, repeated ones among them; throttled and refused (no droplet) of these.
    launched: instances that came up. waiting: launches wanted and not yet had.
    propagated: changes done. queue: changes that wait. delay_s: of the change that is next in the queue.
    pending_launches: instances that run without their network state.
    """

    asked: Floats
    throttled: Floats
    refused: Floats
    launched: Floats
    waiting: Floats
    propagated: Floats
    queue: Floats
    delay_s: Floats
    pending_launches: Floats


def run_launches(
    launching: Launching,
    demand: Floats,
    leased: Floats,
    put_off_share: Floats,
    tick_s: float,
    throttles: tuple[Throttle, ...],
) -> LaunchBooks:
    """Run both over ticks.

    demand: [T] relative demand, 1 on average. leased: [T] share of droplets with a lease.
    put_off_share: [T] share of state changes that the lease manager cannot pass on; nothing put off
        earlier is handed on before it is 0.
    """
    books = LaunchBooks(*(np.zeros(len(demand)) for _ in fields(LaunchBooks)))
    limits = _limits(throttles, len(demand), tick_s)
    patience = np.exp(-tick_s / launching.patience_s)
    rate = np.full(len(demand), launching.propagate_per_s)
    rate[int(launching.slow_s[0] / tick_s) : int(launching.slow_s[1] / tick_s)] *= launching.slow_to
    waiting = put_off = queue = 0.0
    for tick in range(len(demand)):
        new = launching.launches_per_s * demand[tick] * tick_s
        asked = new + waiting * min(1.0, tick_s / launching.retry_s)
        admitted = min(asked, limits[tick])
        launched = admitted * leased[tick]
        waiting = (waiting + new - launched) * patience
        changes = launching.changes_per_s * demand[tick] * tick_s
        put_off += changes * put_off_share[tick]
        caught_up = 0.0 if put_off_share[tick] else min(put_off, launching.hand_on_per_s * tick_s)
        put_off -= caught_up
        queue += launched + changes * (1.0 - put_off_share[tick]) + caught_up
        books.propagated[tick] = min(queue, rate[tick] * tick_s)
        queue -= books.propagated[tick]
        books.asked[tick], books.throttled[tick], books.refused[tick] = asked, asked - admitted, admitted - launched
        books.launched[tick], books.waiting[tick], books.queue[tick] = launched, waiting, queue
    books.delay_s[:] = launching.floor_s + books.queue / rate
    books.pending_launches[:] = _in_the_last(books.launched, books.delay_s / tick_s)
    return books


def _limits(throttles: tuple[Throttle, ...], ticks: int, tick_s: float) -> Floats:
    """[T] Launches that people let in per tick; infinite where nothing is set."""
    limits = np.full(ticks, np.inf)
    for throttle in sorted(throttles, key=lambda step: step.at_s):
        limits[int(throttle.at_s / tick_s) :] = throttle.per_s * tick_s
    return limits


def _in_the_last(counts: Floats, ticks_back: Floats) -> Floats:
    """[T] Sum of counts over the last `ticks_back` ticks before each tick, in fractions of ticks."""
    total = np.concatenate(([0.0], np.cumsum(counts)))
    now = np.arange(1, len(counts) + 1, dtype=float)
    return total[1:] - np.interp(now - ticks_back, np.arange(len(total)), total)
