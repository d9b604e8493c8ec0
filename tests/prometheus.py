"""A real Prometheus on loopback, filled with what a simulated world exposes."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from epicenter.rules.prometheus import Prometheus, private
from epicenter.rules.write import Series
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.metrics import scrape_times, streamed
from epicenter.synthetic.telemetry.mix import DEFAULT
from tests.programs import require


def scraped(
    history: History, every_s: float, wanted: Callable[[str], bool], metrics: Sequence[str] = DEFAULT.metrics
) -> Iterator[Series]:
    """The history's metrics of the names that are wanted, at each scrape that found them."""
    times = scrape_times(history, every_s)
    for family in streamed(history, every_s, metrics):
        for series in family.series:
            name = family.name + series.suffix
            if wanted(name):
                there = ~np.isnan(series.values)
                yield Series({**series.labels, "__name__": name}, times[there], series.values[there])


def exposition(series: Iterable[Series]) -> Iterator[str]:
    """The series as lines of OpenMetrics with timestamps."""
    for one in series:
        labels = ",".join(f"{key}={json.dumps(value)}" for key, value in one.labels.items() if key != "__name__")
        yield from (
            f"{one.labels['__name__']}{{{labels}}} {value:.10g} {at:.0f}\n"
            for at, value in zip(one.times, one.values, strict=True)
        )
    yield "# EOF\n"


@contextmanager
def holding(series: Iterable[Series], *flags: str) -> Generator[Prometheus]:
    """A server with these series until the block ends; it listens on loopback only and scrapes nothing."""
    require("prometheus")
    with private(*flags) as prometheus:
        prometheus.write(series)
        yield prometheus
