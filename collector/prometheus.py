"""A Prometheus-compatible server -> samples: Prometheus, Mimir, Thanos, VictoriaMetrics, by `/api/v1/query_range`.

Only names that the concept table knows are asked for. All calls block: a server with an event loop gives them a
thread. Source: Prometheus' HTTP API v1, whose limit is 11,000 points a series and answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from .columns import EARLIEST_NS, LATEST_NS, maps
from .concepts import CONCEPTS, concepts_of
from .errors import Refused, UsageError
from .model import SAMPLES
from .promapi import DELAY_S, Series, Server

MAX_POINTS = 5_000
"""Points of a series in one answer: below the 11,000 that servers allow, and some MB an answer."""

STEPS_S = ((2 * 3600, 15), (6 * 3600, 30))
"""Up to a length of time, how far apart the points are that are asked for; beyond, 60 s: Prometheus' own default."""

FIND_AGAIN_S = 600.0
ASK_AGAIN_S = 300.0
"""So long a time without any point of a name is asked for again: it may have come late. As long as Prometheus repeats a
series that has ended; of one that ended longer ago nothing is expected."""
CATCH_UP_S = 3600.0
"""How far back a poll goes for what earlier ones could not get."""


@dataclass(frozen=True)
class Found:
    """Names of the server's metrics that are read, and concepts of the table of which it has none."""

    names: tuple[str, ...]
    missing: tuple[str, ...]


def step_for(length_s: float) -> int:
    """How far apart the points are that are asked for over so long a time; seconds."""
    return next((step for most, step in STEPS_S if length_s <= most), 60)


class Prometheus:
    """Reads one server's samples; used from one thread at a time.

    troubles: a sentence for each thing that the last reading could not get, or got in part.
    """

    def __init__(
        self,
        server: Server,
        *,
        own_names: Mapping[str, str] | None = None,
        since_s: float = 0.0,
        max_points: int = MAX_POINTS,
        sleep: Callable[[float], None] = time.sleep,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """own_names: metric of yours -> known metric that it is read as; UsageError where nobody knows the latter.

        since_s: how far back the first poll of a name goes. stopped: asked between two names whether a poll is to end.
        """
        self._server, self._own, self._sleep = server, dict(own_names or {}), sleep
        self._max_points, self._stopped = max_points, stopped
        self._since_s, self._back_s = since_s, max(since_s, CATCH_UP_S)
        for own, known in self._own.items():
            if not concepts_of(known):
                raise UsageError(f"{own} cannot be read as {known}: no concept knows that name")
        self._found, self._found_at = Found((), ()), float("-inf")
        self._good: dict[str, int] = {}
        self.troubles: tuple[str, ...] = ()

    def find(self, start: float, end: float) -> Found:
        """The known names that the server has between two moments in Unix seconds; Refused where it does not say."""
        have = self._server.names(start, end)
        names = tuple(sorted(name for name in have if concepts_of(self._own.get(name, name))))
        told = {concept.name for name in names for concept in concepts_of(self._own.get(name, name))}
        return Found(names, tuple(sorted({concept.name for concept in CONCEPTS} - told)))

    def read(self, start: float, end: float, step_s: int) -> Iterator[pa.Table]:
        """All samples of known names from `start` to `end` (Unix seconds, both included), a name at a time.

        What one name's samples cannot be had for stands in `troubles`; Refused where no name can be asked for.
        """
        self.troubles = ()
        first, last = -int(-start // step_s) * step_s, int(end // step_s) * step_s
        for name in self.find(start, end).names:
            yield from self._read_name(name, first, last, step_s)

    def poll(self, now: float, step_s: int) -> Iterator[pa.Table]:
        """What is new since the last poll, up to `now` in Unix seconds; the first one takes the last step at least.

        A name that fails is caught up with at the next poll, from the last good time on. Refused where the server
        cannot be asked for its names.
        """
        self.troubles = ()
        if now - self._found_at >= FIND_AGAIN_S:
            self._found, self._found_at = self.find(now - self._back_s, now), now
        last = int((now - DELAY_S) // step_s) * step_s
        earliest = -int(-(now - self._back_s) // step_s) * step_s
        begin = min(last, -int(-(now - self._since_s) // step_s) * step_s)
        for name in self._found.names:
            if self._stopped():
                return
            first = self._good.get(name, begin - step_s) + step_s
            if first < earliest:
                self._note(f"{name}: what is older than {self._back_s / 60:.0f} min is not caught up with")
            yield from self._read_name(name, max(first, earliest), last, step_s)

    def known(self) -> Found:
        """What the last poll found."""
        return self._found

    def _read_name(self, name: str, first: int, last: int, step_s: int) -> Iterator[pa.Table]:
        points, at = self._max_points, first
        while at <= last:
            end = min(last, at + (points - 1) * step_s)
            try:
                series, warnings = self._server.query_range(_selector(name), at, end, step_s, self._sleep)
            except Refused as error:
                if error.too_much and end > at:
                    points = max(1, (end - at) // step_s // 2)
                    continue
                self._note(f"{name}: {error}")
                return
            for warning in warnings:
                self._note(f"{name}: answered in part ({warning})")
            self._good[name] = max(_newest(series, end, step_s), self._good.get(name, 0))
            if series:
                try:
                    yield _table(self._own.get(name, name), series)
                except ValueError as error:
                    self._note(f"{name}: is left out, since {error}")
            at = end + step_s

    def _note(self, sentence: str) -> None:
        if sentence not in self.troubles:
            self.troubles = (*self.troubles, sentence)


def _newest(series: list[Series], end: int, step_s: int) -> int:
    """The step of the newest point in an answer up to `end`; where that is ASK_AGAIN_S ago or there is none, then."""
    newest = max((at for one in series for at, _ in one.values), default=0.0)
    return max(int(min(newest, end) // step_s) * step_s, end - int(ASK_AGAIN_S // step_s) * step_s)


def _selector(name: str) -> str:
    return "{__name__=" + json.dumps(name, ensure_ascii=False) + "}"


def _nanos(at: float) -> int:
    """Of Unix seconds, to the millisecond."""
    if not EARLIEST_NS <= at * 1e9 < LATEST_NS:
        raise ValueError(f"{at:g} is not a time in seconds between the years 2000 and 2100")
    return round(at * 1000) * 10**6


def _value(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"the value {text!r} is no number") from None


def _table(name: str, series: list[Series]) -> pa.Table:
    """Rows with the schema SAMPLES; ValueError where a time or a value is none."""
    labels = [
        tuple(sorted((key, value) for key, value in one.metric.items() if key != "__name__" and value))
        for one in series
    ]
    which = [number for number, one in enumerate(series) for _ in one.values]
    times = [_nanos(at) for one in series for at, _ in one.values]
    values = [_value(value) for one in series for _, value in one.values]
    columns = {
        "Timestamp": pa.array(times, SAMPLES.field("Timestamp").type),
        "Name": pa.array([name] * len(times), pa.string()),
        "Labels": maps(labels).take(pa.array(which, pa.int32())).cast(SAMPLES.field("Labels").type),
        "Value": pa.array(values, pa.float64()),
    }
    return pa.table(columns, schema=SAMPLES)
