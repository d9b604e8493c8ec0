"""What a process tells of its own queue, by its own name, as many services do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .base import Family, Floats
from .grid import Grid
from .shapes import gauges


def queues(grid: Grid) -> Iterator[Family]:
    """Depth and age of each queue that can grow; the world's own series of the same name go first."""
    history = grid.history
    told = {series.name for series in history.series}
    for s, service in enumerate(history.services):
        if np.isinf(service.capacity_rps):
            continue
        prefix = service.name.replace("-", "_")
        for ending, help_text, values in (
            ("queue_depth", "Work that waits.", np.round(history.queue_depth[:, s])),
            ("queue_oldest_age_seconds", "Age of the oldest work that waits.", history.queue_age_s[:, s]),
        ):
            if (name := f"{prefix}_{ending}") not in told:
                yield gauges(name, help_text, [({"job": service.name, "queue": "requests"}, _seen(grid, s, values))])


def _seen(grid: Grid, s: int, values: Floats) -> Floats:
    return np.where(grid.parts(grid.history.services[s].name)[0].there, grid.state(values), np.nan)
