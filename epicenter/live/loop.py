"""The running analysis: at the end of each window, and within it, off the event loop; and what is kept on disk.

Each look counts what has come and hands the windows that have changed to a `Watcher`, which analyzes only where
something goes on; so a look in calm weather costs what is new, however much is kept.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ..collector.errors import EpicenterError
from ..collector.model import Windows
from ..detectors.analysis import SCHEMA, Analysis, BlindSpot, EarlyWarning, RecordingSummary
from ..detectors.online import Watcher
from .core import Core
from .edges import Edge, Failures, busiest
from .feed import Feed, Snapshot
from .guard import MemoryGuard
from .incidents import Incidents
from .memory import trim
from .metrics import Metrics
from .state import State
from .store import Store
from .troubles import Troubles
from .windows import LiveWindows, Work

_T = TypeVar("_T")

LOG = logging.getLogger(__name__)

_TICK_S = 15
"""Between two looks, at the most: late spans may change what was said of the last window."""
_WHOLE_EVERY_S = 600
"""Between two analyses of all that is kept where nothing goes on: what the data cannot show changes slowly."""
_COUNT_EVERY_S = 0.5
_AHEAD_S = 1.0
"""Before a look what has come by then is counted, so that the look has little to count and is over sooner."""
_WORTH_ROWS = 10_000
"""Of fewer, counting is mostly the planning of its statements."""
_KEEP_EVERY_S = 15.0
_MEASURE_EVERY_S = 1.0


def next_look(now: float, window_s: int, took: float) -> float:
    """When to look again (Unix seconds), where the last look ended at `now` and took so many seconds.

    At the end of each window and at least once within it, but no more than half of the time: a great estate would
    leave nothing for the intake.
    """
    tick = window_s / max(2, math.ceil(window_s / _TICK_S))
    return max(math.floor(now / tick + 1) * tick, now + took)


class Loop:
    """Looks at the windows again and again, publishes what it finds, and keeps what must be kept.

    clock: Unix seconds. monotonic: seconds that never go back.
    """

    def __init__(
        self,
        windows: LiveWindows,
        store: Store,
        core: Core,
        incidents: Incidents,
        feed: Feed,
        metrics: Metrics,
        guard: MemoryGuard,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._windows, self._store, self._core, self._incidents = windows, store, core, incidents
        self._feed, self._metrics, self._guard = feed, metrics, guard
        self._clock, self._monotonic = clock, monotonic
        self._failures = Failures(since=clock() - windows.window_s)
        self._watcher = Watcher(windows.window_s, rows=windows.rows)
        self._edges: list[Edge] = []
        self._blind: tuple[BlindSpot, ...] = ()
        self._warnings: tuple[EarlyWarning, ...] = ()
        self._whole_at = -math.inf
        self._look_at = math.inf
        self._read_all = False
        self._began = monotonic()
        self._thread = ThreadPoolExecutor(1, "analysis")  # of the windows alone
        self._disk = ThreadPoolExecutor(1, "store")
        self._folding = ThreadPoolExecutor(1, "folding")  # may take minutes, which the windows must not wait for
        self._told_late = dict.fromkeys(windows.counts.late, 0)
        self._told_undecoded = 0
        self._told_overflow = dict.fromkeys(windows.counts.overflow, 0)
        self._keeping = Troubles(LOG.error, "The windows can be kept again.")
        self._measuring = Troubles(LOG.error, "Memory and disk can be measured again.")
        self._writing = Troubles(LOG.error, "Recordings can be written again.")

    async def restore(self) -> None:
        """Go on where an earlier run stopped; incidents that were open then are shown at once."""
        await self._show(self._incidents.snapshot(self._clock(), self._windows.window_s), [])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._read_back)

    def _read_back(self) -> None:
        state = self._store.read_state(self._windows.window_s)
        records = self._store.replay(state.replay_from if state is not None else 0)
        if state is not None:
            self._windows.restore(state, records, self._clock(), self._counted)
        else:
            self._windows.replay(records, self._clock(), self._counted)
        self._read_all = True

    def _counted(self, work: Work) -> bool:
        """Whether some of what is read back could be counted; where not, the next look tries to."""
        return self._attempted(lambda: (work(), trim())) is not None

    async def look_for_ever(self) -> None:
        """Analyze at once, for what was read back, then at the end of each window and some times within it."""
        took = await self.look()
        while True:
            now = self._clock()
            self._look_at = next_look(now, self._windows.window_s, took)
            await asyncio.sleep(self._look_at - now)
            took = await self.look()

    async def count_for_ever(self) -> None:
        """Count what has come between two looks where that is much, and shortly before a look."""
        ahead_of = 0.0
        while True:
            await asyncio.sleep(_COUNT_EVERY_S)
            while self._windows.inbox.due and await self._tried(self._gather, self._thread):
                pass
            look_at = self._look_at
            if ahead_of < look_at <= self._clock() + _AHEAD_S and self._windows.inbox.uncounted >= _WORTH_ROWS:
                ahead_of = look_at
                await self._tried(self._count, self._thread)

    def _gather(self) -> bool:
        self._windows.gather(self._clock())
        trim()
        return True

    def _count(self) -> bool:
        self._windows.take_in(self._clock())
        trim()  # or what one count took and the next takes elsewhere adds up to hundreds of MB
        return True

    async def look(self) -> float:
        """Analyze what there is now and publish it; the seconds that it took."""
        found = await self._tried(self._look, self._thread)
        self._metrics.analysis_duration.observe(self._monotonic() - self._began)
        if found is None:
            self._watcher = Watcher(self._windows.window_s, rows=self._windows.rows)
            self._windows.tell_again()
        else:
            self._metrics.analysis_success.set(self._clock())
            await self._show(*found)
        await self._tried(self._let_go, self._thread)  # nobody waits for it any more
        return self._monotonic() - self._began

    def _let_go(self) -> None:
        self._windows.let_go(self._clock())
        trim()

    def _look(self) -> tuple[Snapshot, list[Edge]]:
        self._began = self._monotonic()  # here, since a look may have to wait for a count
        now = self._clock()
        fresh, summary = self._windows.look(now)
        if fresh.start < fresh.end:
            self._failures.update(fresh, self._windows.closed_until)
            self._edges = busiest(fresh)
            analysis = self._explained(fresh, summary, now)
            return self._incidents.update(analysis, float(fresh.end), fresh.window_s), self._edges
        return self._incidents.snapshot(float(fresh.end), fresh.window_s, self._blind, self._warnings), self._edges

    def _explained(self, fresh: Windows, summary: RecordingSummary, now: float) -> Analysis:
        """What goes on; nothing does where the watcher has nothing to say."""
        told = len(fresh.calls) + len(fresh.signals) > 0
        whole = told and now >= self._whole_at + _WHOLE_EVERY_S
        analysis = self._watcher.step(fresh, summary, anyway=whole)
        if analysis is None:
            return Analysis(
                schema=SCHEMA, recording=summary, incidents=(), blind_spots=self._blind, warnings=self._warnings
            )
        self._blind, self._warnings, self._whole_at = analysis.blind_spots, analysis.warnings, now
        return analysis

    async def _show(self, snapshot: Snapshot, edges: list[Edge]) -> None:
        self._metrics.state.show(snapshot, edges, self._failures.shown())
        await self._feed.publish(snapshot)

    async def measure_for_ever(self) -> None:
        """Tell of memory, disk and lag every second."""
        while True:
            self.measure()
            await asyncio.sleep(_MEASURE_EVERY_S)

    def measure(self) -> None:
        """Tell of memory, disk and lag; what the system does not tell is said, and counted as a failure."""
        self._measure_windows()
        trouble = ""
        try:
            self._measure_system()
        except OSError as error:
            self._metrics.analysis_failures.inc()
            trouble = f"memory and disk cannot be measured ({error})"
        self._measuring.tell(_again(trouble))

    def _measure_system(self) -> None:
        self._guard.measure()
        self._core.look_at_disk(self._store.free_bytes())
        size, files = self._store.wal_size()
        self._metrics.wal_bytes.set(size)
        self._metrics.wal_segments.set(files)

    def _measure_windows(self) -> None:
        self._metrics.waiting_rows.set(self._windows.uncounted)
        length = self._windows.window_s
        closed = self._windows.closed_until
        lag = self._clock() - closed // length * length if closed else 0.0
        self._metrics.watermark_lag.set(max(0.0, lag))
        counts = self._windows.counts
        undecoded, self._told_undecoded = counts.undecoded - self._told_undecoded, counts.undecoded
        self._metrics.analysis_failures.inc(undecoded)
        for counter, now, told in (
            (self._metrics.late, counts.late, self._told_late),
            (self._metrics.overflow, counts.overflow, self._told_overflow),
        ):
            for name, count in now.items():
                counter.labels(name).inc(count - told[name])
                told[name] = count

    async def keep_for_ever(self) -> None:
        """Keep the closed windows every few seconds; what the journal need not hold any more goes into recordings."""
        async with asyncio.TaskGroup() as group:
            folding: asyncio.Task[None] | None = None
            while True:
                await asyncio.sleep(_KEEP_EVERY_S)
                kept = await self.keep()
                if kept is not None and (folding is None or folding.done()):
                    folding = group.create_task(self._fold(kept))

    async def keep(self) -> int | None:
        """Keep the closed windows; the first record of the journal that is needed beside them, None where it failed."""
        state = await self._tried(self._state, self._thread)
        if state is None or not await self._stored(partial(self._store.write_state, state), self._disk, self._keeping):
            return None
        return state.replay_from

    def _state(self) -> State | None:
        """None before all was read back: what was kept by the run before says more."""
        return self._windows.state() if self._read_all else None

    async def _fold(self, before: int) -> None:
        def fold() -> None:
            self._store.fold(before)
            self._store.retain(self._clock())

        await self._stored(fold, self._folding, self._writing)

    async def _stored(self, work: Callable[[], None], thread: ThreadPoolExecutor, troubles: Troubles) -> bool:
        """Whether something could be written; where the disk is full, say, that is told, and the journal holds it."""

        def trouble() -> str:
            try:
                work()
            except EpicenterError as error:
                return str(error)
            return ""

        told = await self._tried(trouble, thread)
        if told is not None:
            troubles.tell(_again(told))
        return told == ""

    async def _tried(self, work: Callable[[], _T], thread: ThreadPoolExecutor) -> _T | None:
        """What `work` gives in the thread; None where it failed, which is told and ends nothing."""
        return await asyncio.get_running_loop().run_in_executor(thread, partial(self._attempted, work))

    def _attempted(self, work: Callable[[], _T]) -> _T | None:
        """The same in this thread."""
        try:
            return work()
        except Exception:
            self._metrics.analysis_failures.inc()
            LOG.exception("an analysis failed, which is a bug of Epicenter's; the server goes on")
            return None

    async def stop(self) -> None:
        """Keep the windows for the next run, and let the threads go."""
        await self.keep()
        for thread in (self._thread, self._disk, self._folding):
            thread.shutdown()


def _again(trouble: str) -> str:
    return trouble and f"{trouble}; it is tried again"
