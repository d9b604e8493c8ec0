"""A world played live: spans and changes over OTLP, metrics to scrape, at any speed.

The calendar is compressed and the spans are not: what begins at world time t begins on the wall at
start + (t - t0) / speed, and lasts as long as in the world. A span that is sent when it ends in the world may so
carry an end that lies a little ahead on the wall.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry

from ...collector.model import SPANS
from ..world.history import Change, History
from .exemplars import Exemplars
from .exposition import WorldMetrics
from .mix import DEFAULT, Mix
from .ready import ReadyLog, ReadySpan, ready_logs, ready_spans
from .sdk import Sender, Tally
from .spans import SpanSource, span_source
from .target import Protocol as OtlpProtocol
from .target import target_of

_NS = 1_000_000_000
_CHUNK_SPANS = 6_000
"""Spans drawn at a time, ahead of theirs: enough to draw cheaply, and not so many that drawing makes others late."""
_EARLY_S = 0.02
"""What is due so soon is emitted at once: finer waits would cost more than they tell."""
_EXACTLY_S = 0.001
_LONGEST_SLEEP_S = 0.25
_LATE_S = 10.0
"""Spans that this machine cannot send in time are given up, so that the show keeps its pace."""

_ALLOCATIONS = 50_000
"""Between two looks for garbage. Spans come and go by the thousand and hold no cycles."""


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        ...


class WallClock:
    """The real time."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        time.sleep(seconds)


class StoppableClock(WallClock):
    """The real time, until somebody asks to stop: then whoever plays by it is interrupted, and never within a span."""

    def __init__(self) -> None:
        self._player = threading.current_thread()
        self._asked = self._told = False

    def stop(self, *_: object) -> None:
        """Ask to stop, as a handler of signals; to ask again is to insist, whatever is going on."""
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def now(self) -> float:
        """Unix seconds; KeyboardInterrupt, once, where a stop was asked for. Scrapes go on until all is sent."""
        if self._asked and not self._told and threading.current_thread() is self._player:
            self._told = True
            raise KeyboardInterrupt
        return super().now()


@dataclass(frozen=True)
class Played:
    """What came of it.

    spans: that were due; dropped: of these, not delivered. until: the world time reached. lag_s: how late the latest
    span was handed to the SDK.
    """

    spans: int
    dropped: int
    changes: int
    until: float
    lag_s: float


class _WorldTime:
    """The world's time: it moves with the clock from `begin` on, and stands still from `end` on."""

    def __init__(self, clock: Clock, start: float, stop: float, speed: float) -> None:
        self._clock, self._start, self._stop, self._speed = clock, start, stop, speed
        self._began: float | None = None
        self._ended: float | None = None

    def now(self) -> float:
        """Unix seconds of the world."""
        if self._ended is not None:
            return self._ended
        since = 0.0 if self._began is None else self._clock.now() - self._began
        return min(self._stop, self._start + since * self._speed)

    def begin(self) -> float:
        """Let it move, from this moment of the wall on, which is returned."""
        self._began = self._clock.now()
        return self._began

    def end(self, at: float | None = None) -> float:
        """Let it stand still, once, where it is or at a given time; return where it stands."""
        if self._ended is None:
            self._ended = self.now() if at is None else at
        return self._ended


