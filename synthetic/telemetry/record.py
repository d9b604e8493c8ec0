"""A world written down: its telemetry as a recording, and beside it what really happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...collector.recording import RecordingWriter
from ..world.history import History
from .changes import change_table
from .mix import DEFAULT, Mix
from .samples import SCRAPE_S, sample_tables
from .spans import drawn_ahead, span_source

SPANS_PER_SECOND = 20.0
"""More than a million spans in the flagship's 15.5 hours: enough for every edge in every minute."""

TRUTH = "truth.json"


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
        for done, drawn in enumerate(drawn_ahead(source, chunks), 1):
            writer.write("spans", drawn.spans)
            writer.write("logs", drawn.logs)
            if progress is not None:
                progress(done / len(chunks))
    (folder / TRUTH).write_text(history.truth.to_json(), encoding="utf-8")
    return folder
