"""Spans as they come -> what has to be added to the calls, and taken away from them.

Counts add up over disjoint sets of traces, and a trace's spans come in several requests, some of them late. So a trace
is counted anew whenever more of it comes: what it counted for before is taken away. Its spans are kept until the newest
is older than the allowed lateness, so memory follows from that lateness and not from history; the work follows from
what comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..collector.engine import in_passing
from ..collector.model import CALL_COUNTS, CALL_EXAMPLES, CALLS, TEXTS
from ..collector.otlp.decode import Encoded
from ..collector.sides import FACTS
from ..collector.texts import texts_of_facts
from ..collector.told import told_spans
from ..collector.versions import merge_versions, versions_by_window
from ..collector.windows import calls_of_facts
from .arrow import compute
from .facts import ADDED, KEPT, NUMBER, SEQUENCE, TIMES, ends, narrow, slimmed, starts
from .kept import Kept
from .undecoded import Undecoded

_NS = 10**9
_PATIENCE = 10
"""A trace that grows for so many times the lateness is closed all the same: some ids are never new."""
AHEAD_S = 3600.0
"""A clock that goes so far ahead is wrong, and its spans would never grow old."""

_QUIET = 6
"""What ended so many parts of the lateness ago, a sixth, is packed: most traces are over by then. Of a minute it is
twice the time that SDKs hold back what they send (OpenTelemetry's batch span processor: 5 s)."""

_LOGS = "select *, case when TraceId <> '' then hash(TraceId) end as tid from logs"
_CLOSED = "select tid from old group by tid having max(start + duration) < $until or min(start) < $patience"

Tables = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Counted:
    """What some traces say: a table of CALLS and one of TEXTS, to be added to those of other traces."""

    calls: pa.Table
    texts: pa.Table


@dataclass(frozen=True)
class Count:
    """What to add for what was added, what to take away for it, and how many items of each table were too late.

    spans, logs: what is then kept.
    """

    more: Counted
    less: Counted
    late: dict[str, int]
    spans: Kept
    logs: pa.Table


class Traces:
    """The spans and log records of traces that may still grow.

    until_ns: Unix time up to which traces were closed; spans that ended before it come too late. unread: rows that are
    held as they came.
    """

    def __init__(self, window_s: int, lateness_s: float) -> None:
        self._window_s, self._lateness_ns = window_s, round(lateness_s * _NS)
        self.until_ns = 0
        self._spans, self._logs = Kept(), KEPT["logs"].empty_table()
        self._added: dict[str, list[pa.Table]] = {name: [] for name in ADDED}
        self._encoded = Undecoded(NUMBER)
        self._told: list[pa.Table] = []
        self.unread = 0
        self._read: dict[str, list[pa.Table]] = {name: [] for name in ADDED}
        self._versions: list[pa.Table] = []

    @property
    def failed(self) -> int:
        """Requests that could not be decoded, since the start."""
        return self._encoded.failed

    @property
    def first(self) -> int | None:
        """The oldest record of the journal that something of is still kept."""
        numbers = [about.record for about in self._spans.about]
        return min([*numbers, *compute.unique(self._logs[SEQUENCE]).to_pylist()], default=None)

    def __len__(self) -> int:
        return self._spans.num_rows

    def add(self, name: str, rows: pa.Table, sequence: int) -> None:
        """Take rows of `spans` or `logs` that came in one record."""
        numbers = pa.repeat(pa.scalar(sequence, pa.int64()), rows.num_rows)
        self._added[name].append(slimmed(name, rows).append_column(SEQUENCE, numbers).select(ADDED[name].names))
        self.unread += rows.num_rows

    def add_encoded(self, spans: Encoded, sequence: int) -> None:
        """Take spans that came in one record, and are decoded once they are counted."""
        self._encoded.add(spans, sequence)
        self.unread += spans.spans

    def read(self) -> None:
        """Hold of what was added only what is kept of it, a fraction of the memory."""
        for name, rows in self._facts().items():
            self._read[name].append(rows)
        self._added = {name: [] for name in ADDED}
        self._told = []
        self.unread = 0

    def _new(self) -> dict[str, pa.Table]:
        self.read()
        return {name: pa.concat_tables(self._read[name]) for name in KEPT}

    def _facts(self) -> dict[str, pa.Table]:
        logs = pa.concat_tables([ADDED["logs"].empty_table(), *self._added["logs"]])
        added = pa.concat_tables([ADDED["spans"].empty_table(), *self._added["spans"]]).combine_chunks()
        for rows in self._encoded.decode():
            self._told.append(rows)
        spans = pa.concat_tables([told_spans(added).append_column(NUMBER, added[SEQUENCE]), *self._told])
        new = {name: schema.empty_table() for name, schema in KEPT.items()}
        with in_passing() as connection:
            if logs.num_rows:
                connection.register("logs", logs)
                new["logs"] = connection.sql(_LOGS).to_arrow_table().cast(KEPT["logs"])
            if spans.num_rows:
                connection.register("spans", spans)
                self._versions.append(versions_by_window(connection, self._window_s))
                facts = connection.sql(FACTS).to_arrow_table().append_column(SEQUENCE, spans[SEQUENCE])
                new["spans"] = narrow(facts)
        return new

    def keep_again(self, now: float) -> None:
        """Keep what was added without counting it: it was counted before the process was restarted.

        All of it in one call, since a trace counts as closed by its newest span.
        """
        self.read()
        parts, logs = self._read["spans"], pa.concat_tables(self._read["logs"])
        timely = (part["tid"].filter(pa.array(ends("spans", part) >= self.until_ns)) for part in parts)
        still = pa.chunked_array([compute.unique(traces) for traces in timely])
        kept = Kept()
        while parts:  # each by itself, so that what is old of them is packed and let go of apart from what is new
            kept = kept.plus(self._on_time("spans", parts.pop(0), now, still))
        self._keep(kept, self._on_time("logs", logs, now, kept.traces))

    def count(self, now: float) -> Count:
        """Count what was added; it stays added until the count is taken, and so is not lost where that fails.

        Too late are also those that are far ahead of `now` (Unix seconds): their time says nothing.
        """
        new = self._new()
        on_time = {name: self._on_time(name, rows, now, self._spans.traces) for name, rows in new.items()}
        late = {name: new[name].num_rows - on_time[name].num_rows for name in new}
        if not any(rows.num_rows for rows in on_time.values()):
            return Count(_nothing(), _nothing(), late, self._spans, self._logs)
        touched = compute.drop_null(compute.unique(pa.concat_tables([on_time[n].select(["tid"]) for n in new])["tid"]))
        before = {"spans": self._spans.where(touched), "logs": self._logs.filter(_is_in(self._logs, touched))}
        after = {name: pa.concat_tables([before[name], on_time[name]]) for name in new}
        more, less = self._counted(after), _negated(self._counted(before))
        logs = pa.concat_tables([self._logs, on_time["logs"]])
        return Count(more, less, late, self._spans.plus(on_time["spans"]), logs)

    def take(self, count: Count) -> None:
        """Go on from the last count."""
        self._keep(count.spans, count.logs)

    def versions(self, now: float) -> pa.Table:
        """VERSIONS of what was read since the last count, each window of each; those far ahead of `now` say nothing.

        To be too late to be counted makes them no less true.
        """
        seen = merge_versions(self._versions)
        return seen.filter(compute.less(seen["window"], round(now + AHEAD_S)))

    def _keep(self, spans: Kept, logs: pa.Table) -> None:
        self._spans, self._logs = spans, logs
        self._read = {name: [] for name in ADDED}
        self._versions = []

    def _on_time(self, name: str, rows: pa.Table, now: float, still: pa.ChunkedArray) -> pa.Table:
        """The rows that are neither late, unless their traces are `still` open, nor far ahead."""
        timely = ends(name, rows) >= self.until_ns
        if not timely.all():
            timely |= _is_in(rows, compute.unique(still)).to_numpy()
        ahead = starts(name, rows) >= round((now + AHEAD_S) * _NS)
        return rows.filter(pa.array(timely & ~ahead)) if ahead.any() or not timely.all() else rows

    def close(self, now: float) -> None:
        """Let go of the traces whose newest span is too old at `now` to be added to."""
        self.until_ns = max(self.until_ns, round(now * _NS) - self._lateness_ns)
        closed, logs = self._closed(), self._logs
        alone = (
            ~_is_in(logs, self._spans.traces.combine_chunks()).to_numpy() if logs.num_rows else np.empty(0, np.bool_)
        )
        gone = np.where(alone, ends("logs", logs) < self.until_ns, _is_in(logs, closed).to_numpy())
        left = self._spans.without(closed)
        quiet_ns = round(now * _NS) - self._lateness_ns // _QUIET
        self._spans = left.packed([about.last_end < quiet_ns for about in left.about])
        self._logs = logs.filter(pa.array(~gone)) if gone.any() else logs

    def _closed(self) -> pa.Array:
        """The traces to let go of: few have a span that is old, and only these are looked at whole."""
        patience_ns = self.until_ns - _PATIENCE * self._lateness_ns
        maybe = [about.first_end < self.until_ns or about.first_start < patience_ns for about in self._spans.about]
        rows = self._spans.read(TIMES, maybe)
        old = (ends("spans", rows) < self.until_ns) | (starts("spans", rows) < patience_ns)
        some = compute.unique(rows["tid"].filter(pa.array(old)))
        with in_passing() as connection:
            connection.register("old", self._spans.where(some, TIMES))
            bounds = {"until": self.until_ns, "patience": patience_ns}
            return connection.sql(_CLOSED, params=bounds).to_arrow_table()["tid"].combine_chunks()

    def _counted(self, parts: Tables) -> Counted:
        if not parts["spans"].num_rows:
            return _nothing()
        with in_passing() as connection:
            for name in ("calls_facts", "calls_brief"):
                connection.register(name, parts["spans"])
            connection.register("logs", parts["logs"])
            failed = compute.any(parts["spans"]["error"]).as_py()
            texts = texts_of_facts(connection, self._window_s) if failed else TEXTS.empty_table()
            return Counted(calls_of_facts(connection, self._window_s), texts)


def _is_in(rows: pa.Table, traces: pa.Array) -> pa.ChunkedArray:
    return compute.is_in(rows["tid"], traces)


def _nothing() -> Counted:
    return Counted(CALLS.empty_table(), TEXTS.empty_table())


def _negated(counted: Counted) -> Counted:
    """What takes the same away; of what is added an example stays, which may be one of these."""
    calls, texts = counted.calls, counted.texts
    for name in CALL_COUNTS:
        calls = calls.set_column(calls.schema.get_field_index(name), name, compute.negate(calls[name]))
    for name in CALL_EXAMPLES:
        blank = pa.repeat(pa.scalar("", pa.string()), calls.num_rows)
        calls = calls.set_column(calls.schema.get_field_index(name), name, blank)
    place = texts.schema.get_field_index("failed")
    return Counted(calls, texts.set_column(place, "failed", compute.negate(texts["failed"])))
