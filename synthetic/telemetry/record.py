"""A world written down: its telemetry as a recording, and beside it what really happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pyarrow as pa

from ...collector.errors import UsageError
from ...collector.recording import RecordingWriter
from ..formats import FORMATS
from ..formats.cloudtrail import FILE, cloudtrail, is_of_records
from ..world.history import History
from .changes import change_table
from .mix import DEFAULT, Mix
from .names import other_names
from .samples import SCRAPE_S
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
    file_format: str = "parquet",
    changes: Literal["otel", "cloudtrail"] = "otel",
    mix: Mix = DEFAULT,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the history's spans, samples, changes and truth into `folder`, and return it.

    spans_per_second: sampled spans a second, on average over the whole history.
    seed: of the drawing of traces; the same history and seed give the same bytes.
    file_format: a name in `FORMATS`.
    changes: how changes of DNS records are told: like all others, or as CloudTrail logs Route 53's.
    mix: in which dialects the truth is told.
    progress: is told the share that is done, from 0 to 1.

    Raises UsageError for a format that is none, and where the folder holds something else; UnwritableOutput where
    it cannot be written. Then nothing of the recording is left.
    """
    if file_format not in FORMATS:
        raise UsageError(f"there is no format {file_format!r}; the formats are {', '.join(FORMATS)}")
    source = span_source(history, spans_per_second=spans_per_second, seed=seed, mix=mix)
    chunks = source.chunks()
    with RecordingWriter(folder) as writer:
        files = FORMATS[file_format](writer)
        _write_changes(history, writer, files.changes, seed=seed, as_cloudtrail=changes == "cloudtrail")
        files.samples(history, scrape_s, mix.metrics)
        for done, drawn in enumerate(drawn_ahead(source, chunks), 1):
            files.spans(drawn.spans)
            files.logs(drawn.logs)
            if progress is not None:
                progress(done / len(chunks))
        beside = {"scenario": history.scenario, "metrics": mix.metrics, "names": other_names(history)}
        writer.attach(TRUTH, history.truth.to_json(**beside).encode())
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
