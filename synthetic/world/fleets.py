"""Fleets of instances that need something from a store before they serve, all of them at once after a restart.

An instance that is down asks the store for its state, and serves when it has got it. Those that are up renew it now
and then, and go down when they cannot. After an outage the whole fleet asks at once: a herd. If the store answers
more slowly than the instances wait, they ask again while it still works on what nobody waits for, and none comes up.
Sources: AWS, DynamoDB's disruption of 20 September 2015; Google Cloud's incident of 12 June 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .books import Books
from .conditions import Conditions
from .engine import Row


@dataclass(frozen=True)
class Fleet:
    """Instances of a service.

    service: whose capacity they are. store: whom they ask, over the edge from the service that is for this alone.
    instances: how many. renew_s: how often one that is up asks again; infinite where it never does.
    pause_s: how long one that could not get its state waits before it asks again.
    spread: whether pauses are random over twice that time rather than equal.
    partitioned: requests to instances that are down fail; otherwise the rest takes them over.
    """

    service: str
    store: str
    instances: float
    renew_s: float = float("inf")
    pause_s: float = 5.0
    spread: bool = False
    partitioned: bool = False


class FleetFeedback:
    """The running fleet: who is up, who is asking, who waits to ask again."""

    def __init__(self, fleet: Fleet, conditions: Conditions) -> None:
        self._fleet, self._tick_s = fleet, conditions.tick_s
        pairs = [(edge.client, edge.server) for edge in conditions.edges]
        self._edge, self._service = pairs.index((fleet.service, fleet.store)), conditions.service(fleet.service)
        self.edges: Sequence[int] = (self._edge,)
        self._restarted = conditions.mark("restart", fleet.service)
        self._held = conditions.mark("hold", fleet.service)
        self._up, self._asking = fleet.instances, 0.0
        pause = max(1, round(fleet.pause_s / conditions.tick_s))
        self._pauses = np.full(2 * pause, 1.0 / (2 * pause)) if fleet.spread else np.eye(pause)[-1]
        self._back = np.zeros(len(self._pauses))  # instances by the ticks until they ask again
        self._ready = 0.0
        self._renewing = 0.0  # share of the calls under way that are made by instances that are up

    def before(self, tick: int, row: Row) -> None:
        """Instances ask, and the service has the capacity of those that are up."""
        lost = self._up * self._restarted[tick]
        self._up -= lost
        self._ready += lost + self._back[0]
        self._back = np.append(self._back[1:], 0.0)
        renewals = self._up * self._tick_s / self._fleet.renew_s
        open_share = 1.0 - self._held[tick]
        booting = self._ready * open_share
        self._ready -= booting
        self._asking += booting
        row.driven[self._edge] += booting + renewals * open_share
        share = self._up / self._fleet.instances
        row.up[self._service] *= share
        row.capacity[self._service] *= max(share, 1e-6)
        if self._fleet.partitioned:
            row.own_failing[self._service] = 1.0 - (1.0 - row.own_failing[self._service]) * share

    def after(self, tick: int, books: Books) -> None:
        """Who got an answer is up; who did not goes down, and asks again after a pause."""
        ok = float(books.by_edge["ok"][tick, self._edge])
        lost = float(books.by_edge["given_up"][tick, self._edge])
        # Of the calls that end, as many are of instances that boot as there are of them among all that ask.
        booted = min(self._asking, ok * self._share_asking(books, tick))
        failed = min(self._asking - booted, lost * self._share_asking(books, tick))
        dropped = min(self._up, max(0.0, lost - failed))
        self._asking -= booted + failed
        self._up += booted - dropped
        self._back[: len(self._pauses)] += (failed + dropped) * self._pauses

    def _share_asking(self, books: Books, tick: int) -> float:
        under_way = float(books.by_edge["in_flight"][tick, self._edge] + books.by_edge["waiting"][tick, self._edge])
        under_way += float(books.by_edge["ok"][tick, self._edge] + books.by_edge["given_up"][tick, self._edge])
        return min(1.0, self._asking / under_way) if under_way > 0 else 0.0
