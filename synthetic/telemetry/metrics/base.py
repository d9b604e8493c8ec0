"""What a dialect gives: families of series, scraped at even steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...world.history import History

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Kind = Literal["counter", "gauge", "histogram", "summary"]
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Sampled:
    """One series: `values` [K] at each scrape, NaN while it does not exist; `suffix` of the name: _bucket, _sum, …"""

    suffix: str
    labels: Labels
    values: Floats


@dataclass(frozen=True)
class Family:
    """The series of one metric name. A dialect makes them as they are asked for: read `series` once."""

    name: str
    kind: Kind
    help: str
    series: Iterable[Sampled]


def scrape_times(history: History, every_s: float) -> Floats:
    """[K] Unix seconds of the scrapes, from the history's start to its end."""
    count = int((history.end - history.start) / every_s + 1e-9) + 1
    return history.start + every_s * np.arange(count, dtype=np.float64)


def tidy(labels: Labels) -> dict[str, str]:
    """Labels in order of their names, without empty ones: to Prometheus those are not there."""
    return dict(sorted((key, value) for key, value in labels.items() if value))
