"""A simulated world as rules see it: the samples that they read, and the truth to hold them against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..synthetic import simulate
from ..synthetic.telemetry.metrics import FOR_RULES, scrape_times, streamed
from ..synthetic.world.history import History
from .files import Rule
from .gaps import Gaps, gaps_of
from .needs import selecting
from .promtool import World
from .results import Backtest, Seen, judged_over, known
from .write import STALE, Series

METRICS = (
    *("semconv", "spanmetrics", "servicegraph", "coredns", "hubble", "unbound", "blackbox", "envoy"),
    *("grpc", "yace", "redis", "queues", "world"),
    *FOR_RULES,
)
"""The dialects in which a world speaks to rules: all that can stand side by side."""
SCRAPE_S = 30.0
"""Two scrapes a minute: `rate(…[1m])` has what it needs."""


def backtest(rules: Sequence[Rule], scenario: str, *, seed: int = 0, tune: bool = False) -> Backtest:
    """Simulate a world and play the rules over it; UsageError, MissingTool, Unreachable if Prometheus died twice."""
    return over(rules, simulate(scenario, seed=seed), tune=tune)


def over(rules: Sequence[Rule], history: History, every_s: float = SCRAPE_S, *, tune: bool = False) -> Backtest:
    """Play the rules over a world that has been simulated; MissingTool, Unreachable if Prometheus died twice."""
    series = series_of(rules, history, every_s)
    services = {service.name: service.hosts for service in history.services}
    seen = Seen(history.scenario, history.start, history.end, history.truth, services)
    return judged_over(rules, series, seen, tune=tune)


def missing_in(rules: Sequence[Rule], scenario: str, *, seed: int = 0, every_s: float = SCRAPE_S) -> Gaps:
    """What a world lacks for the alerts to be tested in it; nothing is played."""
    series = series_of(rules, simulate(scenario, seed=seed), every_s)
    return gaps_of(rules, scenario, known(rules, series))


def world_of(rules: Sequence[Rule], scenario: str, *, seed: int = 0, every_s: float = SCRAPE_S) -> World:
    """The samples of a simulated world that the rules read, as a unit test wants them; UsageError."""
    history = simulate(scenario, seed=seed)
    return World(scenario, history.start, history.end, every_s, series_of(rules, history, every_s))


def series_of(rules: Sequence[Rule], history: History, every_s: float) -> list[Series]:
    """The series of a world that the rules read, scraped each `every_s` seconds, a multiple of its tick."""
    return list(_series(history, every_s, selecting(rule.expr for rule in rules)))


def _series(history: History, every_s: float, wanted: Callable[[str], bool]) -> Iterator[Series]:
    times = scrape_times(history, every_s)
    for family in streamed(history, every_s, METRICS):
        if not any(wanted(family.name + suffix) for suffix in ("", "_bucket", "_sum", "_count")):
            continue
        for one in family.series:
            if wanted(family.name + one.suffix):
                there = ~np.isnan(one.values)
                ends = np.append(False, there[:-1] & ~there[1:])  # the scrape that no longer finds it marks it
                values = np.where(ends, STALE, one.values)
                labels = {**one.labels, "__name__": family.name + one.suffix}
                yield Series(labels, times[there | ends], values[there | ends])
