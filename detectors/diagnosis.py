"""Windows -> analysis: the whole way, as one pure function."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ..collector.errors import UsageError
from ..collector.model import CALL_KEYS, Windows
from .analysis import SCHEMA, Analysis, Incident, RecordingSummary
from .around import LOOK_S, group_around, suspects_around
from .base import Finding
from .blind_spots import blind_spots
from .cause import suspects
from .gate import user_visible
from .graph import Graph, dependency_graph
from .grouping import Group, groups
from .incident import explain
from .metric_calls import with_metric_calls
from .registry import DETECTORS


def analyze(windows: Windows, summary: RecordingSummary, *, at: float | None = None) -> Analysis:
    """Explain every incident in the windows, the one with the most failed requests first.

    at: Unix seconds; explain what went wrong around this moment even if users saw no failures.
    Rows may come in any order; the same rows give the same analysis.
    Raises UsageError for a moment outside of the data.
    """
    if at is not None and not windows.start <= at <= windows.end:
        told = f"from {_utc(windows.start)} to {_utc(windows.end)}"
        raise UsageError(f"--at {_utc(at)} lies outside of the data, which runs {told}")
    windows = _ordered(with_metric_calls(windows))
    graph = dependency_graph(windows.calls)
    findings = [finding for detect in DETECTORS.values() for finding in detect(windows)]
    found = groups(windows, user_visible(windows), findings)
    if at is None:
        incidents = [_explained(windows, graph, group) for group in found]
    else:
        incidents = [_around(windows, graph, found, findings, at)]
    return Analysis(
        schema=SCHEMA,
        recording=summary,
        incidents=tuple(sorted(incidents, key=lambda i: (-i.impact, i.started_at))),
        blind_spots=blind_spots(windows, graph, findings),
    )


def _explained(windows: Windows, graph: Graph, group: Group) -> Incident:
    return explain(windows, graph, group, suspects(windows, graph, list(group.findings), group.started_at))


def _around(windows: Windows, graph: Graph, found: list[Group], findings: list[Finding], at: float) -> Incident:
    """The incident that users noticed around the moment, else what changed there."""
    near = [g for g in found if g.started_at - LOOK_S <= at <= (windows.end if g.ended_at is None else g.ended_at)]
    if near:
        return _explained(windows, graph, min(near, key=lambda g: (abs(g.started_at - at), g.started_at)))
    ranked = suspects_around(windows, graph, findings, at)
    return explain(windows, graph, group_around(windows, findings, ranked[0] if ranked else None, at), ranked)


def _utc(time: float) -> str:
    """As people write it; a time that no calendar holds as the number that it is."""
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(time)


def _ordered(windows: Windows) -> Windows:
    """The same windows with rows in one order, so that sums of floats do not depend on it."""
    signals = ["window", "component", "concept", "item"]
    changes = ["time", "Kind", "Target", "Actor", "Generation", "Answers", "Outcome", "Detail"]
    texts = ["window", "component", "side", "text"]
    return replace(
        windows,
        calls=windows.calls.sort_values(list(CALL_KEYS), kind="stable", ignore_index=True),
        signals=windows.signals.sort_values(signals, kind="stable", ignore_index=True),
        changes=windows.changes.sort_values(changes, kind="stable", ignore_index=True),
        texts=windows.texts.sort_values(texts, kind="stable", ignore_index=True),
    )
