"""Rolling windows: what comes in, counted by window, so far back as is kept; and what has changed in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

import pyarrow as pa

from ..collector.model import CALLS, CHANGES, SIGNALS, TEXTS, VERSIONS
from ..collector.model import Windows as Seen
from ..collector.otlp.decode import Decoded, Encoded
from ..collector.otlp.totals import Totals
from ..collector.texts import merge_texts
from ..collector.versions import first_seen, merge_versions
from ..collector.windows import merge_calls
from ..detectors.analysis import RecordingSummary
from .arrow import compute, read, written
from .bounds import Bounds
from .changes import Changes
from .config import Limits, Windows
from .counts import Counts
from .inbox import MANY_ROWS, Inbox, slim
from .packed import Packed
from .samples import Samples
from .state import State
from .traces import Traces

_READING_BYTES, _COUNTING_BYTES = 1_000, 200
"""That a row takes for a while when it is read, and when it is counted, beside what it holds while it waits: measured
on spans of 315 bytes, calm and failing, 720 of each of MANY_ROWS and 190 of all that are counted at once."""
_NEVER = 2**62
_RESTART_EVERY_S = 600
"""Between two times that names which went away make room for new ones, since all windows are read for it."""

Work = Callable[[], None]
Try = Callable[[Work], bool]
"""Does some work, and says whether it could be done."""


def _surely(work: Work) -> bool:
    """Where it fails, so does who wants it."""
    work()
    return True


class LiveWindows:
    """Takes tables in from any thread; all else is for one thread alone."""

    def __init__(self, windows: Windows, limits: Limits) -> None:
        self.window_s, self._keep_s, self.rows = windows.window_s, windows.keep_s, windows.rows
        self.counts = Counts()
        self.inbox = Inbox()
        self._again = Inbox()  # what is read back from the journal: all of it came before what is in the other
        self._looked = 0.0  # Unix time up to which all that came is counted
        self._last = self._sorted = 0  # records that are counted, and that have left the inbox
        self._totals = Totals(most=limits.series)
        self._traces = Traces(windows.window_s, windows.lateness_s)
        self._samples = Samples(windows.window_s, windows.lateness_s, limits)
        self._bounds = Bounds(limits)
        self._folded: dict[str, int] = {}  # attempts, by kind
        self._restart_at = -math.inf
        self._calls, self._texts = Packed(CALLS, _merged), Packed(TEXTS, merge_texts)
        self._signals, self._versions = Packed(SIGNALS, pa.concat_tables), Packed(VERSIONS, merge_versions)
        self._changes = Changes()
        self._told_until: int | None = None

    def add(self, sequence: int, tables: Mapping[str, pa.Table], later: Encoded | None = None) -> None:
        """Take what came in record `sequence` of the journal (0: in none); later: spans that are still encoded."""
        self.inbox.add(slim(sequence, tables, later))

    @property
    def closed_until(self) -> float:
        """Unix time before which nothing changes any more."""
        return self._traces.until_ns / 1e9

    @property
    def uncounted(self) -> int:
        """Rows that wait to be counted, those that are read back from the journal among them."""
        return self.inbox.uncounted + self._again.uncounted

    @property
    def counting_bytes(self) -> int:
        """How much more memory it will take for a while to read what waits, MANY_ROWS at once, and to count it all."""
        waiting = self.uncounted
        return min(waiting, MANY_ROWS) * _READING_BYTES + waiting * _COUNTING_BYTES

    def observe(self, now: float) -> tuple[Seen, RecordingSummary]:
        """Look, and let go of what is too old."""
        found = self.look(now)
        self.let_go(now)
        return found

    def look(self, now: float) -> tuple[Seen, RecordingSummary]:
        """All there is of the whole windows at `now` (Unix seconds) from the first on that has changed since last time.

        Where nothing has changed, there is no window.
        """
        for _ in range(self.inbox.unread_rows // MANY_ROWS):
            self.gather(now)
        self.take_in(now)
        self._looked = now
        first = self._samples.until_s
        self._signals.replace(first, pa.concat_tables(self._samples.close(now)))
        seen = self._fresh(int(now // self.window_s * self.window_s))
        return seen, self._summary(seen)

    def let_go(self, now: float) -> None:
        """Close what was too old at the last look to be added to, and forget what are the oldest windows at `now`."""
        # what waits, or could not be counted, came since: it must not come too late for that
        self._traces.close(self._looked)
        self._forget(now)

    def tell_again(self) -> None:
        """Give all windows that are kept as changed, to somebody who has to begin anew."""
        self._told_until = None

    def gather(self, now: float) -> None:
        """Read what has come, of much more than MANY_ROWS those that came first; count it where that is worth it."""
        self._gather(self.inbox, now)

    def take_in(self, now: float) -> None:
        """Count what has come, of much more than MANY_ROWS those that came first.

        Where that fails, all of it is counted the next time.
        """
        self._take_in(self.inbox, now)

    def _gather(self, inbox: Inbox, now: float) -> None:
        self._sort_in(inbox)
        self._traces.read()
        if inbox.worth_counting:
            self._take_in(inbox, now)

    def _take_in(self, inbox: Inbox, now: float) -> None:
        self._sort_in(inbox)
        late_samples, folded_samples, left_out = self._samples.take_in(now)
        self.counts.late["samples"] += late_samples
        self.counts.overflow["metric"] += folded_samples
        self.counts.overflow["left_out"] += left_out
        count = self._traces.count(now)
        self.counts.undecoded = self._traces.failed
        (more, folded), (less, unfolded) = (self._bounds.folded(part.calls) for part in (count.more, count.less))
        calls = self._calls.added(pa.concat_tables([more, less]))
        texts = self._texts.added(pa.concat_tables([count.more.texts, count.less.texts]))
        versions = self._versions.added(self._bounds.known(self._traces.versions(now)))
        # from here on nothing fails
        self._calls.put(*calls)
        self._texts.put(*texts)
        self._versions.put(*versions)
        self._traces.take(count)
        inbox.counted()
        self._last = self._sorted
        self.counts.late["spans"] += count.late["spans"]
        self.counts.late["log_records"] += count.late["logs"]
        for kind in folded:
            # a trace that grows is folded anew, and what it was folded for before is taken away
            self._folded[kind] = self._folded.get(kind, 0) + folded[kind] + unfolded[kind]
            self.counts.overflow[kind] = max(self.counts.overflow[kind], self._folded[kind])

    def _sort_in(self, inbox: Inbox) -> None:
        """Take records out of an inbox, each once it is where it belongs."""
        for sequence, tables, later in inbox.some():
            for name, rows in list(self._totals.added_up(tables.items())):
                self._sort(name, rows, sequence)
                self.counts.taken[name] = self.counts.taken.get(name, 0) + rows.num_rows
            if later is not None:
                self._traces.add_encoded(later, sequence)
                self.counts.taken["spans"] += later.spans
            self._sorted = max(self._sorted, sequence)

    def _sort(self, name: str, rows: pa.Table, sequence: int) -> None:
        if name == "samples":
            self._samples.add(rows, sequence)
        elif name == "changes":
            self._changes.add(rows.select(CHANGES.names))
        else:
            self._traces.add(name, rows, sequence)

    def _forget(self, now: float) -> None:
        """Let the oldest windows go, by time, and by rows."""
        since = max(self._horizon(now), self._calls.newest(self.rows))
        if self._calls.forget(since) and self._bounds.full and now >= self._restart_at:
            self._bounds.restart(self._calls.between(since, _NEVER))
            self._restart_at = now + _RESTART_EVERY_S
        self._texts.forget(since)
        self._signals.forget(since)
        self._versions.forget(since)
        self._changes.forget(since)

    def _horizon(self, now: float) -> int:
        """The start of the oldest window that is kept at `now`."""
        return int((now - self._keep_s) // self.window_s * self.window_s)

    def _fresh(self, end: int) -> Seen:
        """The windows until `end` from the first on that has changed.

        None before something has come: an idle server's windows say nothing of what is usual.
        """
        kept = min((table.first for table in self._tables.values() if table.first is not None), default=_NEVER)
        if kept >= end and self._told_until is None:
            start = end
        else:
            # what is older is let go next: a sender whose clock stands at 1970 must not make windows of all years since
            start = max(self._changed_from(min(kept, end - self.window_s), end), self._horizon(end))
            self._told_until = end
        rows = {name: table.between(start, end) for name, table in self._tables.items()}
        versions = first_seen(rows.pop("versions"))
        calls, texts, signals = (some.to_pandas() for some in rows.values())
        return Seen(self.window_s, start, end, calls, signals, self._changes.between(start, end), texts, versions)

    def _changed_from(self, began: int, end: int) -> int:
        counted = (self._calls, self._texts, self._signals)  # late spans may be told again, with versions long known
        changed = [first for first in (table.changed() for table in counted) if first is not None]
        new = self._changes.first_new()
        if new is not None:
            changed.append(int(max(new, began) // self.window_s * self.window_s))
        return min([*changed, began if self._told_until is None else self._told_until, end])

    @property
    def _tables(self) -> dict[str, Packed]:
        return {"calls": self._calls, "texts": self._texts, "signals": self._signals, "versions": self._versions}

    def _summary(self, seen: Seen) -> RecordingSummary:
        taken = self.counts.taken
        return RecordingSummary(
            from_=float(seen.start),
            to=float(seen.end),
            spans=taken["spans"],
            samples=taken["samples"],
            changes=taken["changes"],
            services=self._bounds.services,
            skipped=(),
        )

    def state(self) -> State:
        """What to go on from after a restart, as of the last time that they were observed."""
        firsts = [first for first in (self._traces.first, self._samples.first) if first is not None]
        # samples may be kept of later records than the last that is counted, where a count failed
        replay_from = min([*firsts, self._last + 1])
        packs = {name: dict(table.packs) for name, table in self._tables.items()}
        tables = {name: written(rows) for name, rows in self._samples.state.items()}
        tables["changes"] = written(self._changes.rows)
        return State(
            self.window_s, replay_from, self._last, self._traces.until_ns, self._samples.until_s, packs, tables
        )

    def restore(self, state: State, records: Iterable[tuple[int, Decoded]], now: float, tried: Try = _surely) -> None:
        """Go on from the state of windows of the same length, and the records from `state.replay_from` on."""
        for name, table in self._tables.items():
            table.restore(state.windows[name])
        tables = {name: read(kept) for name, kept in state.tables.items()}
        self._changes.add(tables["changes"])
        self._traces.until_ns, self._samples.until_s = state.traces_until_ns, state.samples_until_s
        self._bounds.restart(self._calls.between(0, _NEVER))
        self._samples.restore(tables)
        self._last = self._sorted = state.counted_to
        others = self._sort_again(iter(records), state.counted_to)
        self._traces.keep_again(now)
        self._samples.take_in(now)
        self.replay(others, now, tried)

    def replay(self, records: Iterable[tuple[int, Decoded]], now: float, tried: Try = _surely) -> None:
        """Take records of the journal in, and count them as they come: there may be more than may wait.

        What is added meanwhile waits, since only the last record that is counted is kept: all before it must be, too.
        Where counting fails, what follows is not counted either, and waits before all that was added.
        """
        again, counts = self._again, True
        for sequence, held in records:
            again.add(slim(sequence, held.tables, held.later))
            counts = counts and (not again.due or tried(partial(self._gather, again, now)))
        while counts and again.uncounted:
            counts = tried(partial(self._take_in, again, now))
        self.inbox.put_first(again)
        self._again = Inbox()

    def _sort_again(self, records: Iterator[tuple[int, Decoded]], counted_to: int) -> Iterator[tuple[int, Decoded]]:
        """Take what was counted before, and give what follows."""
        for sequence, held in records:
            if sequence > counted_to:
                return chain([(sequence, held)], records)
            for name, again in self._totals.added_up(held.tables.items()):
                if name != "changes":  # all of them are in the state
                    self._sort(name, again, sequence)
            if held.later is not None:
                self._traces.add_encoded(held.later, sequence)
            if self._traces.unread >= MANY_ROWS:
                self._traces.read()
        return iter(())


def _merged(parts: Sequence[pa.Table]) -> pa.Table:
    """All calls of some parts; what was taken away altogether is no row."""
    calls = merge_calls(parts)
    return calls.filter(compute.greater(calls["attempts"], 0))
