"""Windows as they come, in order or late: the same analysis as in batch, made only where there is something to explain.

Each step the gates on what users meet take in what is new and no more. While users fail or wait, while scrapes of most
targets fail, until what was found is over and settled, and when changes tell of what may come before harm, all windows
that are kept are analyzed as a recording of them is.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, MutableMapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ..collector.edges import joined
from ..collector.errors import UsageError
from ..collector.model import LATENCY_COLUMNS, Versions, Windows
from ..collector.versions import last_heard, seen_from
from .analysis import Analysis, Incident, RecordingSummary
from .base import HORIZON
from .cusum import IDLE
from .diagnosis import analyze
from .gate import entered
from .grouping import LEADING
from .lasting import Lasting
from .levels import Levels
from .metric_calls import tell_of_users, with_metric_calls
from .order import end_to_end
from .registry import DETECTORS
from .releases import told_by_metrics
from .running_gate import RunningGate
from .series import Flags
from .telemetry_silence import MOST as MOST_DOWN
from .telemetry_silence import targets_down

LOOK_BACK = 360
"""Windows before an incident from which is learned what is usual: an hour of windows of ten seconds."""

MOST = 8640
"""Windows that are kept while an incident lasts, at the most: a day of windows of ten seconds."""

CONTEXT = 20
"""Windows before a new one that tell who sends spans and who calls whom, so what its counters are about."""

SETTLED = HORIZON + IDLE
"""Windows after its end in which a loop may still join an incident, and show that it did."""

_PARTS = 16
"""Steps whose rows gather before they are laid together."""


class _Versions:
    """When versions of services were seen first (the window), and last (until when)."""

    def __init__(self) -> None:
        self.first, self.last = dict[tuple[str, str], int](), dict[tuple[str, str], int]()

    def take(self, told: Versions, until: int) -> None:
        """Take in those that were seen in some windows before `until`, with the first window of each."""
        self.first.update({what: min(window, self.first.get(what, window)) for what, window in told.items()})
        self.last.update({what: max(until, self.last.get(what, until)) for what in told})

    def keep(self, services: Collection[str]) -> None:
        """Forget those of other services, and what of one is too much."""
        self.last = last_heard(self.last, services)
        self.first = {what: self.first[what] for what in self.last}


class Watcher:
    """Follows an estate window by window; its memory is that of the windows that it keeps.

    window_s: length of the windows. look_back, most: windows that are kept in calm weather, and in all. rows: of calls
    that are kept at the most; the oldest windows go first.
    """

    def __init__(self, window_s: int, look_back: int = LOOK_BACK, most: int = MOST, rows: int | None = None) -> None:
        self._window_s, self._look_back, self._most, self._rows = window_s, look_back, most, rows
        self._parts: list[Windows] = []
        self._by_spans, self._by_metrics = _Versions(), _Versions()
        self._origin = self._end = 0
        self._gates = (
            RunningGate("failed", "entries"),
            RunningGate("waited_s", "timed", Levels.over(0)),
        )
        self._incidents: tuple[Incident, ...] = ()
        self._lasting = Lasting(window_s)
        self._warned: list[tuple[str, str, float, float | None]] = []
        self._past: MutableMapping[str, object] = {}

    @property
    def kept(self) -> int:
        """How many windows are kept."""
        return (self._end - min((part.start for part in self._parts), default=self._end)) // self._window_s

    def step(self, fresh: Windows, summary: RecordingSummary, *, anyway: bool = False) -> Analysis | None:
        """Take in new windows or late ones, and explain what goes on: as `analyze` does all that is kept.

        None where nothing goes on and nothing has ended lately; what was said last of earlier incidents then stands.
        fresh: all there is of the windows from `fresh.start` until `fresh.end`; it replaces what was told of them.
        anyway: analyze also where nothing goes on, which tells of blind spots.
        Raises UsageError for windows of another length.
        """
        if fresh.window_s != self._window_s:
            raise UsageError(f"windows of {fresh.window_s} s came where those of {self._window_s} s are watched")
        self._take(fresh)
        near = self._laid_together(fresh.start - CONTEXT * self._window_s, fresh.end)
        suspicious = self._users_meet(near, fresh) or bool((targets_down(near) > MOST_DOWN).any())
        warned_anew = self._warned_anew(near)
        if not (anyway or suspicious or warned_anew or self._unsettled()):
            if len(self._parts) > _PARTS or self._too_many():
                self._forget()
            self._past.clear()
            return None
        kept = self._forget()
        past = ChainMap({}, self._past)
        analysis = analyze(replace(kept, past=past).with_edges(kept.edges), summary)
        self._past = past.maps[0]  # what this analysis did not ask for again is let go
        analysis = self._with_lasting(analysis, kept)
        self._incidents = analysis.incidents
        return analysis

    def _with_lasting(self, analysis: Analysis, kept: Windows) -> Analysis:
        """The analysis, and in it as it was told last what goes on for longer than windows are kept."""
        if kept.start > self._origin:  # else there was nothing to keep before that
            self._lasting.hold(self._incidents, analysis, kept.start + CONTEXT * self._window_s)
        if not self._lasting.holds:
            return analysis
        self._lasting.tell(self._over(kept), self._end)
        self._lasting.forget(self._end - SETTLED * self._window_s)
        return self._lasting.joined(analysis)

    def _over(self, kept: Windows) -> float | None:
        """Since when, in Unix seconds, users meet nothing, and most targets are scraped; None while that is not so."""
        last = between(kept, max(kept.start, self._end - CONTEXT * self._window_s), self._end)
        if any(gate.open for gate in self._gates) or targets_down(last)[-1] > MOST_DOWN:
            return None
        ends = [gate.over for gate in self._gates if gate.over is not None]
        return self._origin + max(ends, default=self._number(self._end) - 1) * self._window_s

    def _take(self, fresh: Windows) -> None:
        if not self._parts:
            self._origin = self._end = fresh.start
        read = [name for name in fresh.calls.columns if name not in LATENCY_COLUMNS]
        self._by_spans.take(fresh.versions, fresh.end)
        self._by_metrics.take(told_by_metrics(fresh), fresh.end)
        earlier = (_outside(part, fresh.start, fresh.end) for part in self._parts)
        self._parts = [*earlier, between(replace(fresh, calls=fresh.calls[read], versions={}), fresh.start, fresh.end)]
        self._end = max(self._end, fresh.end)

    def _users_meet(self, near: Windows, fresh: Windows) -> bool:
        """Whether users fail or wait in the fresh windows, or do so after them, now that these are known."""
        seen = with_metric_calls(near) if tell_of_users(near) else near
        rows = entered(between(seen, fresh.start, fresh.end))
        rows = rows.assign(window=(rows["window"] - self._origin) // self._window_s)
        first, after = self._number(fresh.start), self._number(fresh.end)
        told = [gate.tell(first, after, rows) for gate in self._gates]
        return any(told)

    def _warned_anew(self, near: Windows) -> bool:
        """Whether the changes that are kept tell of other things that may come before harm than they last did."""
        before = self._warned
        if len(near.changes) or before:
            changes = _laid([part.changes for part in self._parts])
            told = replace(near, start=min(part.start for part in self._parts), changes=changes)
            found = [f for name in sorted(LEADING) for f in DETECTORS[name](told)]
            self._warned = [(f.kind, f.component, f.started_at, f.ended_at) for f in found]
        return self._warned != before

    def _unsettled(self) -> bool:
        """Whether something that was found goes on, or may come back as a loop."""
        since = self._end - SETTLED * self._window_s
        return any(i.ended_at is None or i.ended_at > since for i in self._incidents)

    def _forget(self) -> Windows:
        """Keep what is worth it, laid together, and return it."""
        since = self._end - self._look_back * self._window_s
        begun = [i.started_at for i in self._incidents if i.ended_at is None or i.ended_at > since]
        if begun and self._unsettled():
            since = min(since, int(min(begun) // self._window_s - self._look_back) * self._window_s)
        most = self._end - self._most * self._window_s
        since = max(since, most, self._since_too_many(), int(self._lasting.settled(self._end)))
        kept = self._laid_together(since, self._end)
        self._parts = [kept]
        for gate in self._gates:
            gate.forget(self._number(kept.start))
        self._by_spans.keep(kept.edges.services)
        self._by_metrics.keep({who for (who, _), at in self._by_metrics.last.items() if at > kept.start})
        told = {service for service, _ in self._by_spans.first}
        counted = {what: at for what, at in self._by_metrics.first.items() if what[0] not in told}
        versions = seen_from({**counted, **self._by_spans.first}, kept.start)
        return replace(kept, versions=versions).with_edges(kept.edges)

    def _too_many(self) -> bool:
        """Whether there are more rows of calls than may be kept."""
        return self._rows is not None and sum(len(part.calls) for part in self._parts) > self._rows

    def _since_too_many(self) -> int:
        """The time before which the rows of calls are too many; the newest window stays in any case."""
        if self._rows is None or not self._too_many():
            return 0
        windows = np.sort(np.concatenate([part.calls["window"].to_numpy(np.int64) for part in self._parts]))
        return min(int(windows[-self._rows - 1]) + self._window_s, int(windows[-1]))

    def _laid_together(self, start: int, end: int) -> Windows:
        """What was told from `start` on, as far as anything was, until `end`."""
        start = max(start, min(part.start for part in self._parts))
        near = [part for part in self._parts if part.start < end and part.end > start]
        parts = [p if start <= p.start and p.end <= end else between(p, start, end) for p in near]

        together = Windows(
            window_s=self._window_s,
            start=start,
            end=end,
            calls=_laid([part.calls for part in parts]),
            signals=_laid([part.signals for part in parts]),
            changes=_laid([part.changes for part in parts]),
            texts=_laid([part.texts for part in parts]),
        )
        called = [part.edges for part in parts if len(part.calls)]
        return together.with_edges(joined(called)) if called else together

    def _number(self, time: int) -> int:
        return (time - self._origin) // self._window_s


def _laid(frames: list[pd.DataFrame]) -> pd.DataFrame:
    told = [rows for rows in frames if len(rows)]
    return end_to_end(told) if told else frames[-1]


def between(windows: Windows, start: int, end: int) -> Windows:
    """The windows from `start` until `end` (Unix seconds, multiples of the window length) alone."""
    return _picked(windows, start, end, inside=True)


def _outside(windows: Windows, start: int, end: int) -> Windows:
    """The same windows with nothing told of those from `start` until `end`."""
    if windows.end <= start or windows.start >= end:
        return windows
    return _picked(windows, start, end, inside=False)


def _picked(windows: Windows, start: int, end: int, *, inside: bool) -> Windows:
    def mine(rows: pd.DataFrame, time: str = "window") -> Flags:
        at = rows[time].to_numpy()
        return ((at >= start) & (at < end)) == inside

    def pick(rows: pd.DataFrame, some: Flags) -> pd.DataFrame:
        return rows if some.all() else rows[some]

    calls = mine(windows.calls)
    first, last = (start, end) if inside else (windows.start, windows.end)
    known = {what: window for what, window in windows.versions.items() if window < end}
    picked = Windows(
        window_s=windows.window_s,
        start=first,
        end=last,
        calls=pick(windows.calls, calls),
        signals=pick(windows.signals, mine(windows.signals)),
        changes=pick(windows.changes, mine(windows.changes, "time")),
        texts=pick(windows.texts, mine(windows.texts)),
        versions=seen_from(known, first) if inside else windows.versions,
    )
    if "edges" not in vars(windows):
        return picked
    return picked.with_edges(windows.edges if calls.all() else windows.edges.picked(calls))
