"""A history -> the metrics that its services and probes expose, as they stand at every scrape.

Counters count ALL requests, not only those whose traces are drawn. Which names tell it is a matter of the estate:
each dialect is a file here, a test, a table in docs/metrics.md and a line in the registry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...world.history import History
from ..mix import DEFAULT
from .base import Family, Kind, Sampled, scrape_times
from .grid import Grid
from .registry import DIALECTS, FOR_RULES

__all__ = ["DIALECTS", "FOR_RULES", "Family", "Kind", "Sampled", "families", "scrape_times", "streamed"]


def families(history: History, every_s: float, metrics: Sequence[str] = DEFAULT.metrics) -> Iterator[Family]:
    """All metrics of these dialects, scraped each `every_s` seconds (a multiple of the history's tick).

    KeyError for a dialect that there is none of; ValueError where two of them give the same name.
    """
    for family in streamed(history, every_s, metrics):
        yield replace(family, series=tuple(family.series))


def streamed(history: History, every_s: float, metrics: Sequence[str] = DEFAULT.metrics) -> Iterator[Family]:
    """The same, but the series of a family are made one by one as they are read, once: for large worlds."""
    grid = Grid(history, every_s)
    told: dict[str, str] = {}
    for dialect in metrics:
        for family in DIALECTS[dialect](grid):
            if family.name in told:
                raise ValueError(f"{family.name} is told by both {told[family.name]} and {dialect}: choose one of them")
            told[family.name] = dialect
            yield family
