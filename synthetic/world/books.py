"""The books of the services: attempts when they start, outcomes when they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...collector.model import ERROR_CLASSES
from .chances import Chances
from .conditions import SLOW_CLASS, Conditions
from .graph import Indices
from .history import Floats, Odds
from .retries import DNS_TIMEOUT_S

if TYPE_CHECKING:
    from .engine import Engine

CLASS = {name: i for i, name in enumerate(ERROR_CLASSES)}
OK, SERVER, DEADLINE, CONNECT, UNRESOLVED, UNANSWERED, GIVEN_UP = range(7)
"""How attempts end; look-ups that fail at once are told apart by class afterwards. And calls that are given up."""
SPREAD_PARTS = 16
"""Parts of a tick's attempts that are told apart where they wait for much longer or shorter than each other."""


@dataclass(frozen=True)
class Flows:
    """What the services did; fields as in `History`."""

    entries: Floats
    arrivals: Floats
    served: Floats
    failed: Floats
    own_failed: Floats
    latency_s: Floats
    queue_depth: Floats
    queue_age_s: Floats
    up: Floats
    originals: Floats
    attempts: Floats
    ok: Floats
    failures: Floats
    in_flight: Floats
    waiting: Floats
    given_up: Floats
    latency_ok_s: Floats
    latency_server_s: Floats
    odds: Odds


_BY_SERVICE = ("entries", "arrivals", "served", "failing", "own", "latency_s", "queue_depth", "up")
_BY_EDGE = ("originals", "attempts", "ok", "in_flight", "waiting", "given_up", "round_trip_s", "late", "granted")


