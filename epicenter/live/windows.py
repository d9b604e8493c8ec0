"""Rolling windows: what detectors see of the telemetry that comes in, up to now and so far back as is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb
import msgspec
import pyarrow as pa

from ..collector.model import CALLS, CHANGES, SIGNALS, TEXTS
from ..collector.model import Windows as Seen
from ..collector.otlp.totals import Totals
from ..collector.windows import merge_calls
from ..detectors.analysis import RecordingSummary
from .arrow import compute
from .bounds import Bounds
from .config import Limits, Windows
from .samples import Samples
from .traces import Traces

_MOST_CHANGES = 10_000


@dataclass
class Counts:
    """What was taken in, came too late (by signal), or was too much (by kind), since the start."""

    taken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("spans", "samples", "changes"), 0))
    late: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("spans", "samples", "log_records"), 0))
    overflow: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("service", "edge", "name", "metric"), 0))


class State(msgspec.Struct):
    """The windows as they are, to go on from.

    `replay_from`: the first record of the journal to read again;
    `counted_to`: the last that is counted in it already.
    """

    window_s: int
    replay_from: int
    counted_to: int
    traces_until_ns: int
    samples_until_s: int
    tables: dict[str, bytes]


class LiveWindows:
    """Takes tables in from any thread; `observe` and `state` are for one thread alone."""

    def __init__(self, windows: Windows, limits: Limits) -> None:
        self.window_s, self._keep_s, self._rows = windows.window_s, windows.keep_s, windows.rows
        self.counts = Counts()
        self._inbox: list[tuple[int, Mapping[str, pa.Table]]] = []
        self._guard = threading.Lock()
        self._last = 0
        self._totals = Totals(most=limits.series)
        self._traces = Traces(windows.window_s, windows.lateness_s)
        self._samples = Samples(windows.window_s, windows.lateness_s, limits.series)
        self._bounds = Bounds(limits.services, limits.names, limits.edges)
        self._calls: list[pa.Table] = [CALLS.empty_table()]
        self._texts, self._signals, self._changes = (x.empty_table() for x in (TEXTS, SIGNALS, CHANGES))

    def add(self, sequence: int, tables: Mapping[str, pa.Table]) -> None:
        """Take what came in record `sequence` of the journal (0: in none)."""
        with self._guard:
            self._inbox.append((sequence, tables))

    @property
    def closed_until(self) -> float:
        """Unix time before which nothing changes any more."""
        return self._traces.until_ns / 1e9

    def observe(self, now: float) -> tuple[Seen, RecordingSummary]:
        """All whole windows at `now` (Unix seconds); what is too old to be added to is closed."""
        self._take_in(now)
        self._traces.close(now)
        closed, still_open = self._samples.close(now)
        self._signals = pa.concat_tables([self._signals, closed])
        self._forget(now)
        return self._seen(now, still_open)

    def _take_in(self, now: float) -> None:
        with self._guard:
            inbox, self._inbox = self._inbox, []
        for sequence, tables in inbox:
            self._last = max(self._last, sequence)
            for name, rows in self._totals.added_up(tables.items()):
                self.counts.taken[name] = self.counts.taken.get(name, 0) + rows.num_rows
                self._sort(name, rows, sequence)
        more, less, late = self._traces.count(now)
        for part in (more, less):
            calls, folded = self._bounds.folded(part.calls)
            for kind, count in folded.items():
                self.counts.overflow[kind] += max(0, count)
            self._calls.append(calls)
            self._texts = pa.concat_tables([self._texts, part.texts])
        late_samples, too_many = self._samples.take_in(now)
        self.counts.late["spans"] += late["spans"]
        self.counts.late["log_records"] += late["logs"]
        self.counts.late["samples"] += late_samples
        self.counts.overflow["metric"] += too_many

    def _sort(self, name: str, rows: pa.Table, sequence: int) -> None:
        if name == "samples":
            self._samples.add(rows, sequence)
        elif name == "changes":
            self._changes = pa.concat_tables([self._changes, rows.select(CHANGES.names)])
        else:
            self._traces.add(name, rows, sequence)

    def _merged(self) -> pa.Table:
        """All calls in one table; what was taken away altogether is no row."""
        if len(self._calls) > 1:
            calls = merge_calls(self._calls)
            self._calls = [calls.filter(compute.greater(calls["attempts"], 0))]
        return self._calls[0]

    def _forget(self, now: float) -> None:
        """Let the oldest windows go, by time, and by rows."""
        since = int((now - self._keep_s) // self.window_s * self.window_s)
        calls = self._merged()
        windows = calls["window"]  # in order
        if len(windows) > self._rows:
            since = max(since, windows[len(windows) - self._rows].as_py() + self.window_s)
        self._calls = [calls.filter(compute.greater_equal(windows, since))]
        if self._calls[0].num_rows < calls.num_rows:
            self._bounds.restart(self._calls[0])
        self._texts = self._texts.filter(compute.greater_equal(self._texts["window"], since))
        self._signals = self._signals.filter(compute.greater_equal(self._signals["window"], since))
        times = compute.cast(self._changes["Timestamp"], pa.int64())
        self._changes = self._changes.filter(compute.greater_equal(times, since * 10**9))[-_MOST_CHANGES:]

    def _seen(self, now: float, signals: pa.Table) -> tuple[Seen, RecordingSummary]:
        length = self.window_s
        end = int(now // length * length)
        calls = self._merged()
        calls = calls.filter(compute.less(calls["window"], end))
        signals = pa.concat_tables([self._signals, signals])
        signals = signals.filter(compute.less(signals["window"], end))
        starts = [compute.min(table["window"]).as_py() for table in (calls, signals) if table.num_rows]
        start = min(starts, default=end - length)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.register("told", self._texts)
            connection.register("changed", self._changes)
            self._texts = connection.sql(_TEXTS).to_arrow_table().cast(TEXTS)
            changes = connection.execute(_CHANGES, [start, end]).df()
        texts = self._texts.filter(compute.less(self._texts["window"], end))
        seen = Seen(length, start, end, calls.to_pandas(), signals.to_pandas(), changes, texts.to_pandas())
        return seen, self._summary(seen)

    def _summary(self, seen: Seen) -> RecordingSummary:
        taken = self.counts.taken
        services = {*seen.calls["client"].unique(), *seen.calls["server"].unique()} - {""}
        return RecordingSummary(
            from_=float(seen.start),
            to=float(seen.end),
            spans=taken["spans"],
            samples=taken["samples"],
            changes=taken["changes"],
            services=len(services),
            skipped=(),
        )

    def state(self) -> State:
        """What to go on from after a restart, as of the last time that they were observed."""
        firsts = [first for first in (self._traces.first, self._samples.first) if first is not None]
        tables = {
            "calls": self._merged(),
            "texts": self._texts,
            "signals": self._signals,
            "changes": self._changes,
            "samples": self._samples.carried,
        }
        replay_from = min(firsts, default=self._last + 1)
        written = {name: _written(table) for name, table in tables.items()}
        return State(self.window_s, replay_from, self._last, self._traces.until_ns, self._samples.until_s, written)

    def restore(self, state: State, records: Iterable[tuple[int, Mapping[str, pa.Table]]], now: float) -> None:
        """Go on from the state of windows of the same length, and the records from `state.replay_from` on."""
        tables = {name: pa.ipc.open_stream(written).read_all() for name, written in state.tables.items()}
        self._calls, self._texts, self._signals = [tables["calls"]], tables["texts"], tables["signals"]
        self._changes = tables["changes"]
        self._traces.until_ns, self._samples.until_s = state.traces_until_ns, state.samples_until_s
        self._bounds.restart(tables["calls"])
        self._samples.carry(tables["samples"])
        self._last = state.counted_to
        for sequence, rows in records:
            if sequence > state.counted_to:
                self.add(sequence, rows)
                continue
            for name, again in self._totals.added_up(rows.items()):
                if name != "changes":  # all of them are in the state
                    self._sort(name, again, sequence)
        self._traces.keep_again(now)
        self._samples.take_in(now)


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


_TEXTS = """select * exclude (failed), sum(failed)::bigint as failed from told
    group by all having sum(failed) > 0 order by all"""
_CHANGES = """select epoch_ns(Timestamp) / 1e9 as time, * exclude (Timestamp) from (select distinct * from changed)
    where time >= $1 and time < $2 order by time, Kind, Target, Actor, Generation"""
