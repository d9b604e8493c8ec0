"""Epicenter finds where an outage began, how it spread, and what keeps it going.

Names are loaded when they are first used, so that `import epicenter` and `epicenter --help` cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .collector.errors import EpicenterError, MissingTool, UnreadableInput, UnwritableOutput, UsageError
    from .detectors.analysis import Analysis
    from .pipeline import analyze_paths

__all__ = [
    "Analysis",
    "EpicenterError",
    "MissingTool",
    "UnreadableInput",
    "UnwritableOutput",
    "UsageError",
    "analyze_paths",
]

_HOMES = {
    "Analysis": ".detectors.analysis",
    "EpicenterError": ".collector.errors",
    "MissingTool": ".collector.errors",
    "UnreadableInput": ".collector.errors",
    "UnwritableOutput": ".collector.errors",
    "UsageError": ".collector.errors",
    "analyze_paths": ".pipeline",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
