"""Samples that are ready to be played over: what is there, and a Prometheus of our own that has it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from .prometheus import Prometheus, private
from .write import Series, is_stale

Scraped = Mapping[str, Mapping[str, set[str]]]
"""Metric -> label -> its values, of what is loaded."""
Private = Callable[[], AbstractContextManager[Prometheus]]
LOOKBACK_S = 300.0
"""So long after its last sample a series still counts as being there, as Prometheus has it."""
SETTLES_S = 900.0
"""What is told first so soon may have been so before: CloudWatch is read with a delay of ten minutes."""


@dataclass(frozen=True)
class Load:
    """What is loaded, and a server that has it until its block ends; it may be asked for again where one died.

    moving: of the series that change, come or go. Raises MissingTool, and Refused or Unreachable where it cannot be
    loaded.
    """

    scraped: Scraped
    moving: Scraped
    served: Private


def written(series: Sequence[Series], start: float, end: float, server: Private = private) -> Load:
    """These series of a stretch in Unix seconds, written to an empty server as it starts."""
    return Load(scraped_in(series), moving_in(series, start, end), partial(_written, series, server))


def scraped_in(series: Iterable[Series]) -> Scraped:
    """The metrics of these series, with their labels."""
    found: dict[str, dict[str, set[str]]] = {}
    for one in series:
        labels = found.setdefault(one.labels["__name__"], {})
        for name, value in one.labels.items():
            labels.setdefault(name, set()).add(value)
    return found


def moving_in(series: Iterable[Series], start: float, end: float) -> Scraped:
    """The metrics of those series that have two values, or are not there all the time from `start` to `end`."""

    def moves(one: Series) -> bool:
        there = one.values[~is_stale(one.values)].view(np.uint64)  # a NaN is not another value than a NaN
        away = np.diff(one.times, append=end) > LOOKBACK_S
        late = one.times[0] > start + SETTLES_S
        return late or bool(away.any()) or len(there) < len(one.values) or bool((there != there[:1]).any())

    return scraped_in(one for one in series if len(one.times) and moves(one))


@contextmanager
def _written(series: Sequence[Series], server: Private) -> Generator[Prometheus]:
    with server() as prometheus:
        prometheus.write(series)
        yield prometheus
