"""Windows -> analysis: the whole way, as one pure function."""

from __future__ import annotations

from dataclasses import replace

from ..collector.model import CALL_KEYS, Windows
from .analysis import SCHEMA, Analysis, RecordingSummary
from .blind_spots import blind_spots
from .gate import user_visible
from .graph import dependency_graph
from .grouping import groups
from .incident import explain
from .registry import DETECTORS


def analyze(windows: Windows, summary: RecordingSummary, *, at: float | None = None) -> Analysis:
    """Explain every incident in the windows, the one with the most failed requests first.

    at: Unix seconds; explain what went wrong around this moment even if users saw no failures.
    Rows may come in any order; the same rows give the same analysis.
    """
    windows = _ordered(windows)
    graph = dependency_graph(windows.calls)
    findings = [finding for detect in DETECTORS.values() for finding in detect(windows)]
    found = groups(windows, user_visible(windows), findings)
    incidents = [explain(windows, graph, group) for group in found]
    return Analysis(
        schema=SCHEMA,
        recording=summary,
        incidents=tuple(sorted(incidents, key=lambda i: (-i.impact, i.started_at))),
        blind_spots=blind_spots(windows, graph),
    )


def _ordered(windows: Windows) -> Windows:
    """The same windows with rows in one order, so that sums of floats do not depend on it."""
    signals = ["window", "component", "concept", "item"]
    changes = ["time", "Kind", "Target", "Actor", "Generation", "Answers", "Outcome", "Detail"]
    return replace(
        windows,
        calls=windows.calls.sort_values(list(CALL_KEYS), kind="stable", ignore_index=True),
        signals=windows.signals.sort_values(signals, kind="stable", ignore_index=True),
        changes=windows.changes.sort_values(changes, kind="stable", ignore_index=True),
    )
