"""A world written down: its telemetry as a recording, and beside it what really happened."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...collector.recording import RecordingWriter
from ..world.history import History
from .changes import change_table
from .mix import DEFAULT, Mix
from .samples import SCRAPE_S, sample_tables
from .spans import span_source

SPANS_PER_SECOND = 20.0
"""More than a million spans in the flagship's 15.5 hours: enough for every edge in every minute."""

TRUTH = "truth.json"

_AHEAD = 1
"""Chunks drawn while an earlier one is being written, which takes longer than drawing; each holds some 100 MB."""


def record(
    history: History,
    folder: Path,
    *,
    spans_per_second: float = SPANS_PER_SECOND,
    seed: int,
    scrape_s: float = SCRAPE_S,
    mix: Mix = DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the history's spans, samples, changes and truth into `folder`, and return it.

    spans_per_second: sampled spans a second, on average over the whole history.
    seed: of the drawing of traces; the same history and seed give the same bytes.
    mix: in which dialects the truth is told.
    progress: is told the share that is done, from 0 to 1.
    """
    source = span_source(history, spans_per_second=spans_per_second, seed=seed, mix=mix)
    chunks = source.chunks()
    with RecordingWriter(folder) as writer:
        writer.write("changes", change_table(history))
        for table in sample_tables(history, every_s=scrape_s):
            writer.write("samples", table)
        with ThreadPoolExecutor(1) as pool:
            drawn = deque(pool.submit(source.draw_encoded, ticks) for ticks in chunks[:_AHEAD])
            for done in range(len(chunks)):
                tables = drawn.popleft().result()
                if done + _AHEAD < len(chunks):
                    drawn.append(pool.submit(source.draw_encoded, chunks[done + _AHEAD]))
                writer.write("spans", tables.spans)
                writer.write("logs", tables.logs)
                if progress is not None:
                    progress((done + 1) / len(chunks))
    (folder / TRUTH).write_text(history.truth.to_json(), encoding="utf-8")
    return folder
