"""The world's own series: what its services tell by names of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .base import Family, Kind, Sampled
from .grid import Grid

HELP = {
    "lock_failures": "Attempts to take a record's lock that another writer held.",
    "plan_generation": "Generation of the plan that a writer applied last.",
    "throttled_requests": "Requests refused by a throttle.",
    "attempts": "Attempts at queued work, by outcome; late ones were of no use to anybody.",
    "leases_active": "Leases that hold.",
    "queue_depth": "Work that waits.",
    "queue_oldest_age_seconds": "Age of the oldest work that waits.",
    "propagation_delay_seconds": "Time from a change of network state to its being in effect.",
    "health_check_flips": "Changes of a target's health as its checks see it.",
}
"""Metric -> its help text; a name that begins with its component's goes by its ending."""


def world(grid: Grid) -> Iterator[Family]:
    """`History.series`, scraped from the jobs that tell them."""
    by_name: dict[str, list[Sampled]] = {}
    kinds: dict[str, Kind] = {}
    for series in grid.history.series:
        part = grid.parts(series.labels.get("job", ""))[0]
        values = grid.state(series.values)
        if series.kind == "counter":
            values = grid.since(values, part)
        values = np.where(part.there, values, np.nan)
        by_name.setdefault(series.name, []).append(Sampled("", dict(series.labels), values))
        kinds[series.name] = series.kind
    for name in sorted(by_name):
        yield Family(name, kinds[name], _help(name), by_name[name])


def _help(name: str) -> str:
    plain = name.removesuffix("_total")
    endings = [known for known in HELP if plain == known or plain.endswith(f"_{known}")]
    return HELP[max(endings, key=len)] if endings else f"The simulated world's own count of {plain}."
