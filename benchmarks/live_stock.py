"""What the live server has on disk: counted, and made for an hour that nobody has to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from epicenter.collector.otlp.decode import Export, checked
from epicenter.collector.wal import Damage, read_segment, segments
from epicenter.collector.wal.fold import parts_of, sequences
from epicenter.collector.wal.segments import first_sequence
from epicenter.live.config import Keep, Limits, Windows
from epicenter.live.store import Store
from epicenter.live.windows import LiveWindows

from .load import Request, fresh

HOUR_WINDOW_S = 60


@dataclass
class Stored:
    """Spans in recordings and in the journal."""

    folded: int
    journal: int

    @property
    def spans(self) -> int:
        return self.folded + self.journal

    def __str__(self) -> str:
        return f"{self.folded:,} of them folded into recordings"


def stored(data: Path, stop: Callable[[], None]) -> Stored:
    """Stop the server and count."""
    stop()
    journal, there = 0, set(map(first_sequence, segments(data / "journal")))
    # what was being folded when it was stopped is in the journal still
    parts = [path for hour in (data / "recordings").iterdir() for path in parts_of(hour) if hour.suffix != ".folding"]
    spans = [path for path in parts if path.name.startswith("spans-") and sequences(path)[0] not in there]
    folded = sum(pq.read_metadata(path).num_rows for path in spans)
    for segment in segments(data / "journal"):
        for record in read_segment(segment):
            if isinstance(record, Damage):
                raise AssertionError(f"{segment} is damaged")
            held = checked(Export.of_kind(record.kind, record.payload))
            journal += held.tables["spans"].num_rows if "spans" in held.tables else 0
            journal += held.later.spans if held.later is not None else 0
    return Stored(folded, journal)


def an_hour(data: Path, rounds: list[list[Request]]) -> None:
    """What a server leaves that has run for an hour: the windows, and a journal of the last minute."""
    settings, limits, rng = Windows(window_s=HOUR_WINDOW_S), Limits(), np.random.default_rng(5)
    windows, now = LiveWindows(settings, limits), time.time()
    store = Store(data, Keep(), monotonic=time.monotonic, report=print)
    for number in range(3600 // HOUR_WINDOW_S):
        at = now - 3600 + number * HOUR_WINDOW_S
        for body, _ in fresh(rounds[number % len(rounds)], round(at * 1e9), rng):
            export = Export("traces", body)
            held = checked(export)
            windows.add(store.wal.append(export.kind, body), held.tables, held.later)
        windows.observe(at + HOUR_WINDOW_S)
        if number % 6 == 5:
            store.fold(windows.state().replay_from)
    store.write_state(windows.state())
    store.close()
