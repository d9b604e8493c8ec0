"""Recordings that are servers: what a Prometheus has of a time is fetched into a recording of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ..collector.errors import Refused, UsageError
from ..collector.promapi import TENANT, TOKEN, Server
from ..collector.prometheus import Prometheus, step_for
from ..collector.writer import RecordingWriter
from ..detectors.analysis import Analysis


def fetched(
    recordings: Sequence[str],
    start: float | None,
    end: float | None,
    folder: Path,
    *,
    skip_bad: bool,
    environment: Mapping[str, str],
) -> tuple[list[Path], tuple[str, ...]]:
    """Paths of all recordings, servers' samples having been written below `folder`; and what could not be had.

    Raises UsageError where a server is named without `start` and `end` (Unix seconds), Refused where it gives
    nothing, or (unless `skip_bad`) not all.
    """
    paths: list[Path] = []
    notes: list[str] = []
    for number, recording in enumerate(recordings):
        if not recording.startswith(("http://", "https://")):
            paths.append(Path(recording))
            continue
        if start is None or end is None or not start < end:
            raise UsageError(f"{recording}: a Prometheus has no end: give --from and --to, the earlier time first")
        paths.append(folder / f"prometheus-{number}")
        prometheus = Prometheus(Server(recording, environment.get(TOKEN, ""), environment.get(TENANT, "")))
        with RecordingWriter(paths[-1]) as writer:
            for rows in prometheus.read(start, end, step_for(end - start)):
                writer.write("samples", rows)
        if prometheus.troubles and not skip_bad:
            raise Refused(f"{prometheus.troubles[0]}; --skip-bad goes on without")
        notes += prometheus.troubles
    return paths, tuple(notes)


def with_skipped(analysis: Analysis, notes: Sequence[str]) -> Analysis:
    """The analysis that also says what could not be had."""
    recording = analysis.recording
    return replace(analysis, recording=replace(recording, skipped=(*recording.skipped, *notes)))
