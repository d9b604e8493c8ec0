"""A world written down: its telemetry as a recording, and beside it what really happened."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pyarrow as pa

from ...collector.errors import UsageError
from ...collector.recording import RecordingWriter
from ..formats import FORMATS
from ..formats.cloudtrail import FILE, cloudtrail, is_of_records
from ..world.history import History
from .changes import change_table
from .samples import SCRAPE_S
from .spans import SpanSource, span_source

SPANS_PER_SECOND = 20.0
"""More than a million spans in the flagship's 15.5 hours: enough for every edge in every minute."""

TRUTH = "truth.json"

_AHEAD = 1
"""Chunks drawn while an earlier one is being written, which takes longer than drawing; each holds some 50 MB."""


def record(
    history: History,
    folder: Path,
    *,
    spans_per_second: float = SPANS_PER_SECOND,
    seed: int,
    scrape_s: float = SCRAPE_S,
    file_format: str = "parquet",
    changes: Literal["otel", "cloudtrail"] = "otel",
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the history's spans, samples, changes and truth into `folder`, and return it.

    spans_per_second: sampled spans a second, on average over the whole history.
    seed: of the drawing of traces; the same history and seed give the same bytes.
    file_format: a name in `FORMATS`.
    changes: how changes of DNS records are told: like all others, or as CloudTrail logs Route 53's.
    progress: is told the share that is done, from 0 to 1.

    Raises UsageError for a format that is none, and where the folder holds something else; UnwritableOutput where
    it cannot be written. Then nothing of the recording is left.
    """
    if file_format not in FORMATS:
        raise UsageError(f"there is no format {file_format!r}; the formats are {', '.join(FORMATS)}")
    source = span_source(history, spans_per_second=spans_per_second, seed=seed)
    with RecordingWriter(folder) as writer:
        files = FORMATS[file_format](writer)
        _write_changes(history, writer, files.changes, seed=seed, as_cloudtrail=changes == "cloudtrail")
        files.samples(history, scrape_s)
        chunks = source.chunks()
        for done, table in enumerate(_drawn_ahead(source, chunks), 1):
            files.spans(table)
            if progress is not None:
                progress(done / len(chunks))
        writer.attach(TRUTH, history.truth.to_json().encode())
    return folder


def _write_changes(
    history: History, writer: RecordingWriter, write: Callable[[pa.Table], None], *, seed: int, as_cloudtrail: bool
) -> None:
    if not as_cloudtrail:
        write(change_table(history.changes))
    else:
        told = [change for change in history.changes if is_of_records(change)]
        write(change_table(change for change in history.changes if not is_of_records(change)))
        file = writer.file(FILE)
        file.write(cloudtrail(told, seed=seed))
        file.count("changes", len(told), [round(change.time * 1e9) for change in told])


def _drawn_ahead(source: SpanSource, chunks: list[range]) -> Iterator[pa.Table]:
    with ThreadPoolExecutor(1) as pool:
        drawn = deque(pool.submit(source.draw, ticks) for ticks in chunks[:_AHEAD])
        for done in range(len(chunks)):
            table = drawn.popleft().result()
            if done + _AHEAD < len(chunks):
                drawn.append(pool.submit(source.draw, chunks[done + _AHEAD]))
            yield table