def play(
    history: History,
    *,
    otlp: str,
    registry: CollectorRegistry,
    speed: float,
    spans_per_second: float,
    seed: int,
    clock: Clock,
    protocol: OtlpProtocol | None = None,
    mix: Mix = DEFAULT,
    until: float | None = None,
    progress: Callable[[float], None] = lambda share: None,
    notice: Callable[[str], None] = lambda text: None,
) -> Played:
    """Play `history` to its end, or to world time `until`; Ctrl-C ends it cleanly.

    registry: gets the world's metrics, to be served by the caller.
    spans_per_second: of world time; on the wall there are `speed` times as many.
    protocol: how OTLP is spoken; None: as the URL says. mix: in which dialects the truth is told.
    progress: is told the share of the play that is over, from 0 to 1.
    notice: is told when the receiver does not take what is sent, and when it does again; maybe by another thread.
    UsageError for an `otlp` that is no URL of a receiver.
    """
    stop = history.end if until is None else min(until, history.end)
    tally, exemplars, moment = Tally(), Exemplars(), _WorldTime(clock, history.start, stop, speed)
    sender = Sender(target_of(otlp, protocol), tally, exemplars.note, notice)
    try:
        registry.register(WorldMetrics(history, moment.now, speed, tally, mix.metrics, exemplars))
        source = span_source(history, spans_per_second=spans_per_second, seed=seed, mix=mix)
        sender.look()
        with _seldom_collected():
            started = moment.begin()  # after what takes its time, or the first spans were late
            for due, what in _timetable(source, started, speed, stop):
                if _wait(clock, due):
                    progress((due - started) * speed / (stop - history.start))
                _send(sender, tally, what, due, clock.now())
            _wait(clock, started + (stop - history.start) / speed, _EXACTLY_S)
        moment.end(stop)
    except KeyboardInterrupt:
        pass  # the user's way to end a show: what waits is still sent
    finally:
        reached = moment.end()
        sender.close()
    return Played(tally.spans, tally.dropped, tally.changes, reached, tally.lag_s)


@contextmanager
def _seldom_collected() -> Generator[None]:
    """Spare the collector the world, which stays, and the spans, which end by themselves: a third of all the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _send(sender: Sender, tally: Tally, what: Change | _Placed, due: float, now: float) -> None:
    if isinstance(what, Change):
        sender.change(what, round(due * _NS))
        tally.changes += 1
        return
    told, at_ns = what
    if isinstance(told, ReadyLog):
        sender.log(told, at_ns)
        return
    tally.lag_s = max(tally.lag_s, now - due)
    if now - due > _LATE_S:
        tally.spans += 1
        tally.late += 1
    else:
        sender.span(told, at_ns)


def _wait(clock: Clock, due: float, early_s: float = _EARLY_S) -> bool:
    """Let time pass until it is due; False where it is due already."""
    waited = False
    while (left := due - clock.now()) > early_s:
        clock.sleep(min(left, _LONGEST_SLEEP_S))
        waited = True
    return waited


_Placed = tuple[ReadySpan | ReadyLog, int]
"""A span with its start on the wall, or a log record with its time there, in nanoseconds."""


def _timetable(
    source: SpanSource, started: float, speed: float, stop: float
) -> Iterator[tuple[float, Change | _Placed]]:
    """What is emitted, in order of the wall time at which it is due: a span when it ends, if that is before `stop`."""
    history, last = source.history, started + (stop - source.history.start) / speed
    changes = sorted((change for change in history.changes if change.time < stop), key=lambda change: change.time)
    waiting: list[tuple[float, Change | _Placed]] = [
        (started + (change.time - history.start) / speed, change) for change in changes
    ]
    for ticks in source.chunks(_CHUNK_SPANS):
        if history.start + ticks.start * history.tick_s >= stop:
            break
        drawn = source.draw_encoded(ticks)
        waiting += _placed(ready_spans(drawn.spans.cast(SPANS)), history.start, started, speed)
        waiting += _placed(ready_logs(drawn.logs), history.start, started, speed)
        waiting.sort(key=lambda entry: entry[0])
        drawn_until = min(started + ticks.stop * history.tick_s / speed, last)
        ready = sum(due < drawn_until for due, _ in waiting)
        yield from waiting[:ready]
        waiting = waiting[ready:]
    yield from (entry for entry in waiting if entry[0] < last)


def _placed(
    what: Sequence[ReadySpan | ReadyLog], start: float, started: float, speed: float
) -> Iterator[tuple[float, _Placed]]:
    """A span begins, and is sent when it ends, as the compressed calendar says; its duration is its own."""
    zero_ns, world_ns = round(started * _NS), round(start * _NS)
    for one in what:
        begins_ns, lasts_ns = (one.at_ns, 0) if isinstance(one, ReadyLog) else (one.start_ns, one.duration_ns)
        since_ns = begins_ns - world_ns
        yield started + (since_ns + lasts_ns) / _NS / speed, (one, zero_ns + round(since_ns / speed))
