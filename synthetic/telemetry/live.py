"""A world played live: spans and changes over OTLP, metrics to scrape, at any speed.

The calendar is compressed and the spans are not: what begins at world time t begins on the wall at
start + (t - t0) / speed, and lasts as long as in the world. A span that is sent when it ends in the world may so
carry an end that lies a little ahead on the wall.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry

from ..world.history import Change, History
from .exemplars import Exemplars
from .exposition import WorldMetrics
from .mix import DEFAULT, Mix
from .ready import ReadySpan, ready_spans
from .sdk import Protocol as OtlpProtocol
from .sdk import Sender, Tally
from .spans import SpanSource, span_source

_NS = 1_000_000_000
_CHUNK_SPANS = 6_000
"""Spans drawn at a time, ahead of theirs: enough to draw cheaply, and not so many that drawing makes others late."""
_EARLY_S = 0.02
"""What is due so soon is emitted at once: finer waits would cost more than they tell."""
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


def play(
    history: History,
    *,
    otlp: str,
    registry: CollectorRegistry,
    speed: float,
    spans_per_second: float,
    seed: int,
    clock: Clock,
    protocol: OtlpProtocol = "http/protobuf",
    mix: Mix = DEFAULT,
    until: float | None = None,
    progress: Callable[[float], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Played:
    """Play `history` to its end, or to world time `until`; Ctrl-C ends it cleanly.

    registry: gets the world's metrics, to be served by the caller.
    spans_per_second: of world time; on the wall there are `speed` times as many.
    protocol: how OTLP is spoken. mix: in which dialects the truth is told.
    progress: is told the share of the play that is over, from 0 to 1.
    notice: is told when the receiver stops taking what is sent, and when it does again.
    """
    stop = history.end if until is None else min(until, history.end)
    tally, exemplars = Tally(), Exemplars()
    source = span_source(history, spans_per_second=spans_per_second, seed=seed, mix=mix)
    shown = WorldMetrics(
        history, lambda: history.start + (clock.now() - started) * speed, speed, tally, mix.metrics, exemplars
    )
    sender, down = Sender(otlp, tally, protocol, exemplars.note), False
    started = clock.now()  # after what takes its time, or the first spans were late
    registry.register(shown)
    try:
        with _seldom_collected():
            for due, what in _timetable(source, started, speed, stop):
                if _wait(clock, due) and progress is not None:
                    progress((due - started) * speed / (stop - history.start))
                _send(sender, tally, what, due, clock.now())
                if sender.down is not down and notice is not None:
                    down = sender.down
                    notice(f"{otlp} does not take spans" if down else f"{otlp} takes spans again")
            _wait(clock, started + (stop - history.start) / speed)
        reached = stop
    except KeyboardInterrupt:  # the user's way to end a show: what waits is still sent
        reached = min(stop, history.start + (clock.now() - started) * speed)
    finally:
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
    tally.lag_s = max(tally.lag_s, now - due)
    if now - due > _LATE_S:
        tally.spans += 1
        tally.late += 1
    else:
        sender.span(*what)


def _wait(clock: Clock, due: float) -> bool:
    """Let time pass until it is due; False where it is due already."""
    waited = False
    while (left := due - clock.now()) > _EARLY_S:
        clock.sleep(min(left, _LONGEST_SLEEP_S))
        waited = True
    return waited


_Placed = tuple[ReadySpan, int]
"""A span with its start on the wall, in nanoseconds."""


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
        waiting += _placed(ready_spans(source.draw(ticks)), history.start, started, speed)
        waiting.sort(key=lambda entry: entry[0])
        drawn_until = min(started + ticks.stop * history.tick_s / speed, last)
        ready = sum(due < drawn_until for due, _ in waiting)
        yield from waiting[:ready]
        waiting = waiting[ready:]
    yield from (entry for entry in waiting if entry[0] < last)


def _placed(spans: list[ReadySpan], start: float, started: float, speed: float) -> Iterator[tuple[float, _Placed]]:
    """A span begins, and is sent when it ends, as the compressed calendar says; its duration is its own."""
    zero_ns, world_ns = round(started * _NS), round(start * _NS)
    for span in spans:
        since_ns = span.start_ns - world_ns
        yield started + (since_ns + span.duration_ns) / _NS / speed, (span, zero_ns + round(since_ns / speed))
