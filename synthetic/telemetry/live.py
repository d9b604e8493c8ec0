"""A world played live: spans and changes over OTLP, metrics to scrape, at any speed.

The calendar is compressed and the spans are not: what begins at world time t begins on the wall at
start + (t - t0) / speed, and lasts as long as in the world. A span that is sent when it ends in the world may so
carry an end that lies a little ahead on the wall.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from prometheus_client import CollectorRegistry

from ...collector.model import ATTRIBUTES, SPANS
from ..world.history import Change, History
from .exemplars import Exemplars
from .exposition import WorldMetrics
from .mix import DEFAULT, Mix
from .sdk import Protocol as OtlpProtocol
from .sdk import Sender, Tally
from .spans import SpanSource, span_source

_NS = 1_000_000_000
_CHUNK_SPANS = 2_000
"""Spans drawn ahead of their time: a second or two at the greatest speeds."""
_EARLY_S = 0.02
"""What is due so soon is emitted at once: finer waits would cost more than they tell."""
_LONGEST_SLEEP_S = 0.25
_LATE_S = 10.0
"""Spans that this machine cannot send in time are given up, so that the show keeps its pace."""


_EVENT_IN_NS = pa.struct([("Timestamp", pa.int64()), ("Name", pa.string()), ("Attributes", ATTRIBUTES)])
_IN_NS = pa.schema(SPANS.set(0, pa.field("Timestamp", pa.int64())).set(12, pa.field("Events", pa.list_(_EVENT_IN_NS))))
"""SPANS with times as plain numbers, which Python's own types would cut to microseconds."""


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
    tally, started, exemplars = Tally(), clock.now(), Exemplars()
    registry.register(
        WorldMetrics(
            history, lambda: history.start + (clock.now() - started) * speed, speed, tally, mix.metrics, exemplars
        ),
    )
    source = span_source(history, spans_per_second=spans_per_second, seed=seed, mix=mix)
    sender, down, over = Sender(otlp, tally, protocol), False, False
    try:
        for due, what in _timetable(source, started, speed, stop):
            if _wait(clock, due) and progress is not None:
                progress((due - started) * speed / (stop - history.start))
            _send(sender, tally, exemplars, what, due, clock.now())
            if sender.down is not down and notice is not None:
                down = sender.down
                notice(f"{otlp} does not take spans" if down else f"{otlp} takes spans again")
        _wait(clock, started + (stop - history.start) / speed)
        over = True
    except KeyboardInterrupt:
        pass  # the user's way to end a show: what waits is still sent
    finally:
        reached = stop if over else min(stop, history.start + (clock.now() - started) * speed)
        sender.close()
    return Played(tally.spans, tally.dropped, tally.changes, reached, tally.lag_s)


def _send(sender: Sender, tally: Tally, exemplars: Exemplars, what: Change | _Placed, due: float, now: float) -> None:
    if isinstance(what, Change):
        sender.change(what, round(due * _NS))
        tally.changes += 1
        return
    tally.spans += 1
    tally.lag_s = max(tally.lag_s, now - due)
    if now - due > _LATE_S:
        tally.late += 1
    else:
        sender.span(what.row, what.start_ns)
        exemplars.note(what.row, now)


def _wait(clock: Clock, due: float) -> bool:
    """Let time pass until it is due; False where it is due already."""
    waited = False
    while (left := due - clock.now()) > _EARLY_S:
        clock.sleep(min(left, _LONGEST_SLEEP_S))
        waited = True
    return waited


@dataclass(frozen=True)
class _Placed:
    """A row of SPANS with its start on the wall."""

    row: dict[str, Any]
    start_ns: int


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
        waiting += _place(source.draw(ticks), history.start, started, speed)
        waiting.sort(key=lambda entry: entry[0])
        drawn_until = min(started + ticks.stop * history.tick_s / speed, last)
        ready = sum(due < drawn_until for due, _ in waiting)
        yield from waiting[:ready]
        waiting = waiting[ready:]
    yield from (entry for entry in waiting if entry[0] < last)


def _place(table: pa.Table, start: float, started: float, speed: float) -> Iterator[tuple[float, _Placed]]:
    """A span begins, and is sent when it ends, as the compressed calendar says; its duration is its own."""
    zero_ns, start_ns = round(started * _NS), round(start * _NS)
    for row in table.cast(_IN_NS).to_pylist():
        since_ns = row["Timestamp"] - start_ns
        due = started + (since_ns + row["Duration"]) / _NS / speed
        yield due, _Placed(row, zero_ns + round(since_ns / speed))
