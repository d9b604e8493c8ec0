"""Services as queues with time-outs and retries: a fluid model, stepped per tick.

Per tick two sweeps over the levels of the call graph: from the leaves up, the chance that an attempt
over each edge fails; from the entries down, how many attempts there are. Attempts that fail are
retried, within the tick where the back-off is short, in later ticks where it is long, as far as the
client's retry budget goes. Requests that a service cannot work off queue up; an attempt that would
wait longer than its time-out fails as `deadline`, and the service still does its work.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...collector.model import ERROR_CLASSES
from .graph import levels_of
from .history import Edge, Floats, Service
from .retries import Parked

CLASS = {name: i for i, name in enumerate(ERROR_CLASSES)}


@dataclass(frozen=True)
class Conditions:
    """What the rest of the world does to the services, per tick.

    entries: [T, S] requests from outside. calls: [T, E] calls per request at the client.
    unresolved: [T, E] share of attempts that fail because the name has no addresses.
    unconnected: [T, E] share of the rest that fails while connecting.
    own_failing: [T, S] share of requests that a service fails for a reason of its own.
    """

    entries: Floats
    calls: Floats
    unresolved: Floats
    unconnected: Floats
    own_failing: Floats


@dataclass(frozen=True)
class Flows:
    """What the services did; fields as in `History`. failing: [T, E] share of attempts that meet a failure."""

    arrivals: Floats
    failed: Floats
    own_failed: Floats
    queue_depth: Floats
    queue_age_s: Floats
    originals: Floats
    attempts: Floats
    ok: Floats
    failures: Floats
    waiting: Floats
    given_up: Floats
    failing: Floats


class Engine:
    """The services' state between ticks: queues and parked retries; and the books."""

    def __init__(self, services: tuple[Service, ...], edges: tuple[Edge, ...], tick_s: float, ticks: int) -> None:
        self.tick_s = tick_s
        self.levels = levels_of(services, edges)
        self.required = np.array([float(edge.required) for edge in edges])
        self.timeout_s = np.array([edge.timeout_s for edge in edges])
        self.budget = np.array([edge.retry_budget for edge in edges])
        self.capacity_rps = np.array([service.capacity_rps for service in services])
        index = {service.name: i for i, service in enumerate(services)}
        self.server = np.array([index[edge.server] for edge in edges], dtype=np.int64)
        self.work_s = np.array([service.latency_s for service in services])[self.server]
        self.parked = Parked(edges, tick_s)
        self.queue = np.zeros(len(services))
        by_service = {"arrivals", "failed", "own_failed", "queue_depth", "queue_age_s"}
        self.books: dict[str, Floats] = {
            field.name: np.zeros((ticks, len(services) if field.name in by_service else len(edges)))
            for field in fields(Flows)
        }
        self.books |= {"failures": np.zeros((ticks, len(edges), len(ERROR_CLASSES)))}

    def step(self, tick: int, conditions: Conditions) -> None:
        """One tick: what fails, what is asked, what is left waiting."""
        age_s = self.queue / self.capacity_rps
        classes, failing, service_failing = self._sweep_up(tick, conditions, age_s[self.server])
        arrivals = self._sweep_down(tick, conditions, classes, failing)
        self.queue = np.maximum(0.0, self.queue + arrivals - self.capacity_rps * self.tick_s)
        books = self.books
        books["arrivals"][tick] = arrivals
        books["failed"][tick] = arrivals * service_failing
        books["own_failed"][tick] = arrivals * conditions.own_failing[tick]
        books["queue_depth"][tick] = self.queue
        books["queue_age_s"][tick] = self.queue / self.capacity_rps
        books["failing"][tick] = failing
        books["waiting"][tick] = self.parked.count

    def _sweep_up(self, tick: int, conditions: Conditions, wait_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Chance of each failure class [C, E] and of any [E] per attempt, and of failing per request [S]."""
        classes = np.zeros((len(ERROR_CLASSES), len(self.server)))
        unresolved, unconnected = conditions.unresolved[tick], conditions.unconnected[tick]
        reaches = (1.0 - unresolved) * (1.0 - unconnected)
        # Work takes an exponential time, so the chance of a time-out falls by e per mean time left after the wait.
        late = np.exp(-np.maximum(0.0, self.timeout_s - wait_s) / self.work_s)
        classes[CLASS["dns_nodata"]] = unresolved
        classes[CLASS["connect"]] = (1.0 - unresolved) * unconnected
        classes[CLASS["deadline"]] = reaches * late
        in_time = reaches * (1.0 - late)
        failing = 1.0 - in_time
        passing = 1.0 - conditions.own_failing[tick]
        matters = self.required * np.minimum(1.0, conditions.calls[tick])
        for level in reversed(self.levels):
            server_failing = in_time[level.edges] * (1.0 - passing[level.server])
            classes[CLASS["server"], level.edges] = server_failing
            failing[level.edges] = np.minimum(1.0, failing[level.edges] + server_failing)
            spoiled = np.minimum(matters[level.edges] * failing[level.edges], 1.0 - 1e-12)
            passing = passing * np.exp(level.to_client @ np.log1p(-spoiled))
        return classes, failing, 1.0 - passing

    def _sweep_down(self, tick: int, conditions: Conditions, classes: Floats, failing: Floats) -> Floats:
        """Calls, attempts and their outcomes go into the books; returns the requests that reach each service [S]."""
        books, parked = self.books, self.parked
        arrivals = conditions.entries[tick].copy()
        back, back_per_share = parked.take(tick)
        back_failing = np.minimum(back, back_per_share * failing)
        per_failure = classes / np.maximum(failing, 1e-300)
        arriving = per_failure[CLASS["deadline"]] + per_failure[CLASS["server"]]
        tries = 1.0 + np.minimum(parked.retries, self.budget / np.maximum(failing, 1e-12)) * ~parked.parks
        for level in self.levels:
            edges = level.edges
            originals = arrivals[level.client] * conditions.calls[tick, edges]
            stopped = originals * failing[edges]
            failed = stopped * tries[edges] + back_failing[:, edges].sum(axis=0)
            ok = originals - stopped + (back - back_failing)[:, edges].sum(axis=0)
            arrivals = arrivals + level.to_server @ (ok + failed * arriving[edges])
            books["originals"][tick, edges] = originals
            books["ok"][tick, edges] = ok
            books["attempts"][tick, edges] = ok + failed
            books["failures"][tick, edges] = failed[:, None] * per_failure[:, edges].T
        books["given_up"][tick] = parked.park(tick, 0, books["originals"][tick] * failing, failing)
        for stage, again in enumerate(back_failing, start=1):
            books["given_up"][tick] += parked.park(tick, stage, again, failing)
        return arrivals


def run_services(
    services: tuple[Service, ...], edges: tuple[Edge, ...], conditions: Conditions, tick_s: float
) -> Flows:
    """Step the services through all ticks of the conditions."""
    ticks = len(conditions.entries)
    engine = Engine(services, edges, tick_s, ticks)
    for tick in range(ticks):
        engine.step(tick, conditions)
    return Flows(**engine.books)
