"""More of cAdvisor in the kubelet: what containers may use, and when they were last seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..naming import hexadecimal
from .base import Family, Floats, Labels
from .containers import containers_of
from .grid import Grid
from .kubelet import kubelet_of
from .machines import CPU_LIMIT, MEMORY_LIMIT
from .shapes import gauges

CADVISOR = "cadvisor"
"""The job that kubernetes-mixin gives it unless told otherwise, as it does all other jobs here."""
_PERIOD_US = 100_000.0
_HOUSEKEEPING_S = 10.0
"""Between two looks at a container."""


def cadvisor(grid: Grid) -> Iterator[Family]:
    """Of each container that runs; one that has gone is told of no more."""
    seen = grid.times - np.mod(grid.times, _HOUSEKEEPING_S)
    table: tuple[tuple[str, str, Callable[[], Floats]], ...] = (
        ("last_seen", "When a container was last seen, in Unix seconds.", lambda: seen),
        ("spec_cpu_period", "Period of the scheduler, in microseconds.", lambda: _PERIOD_US + 0.0 * seen),
        ("spec_cpu_quota", "What a container may compute of a period.", lambda: CPU_LIMIT * _PERIOD_US + 0.0 * seen),
        ("spec_memory_limit_bytes", "Memory that a container may have.", lambda: MEMORY_LIMIT + 0.0 * seen),
    )
    for name, told, of in table:
        rows = (
            (scraped(labels, part.pod or 0), np.where(part.running, of(), np.nan))
            for _, part, labels in containers_of(grid)
        )
        yield gauges(f"container_{name}", told, rows)


def scraped(labels: Labels, number: int) -> Labels:
    """The labels of a container as the kubelet of this number tells of it: its id in the runtime is its name."""
    kubelet = kubelet_of(number)
    where = {"job": CADVISOR, "instance": kubelet["instance"], "node": kubelet["node"]}
    return {**labels, **where, "name": hexadecimal(f"{labels['pod']}/{labels['container']}", 64)}
