"""A recording of normal weather, laid before the one to be explained, so that what is usual can be learned from it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ..collector.errors import UsageError
from ..collector.model import Windows
from ..collector.versions import earliest


def after_baseline(windows: Windows, baseline: Windows) -> Windows:
    """The windows with the baseline's calls, signals and versions moved to just before them.

    Its changes stay away: they are no part of this story. Whatever is found before `windows.start` is normal by
    definition, and its times are not those of any clock.
    UsageError for windows of another length.
    """
    if baseline.window_s != windows.window_s:
        told = f"{baseline.window_s} s and {windows.window_s} s"
        raise UsageError(f"--baseline: its windows must be as long as the recording's, not {told}")
    by = windows.start - baseline.end
    calls, signals = (
        pd.concat([before.assign(window=before["window"] + by), now], ignore_index=True)
        for before, now in ((baseline.calls, windows.calls), (baseline.signals, windows.signals))
    )
    known = {what: window + by for what, window in baseline.versions.items()}
    versions = earliest((*known.items(), *windows.versions.items()))
    return replace(windows, start=baseline.start + by, calls=calls, signals=signals, versions=versions)