class Books:
    """Arrays [T, S] and [T, E] by name, `failures` [T, E, C], and what is still in flight."""

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        ticks, services, edges = conditions.ticks, len(conditions.services), len(conditions.edges)
        self.by_service = {name: np.zeros((ticks, services)) for name in _BY_SERVICE}
        self.by_edge = {name: np.zeros((ticks, edges)) for name in _BY_EDGE}
        self.calls = conditions.calls.copy()
        # Class by class, since most classes never come: memory that is never written costs nothing.
        self.failures = np.zeros((len(ERROR_CLASSES), ticks, edges)).transpose(1, 2, 0)
        self.unanswered = np.zeros((ticks, edges))
        self._lag = {
            DEADLINE: _ticks([edge.timeout_s for edge in conditions.edges], conditions.tick_s),
            CONNECT: _ticks([edge.connect_timeout_s for edge in conditions.edges], conditions.tick_s),
            UNANSWERED: _ticks([DNS_TIMEOUT_S] * edges, conditions.tick_s),
        }
        longest = max((int(lag.max(initial=0)) for lag in self._lag.values()), default=0)
        self._coming = np.zeros((longest + 1, 7, edges))
        self._in_flight = np.zeros(edges)

    def attempt(self, tick: int, originals: Floats, failed: Floats, free: Floats, chances: Chances) -> None:
        """Attempts start.

        failed: [6, E] by what becomes of them, as `_Failed.of` has it. free: [E] those that reach their server.
        """
        unresolved, refused, unanswered, unconnected, late, erring = failed
        self.by_edge["originals"][tick] = originals
        self.by_edge["attempts"][tick] = failed[:4].sum(axis=0) + free
        slots, edges = len(self._coming), np.arange(len(free))
        for share, lag in self._answered(chances):
            answered = (tick + lag) % slots
            self._coming[answered, OK, edges] += share * (free - late - erring)
            self._coming[answered, SERVER, edges] += share * erring
        self._coming[tick % slots, UNRESOLVED] += unresolved
        self._coming[tick % slots, CONNECT] += refused
        for kind, count in ((UNANSWERED, unanswered), (CONNECT, unconnected), (DEADLINE, late)):
            self._coming[(tick + self._lag[kind]) % slots, kind, edges] += count

    def give_up(self, tick: int, failed: Floats, chances: Chances) -> None:
        """Attempts [6, E], as in `attempt`, are the last of their calls, which end when they do."""
        slots, edges = len(self._coming), np.arange(failed.shape[1])
        unresolved, refused, unanswered, unconnected, late, erring = failed
        self._coming[tick % slots, GIVEN_UP] += unresolved + refused
        for kind, count in ((UNANSWERED, unanswered), (CONNECT, unconnected), (DEADLINE, late)):
            self._coming[(tick + self._lag[kind]) % slots, GIVEN_UP, edges] += count
        for share, lag in self._answered(chances):
            self._coming[(tick + lag) % slots, GIVEN_UP, edges] += share * erring

    def _answered(self, chances: Chances) -> list[tuple[float, Indices]]:
        """Shares of a tick's answered attempts, and after how many ticks each share is answered."""
        most, tick_s = len(self._coming) - 1, self.conditions.tick_s
        parts = 1 if chances.spread_s.max(initial=0.0) <= tick_s else SPREAD_PARTS
        middles = (np.arange(parts) + 0.5) / parts - 0.5
        ticks = (chances.round_trip_s + middles[:, None] * chances.spread_s) / tick_s
        return [(1.0 / parts, lag) for lag in np.minimum(ticks, most).astype(np.int64)]

    def close(self, tick: int, engine: Engine) -> None:
        """End a tick: book the outcomes that have come, and the state at its end."""
        came = self._coming[tick % len(self._coming)]
        self.by_edge["ok"][tick], self.by_edge["given_up"][tick] = came[OK], came[GIVEN_UP]
        self.failures[tick, :, CLASS["server"]] = came[SERVER]
        self.failures[tick, :, CLASS["deadline"]] = came[DEADLINE]
        if came[CONNECT].any():
            self.failures[tick, :, CLASS["connect"]] = came[CONNECT]
        if came[UNANSWERED].any():
            self.failures[tick, :, CLASS[SLOW_CLASS]] = came[UNANSWERED]
        if came[UNRESOLVED].any():
            self._unresolved(tick, came[UNRESOLVED])
        self._in_flight += self.by_edge["attempts"][tick] - came[:GIVEN_UP].sum(axis=0)
        came[:] = 0.0
        self.by_edge["in_flight"][tick] = self._in_flight
        self._state(tick, engine)

    def _unresolved(self, tick: int, count: Floats) -> None:
        """Tell look-ups that failed at once apart, in the shares of their classes."""
        shares = {name: of[tick] for name, of in self.conditions.unresolved.items() if name != SLOW_CLASS}
        whole = sum(shares.values(), np.zeros(len(count)))
        for name, share in shares.items():
            part = np.divide(share, whole, out=np.zeros(len(count)), where=whole > 0)
            self.failures[tick, :, CLASS[name]] += count * part

    def _state(self, tick: int, engine: Engine) -> None:
        edges, services, chances = self.by_edge, self.by_service, engine.chances
        edges["waiting"][tick], edges["late"][tick] = engine.parked.count, chances.late
        edges["round_trip_s"][tick], edges["granted"][tick] = chances.round_trip_s, engine.budgets.share
        self.unanswered[tick] = chances.stuck_by[2]
        services["entries"][tick], services["up"][tick] = engine.row.entries, engine.row.up
        services["arrivals"][tick], services["served"][tick] = engine.arrivals[:-1], engine.served
        services["failing"][tick], services["own"][tick] = chances.failing[:-1], engine.row.own_failing
        services["queue_depth"][tick] = engine.queue
        held_s = chances.hold_s + chances.slow_share * chances.slow_s
        waited_s = np.minimum(chances.wait_s, tick * self.conditions.tick_s)
        services["latency_s"][tick] = (waited_s + held_s)[:-1]
        self.calls[tick] = engine.row.calls

    def flows(self) -> Flows:
        """All of it, once the last tick is closed."""
        s, e, c = self.by_service, self.by_edge, self.conditions
        unresolved = dict(c.unresolved)
        if self.unanswered.any():
            unresolved[SLOW_CLASS] = self.unanswered
        return Flows(
            entries=s["entries"],
            arrivals=s["arrivals"],
            served=s["served"],
            failed=s["arrivals"] * s["failing"],
            own_failed=s["arrivals"] * s["own"],
            latency_s=s["latency_s"],
            queue_depth=s["queue_depth"],
            queue_age_s=self._ages(),
            up=s["up"],
            originals=e["originals"],
            attempts=e["attempts"],
            ok=e["ok"],
            failures=self.failures,
            in_flight=e["in_flight"],
            waiting=e["waiting"],
            given_up=e["given_up"],
            latency_ok_s=e["round_trip_s"],
            latency_server_s=e["round_trip_s"],
            odds=Odds(
                self.calls, unresolved, c.refused, c.unconnected, e["late"], e["granted"], s["failing"], s["own"]
            ),
        )

    def _ages(self) -> Floats:
        """[T, S] Age of the oldest request that waits: the queues are first in first out."""
        depth, served = self.by_service["queue_depth"], np.cumsum(self.by_service["served"], axis=0)
        ages = np.zeros_like(depth)
        ends_s = self.conditions.tick_s * np.arange(1, len(depth) + 1)
        for s in np.flatnonzero((depth > 1e-6).any(axis=0)):
            # What came in and was not turned away is what was served and what waits.
            came = served[:, s] + depth[:, s]
            ages[:, s] = np.where(depth[:, s] > 1e-6, ends_s - np.interp(served[:, s], came, ends_s), 0.0)
        return ages


def _ticks(seconds: list[float], tick_s: float) -> Indices:
    return np.round(np.array(seconds, dtype=float) / tick_s).astype(np.int64)
