"""From files to the analysis: the one path that the command line and the public API both take."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from .collector.errors import UnreadableInput
from .collector.model import Windows
from .collector.recording import Recording, Summary, open_recording, summarize, without_damaged
from .collector.signals import unknown_samples
from .collector.windows import observe
from .detectors import analyze
from .detectors.analysis import Analysis, RecordingSummary
from .detectors.series import concept

MEMORY_LIMIT = "1GB"
"""What DuckDB may hold before it spills to disk; the rest of the process needs a few hundred MB."""


def analyze_paths(
    paths: Sequence[Path],
    *,
    at: float | None = None,
    baseline: Sequence[Path] = (),
    window_s: int | None = None,
    skip_bad: bool = False,
) -> tuple[Analysis, Windows]:
    """Open files and folders as one recording and explain what went wrong in it.

    at: explain the incident around this moment (Unix seconds), even if users saw none.
    baseline: files and folders of a time in which all was well, to learn from what is usual.
    window_s: length of the windows; None chooses it by the recording's length.
    Raises UnreadableInput and UsageError as `open_recording` does.
    """
    summary, windows = _read(paths, window_s, skip_bad=skip_bad)
    usual = _read(baseline, windows.window_s, skip_bad=skip_bad)[1] if baseline else None
    return analyze(windows, summary, at=at, baseline=usual), windows


def _read(paths: Sequence[Path], window_s: int | None, *, skip_bad: bool) -> tuple[RecordingSummary, Windows]:
    with tempfile.TemporaryDirectory(prefix="epicenter-") as scratch:
        recording = open_recording(paths, scratch=Path(scratch), skip_bad=skip_bad)
        try:
            found, unknown, windows = _observed(recording, window_s)
        except duckdb.Error:
            # pages are read once, here, so it is here that a file behind a good footer turns out damaged
            sound = without_damaged(recording, skip_bad=skip_bad)
            if sound == recording:
                raise
            recording = sound
            found, unknown, windows = _observed(recording, window_s)
        if not found.spans + found.samples + found.changes:
            raise UnreadableInput(", ".join(map(str, paths)), "holds no spans, no metrics and no changes")
    summary = RecordingSummary(
        from_=found.start,
        to=found.end,
        spans=found.spans,
        samples=found.samples,
        samples_unknown=unknown,
        changes=found.changes,
        services=found.services or int(concept(windows, "requests")["component"].nunique()),
        skipped=(*recording.skipped, *recording.ignored),
    )
    return summary, windows


def _observed(recording: Recording, window_s: int | None) -> tuple[Summary, int, Windows]:
    with recording.connect(memory_limit=MEMORY_LIMIT) as connection:
        return summarize(connection), unknown_samples(connection), observe(connection, window_s)
