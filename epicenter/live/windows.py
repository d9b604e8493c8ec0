"""Rolling windows: what detectors see of the telemetry that comes in, up to now and so far back as is kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ..collector.model import CALLS, CHANGES, SIGNALS, TEXTS
from ..collector.model import Windows as Seen
from ..collector.otlp.totals import Totals
from ..collector.windows import merge_calls
from ..detectors.analysis import RecordingSummary
from .bounds import Bounds
from .config import Limits, Windows
from .samples import Samples
from .traces import Counted, Traces

_MOST_CHANGES = 10_000
_PARTS = 16
"""Partials that gather before they are merged into one."""


@dataclass
class Counts:
    """What was taken in, came too late (by signal), or was too much (by kind), since the start."""

    taken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("spans", "samples", "changes"), 0))
    late: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("spans", "samples", "log_records"), 0))
    overflow: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("service", "edge", "name", "metric"), 0))


class State(msgspec.Struct):
    """What is kept of closed windows, to go on from; `replay_from`: the first record of the journal to read again."""

    window_s: int
    replay_from: int
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
        self._calls: list[pa.Table] = []
        self._texts, self._signals, self._changes = (x.empty_table() for x in (TEXTS, SIGNALS, CHANGES))

    def add(self, sequence: int, tables: Mapping[str, pa.Table]) -> None:
        """Take what came in record `sequence` of the journal (0: in none)."""
        with self._guard:
            self._inbox.append((sequence, tables))

    @property
    def closed_until(self) -> float:
        """Unix time before which nothing changes any more."""
        return self._traces.until_ns / 1e9

    def take_in(self, now: float, *, again: bool = False) -> None:
        """Sort what was added. again: it comes from the journal, and was taken in before a restart."""
        with self._guard:
            inbox, self._inbox = self._inbox, []
        for sequence, tables in inbox:
            self._last = max(self._last, sequence)
            for name, rows in self._totals.added_up(tables.items()):
                self.counts.taken[name] = self.counts.taken.get(name, 0) + rows.num_rows
                if name == "samples":
                    self._samples.add(rows, sequence)
                elif name == "changes":
                    self._changes = pa.concat_tables([self._changes, rows.select(CHANGES.names)])
                else:
                    self._traces.add(name, rows, sequence)
        late = self._traces.take_in(now, again=again)
        late_samples, too_many = self._samples.take_in()
        if not again:
            self.counts.late["spans"] += late["spans"]
            self.counts.late["log_records"] += late["logs"]
            self.counts.late["samples"] += late_samples
        self.counts.overflow["metric"] += too_many

    def observe(self, now: float) -> tuple[Seen, RecordingSummary]:
        """All whole windows at `now` (Unix seconds); what is too old to be added to is closed."""
        self.take_in(now)
        closed = self._traces.close(now)
        calls, folded = self._bounds.folded(closed.calls)
        for kind, count in folded.items():
            self.counts.overflow[kind] += count
        self._calls.append(calls)
        if len(self._calls) > _PARTS:
            self._calls = [merge_calls(self._calls)]
        closed_signals, open_signals = self._samples.close(now)
        self._signals = pa.concat_tables([self._signals, closed_signals])
        self._texts = pa.concat_tables([self._texts, closed.texts])
        self._forget(now)
        return self._seen(now, self._traces.provisional(), open_signals)

    def _forget(self, now: float) -> None:
        """Let the oldest windows go, by time, and by rows."""
        since = int((now - self._keep_s) // self.window_s * self.window_s)
        total = sum(calls.num_rows for calls in self._calls)
        if total > self._rows:
            self._calls = [merge_calls(self._calls)]
            windows = self._calls[0]["window"]  # in order
            if len(windows) > self._rows:
                since = max(since, windows[len(windows) - self._rows].as_py() + self.window_s)
        before = sum(calls.num_rows for calls in self._calls)
        self._calls = [calls.filter(pc.greater_equal(calls["window"], since)) for calls in self._calls]
        if before != sum(calls.num_rows for calls in self._calls):
            self._bounds.restart(pa.concat_tables(self._calls))
        self._texts = self._texts.filter(pc.greater_equal(self._texts["window"], since))
        self._signals = self._signals.filter(pc.greater_equal(self._signals["window"], since))
        times = pc.cast(self._changes["Timestamp"], pa.int64())
        self._changes = self._changes.filter(pc.greater_equal(times, since * 10**9))[-_MOST_CHANGES:]

    def _seen(self, now: float, opened: Counted, signals: pa.Table) -> tuple[Seen, RecordingSummary]:
        length = self.window_s
        end = int(now // length * length)
        provisional, _ = self._bounds.folded(opened.calls)
        calls = merge_calls([*self._calls, provisional])
        calls = calls.filter(pc.less(calls["window"], end))
        signals = pa.concat_tables([self._signals, signals])
        signals = signals.filter(pc.less(signals["window"], end))
        starts = [pc.min(table["window"]).as_py() for table in (calls, signals) if table.num_rows]
        start = min(starts, default=end - length)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            for name, rows in (("told", pa.concat_tables([self._texts, opened.texts])), ("changed", self._changes)):
                connection.register(name, rows)
            texts = connection.execute(_TEXTS, [end]).df()
            changes = connection.execute(_CHANGES, [start, end]).df()
        seen = Seen(length, start, end, calls.to_pandas(), signals.to_pandas(), changes, texts)
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
        """What to go on from after a restart."""
        self._calls = [merge_calls(self._calls)]
        firsts = [first for first in (self._traces.first, self._samples.first) if first is not None]
        tables = {
            "calls": self._calls[0],
            "texts": self._texts,
            "signals": self._signals,
            "changes": self._changes,
            "samples": self._samples.carried,
        }
        replay_from = min(firsts, default=self._last + 1)
        written = {name: _written(table) for name, table in tables.items()}
        return State(self.window_s, replay_from, self._traces.until_ns, self._samples.until_s, written)

    def restore(self, state: State) -> None:
        """Go on from a state of windows of the same length."""
        tables = {name: pa.ipc.open_stream(written).read_all() for name, written in state.tables.items()}
        self._calls, self._texts, self._signals = [tables["calls"]], tables["texts"], tables["signals"]
        self._changes = tables["changes"]
        self._traces.until_ns, self._samples.until_s = state.traces_until_ns, state.samples_until_s
        self._samples.carry(tables["samples"])
        self._bounds.restart(tables["calls"])
        self._last = state.replay_from - 1


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


_TEXTS = """select * exclude (failed), sum(failed)::bigint as failed from told where "window" < $1
    group by all order by all"""
_CHANGES = """select epoch_ns(Timestamp) / 1e9 as time, * exclude (Timestamp) from (select distinct * from changed)
    where time >= $1 and time < $2 order by time, Kind, Target, Actor, Generation"""
