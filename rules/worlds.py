"""A simulated world as rules see it: the samples that they read, and the truth to hold them against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..synthetic import simulate
from ..synthetic.telemetry.metrics import FOR_RULES, scrape_times, streamed
from ..synthetic.telemetry.names import other_names
from ..synthetic.world.history import History
from .files import Rule
from .gaps import Gaps, gaps_of
from .loads import Scraped, moving_in, scraped_in, written
from .needs import moves, selecting
from .promtool import World
from .results import Backtest, Seen, judged_over, with_recorded
from .write import STALE, Series

METRICS = (
    *("semconv", "spanmetrics", "servicegraph", "coredns", "hubble", "unbound", "blackbox", "envoy-pods"),
    *("grpc", "yace", "redis", "queues", "world"),
    *FOR_RULES,
)
"""The dialects in which a world speaks to rules: all that can stand side by side."""
SCRAPE_S = 30.0
"""Two scrapes a minute: `rate(…[1m])` has what it needs."""
_SUFFIXES = ("", "_bucket", "_sum", "_count")


def over(rules: Sequence[Rule], history: History, every_s: float = SCRAPE_S, *, tune: bool = False) -> Backtest:
    """Play the rules over a world that has been simulated; MissingTool, Unreachable if Prometheus died twice."""
    load = written(series_of(rules, history, every_s), history.start, history.end)
    return judged_over(rules, load, seen_in(history), tune=tune)


def missing_in(rules: Sequence[Rule], scenario: str, *, seed: int = 0, every_s: float = SCRAPE_S) -> Gaps:
    """What a world lacks for the alerts to be tested in it; nothing is played."""
    history = simulate(scenario, seed=seed)
    series = series_of(rules, history, every_s)
    return gaps_over(rules, scenario, scraped_in(series), moving_in(series, history.start, history.end))


def gaps_over(rules: Sequence[Rule], scenario: str, scraped: Scraped, moving: Scraped) -> Gaps:
    """What a world with these metrics, of which these change, lacks for the alerts to be tested in it."""
    return gaps_of(rules, scenario, with_recorded(rules, scraped), with_recorded(rules, moving, moves))


def world_of(rules: Sequence[Rule], history: History, every_s: float = SCRAPE_S) -> World:
    """The samples of a simulated world that the rules read, as a unit test wants them."""
    return World(history.scenario, history.start, history.end, every_s, series_of(rules, history, every_s))


def seen_in(history: History) -> Seen:
    """The whole of a simulated world, with all that its services and what broke go by."""
    return Seen(history.scenario, history.start, history.end, history.truth, other_names(history))


def series_of(rules: Sequence[Rule], history: History, every_s: float) -> list[Series]:
    """The series of a world that the rules read, scraped each `every_s` seconds, a multiple of its tick."""
    return list(chosen(history, every_s, selecting(rule.expr for rule in rules)))


def chosen(history: History, every_s: float, wanted: Callable[[str], bool]) -> Iterator[Series]:
    """The series of the names that are wanted; each name that there may be is asked about."""
    times = scrape_times(history, every_s)
    for family in streamed(history, every_s, METRICS):
        told = {suffix: wanted(family.name + suffix) for suffix in _SUFFIXES}
        if not any(told.values()):
            continue
        for one in family.series:
            if told[one.suffix]:
                there = ~np.isnan(one.values)
                ends = np.append(False, there[:-1] & ~there[1:])  # the scrape that no longer finds it marks it
                values = np.where(ends, STALE, one.values)
                labels = {**one.labels, "__name__": family.name + one.suffix}
                yield Series(labels, times[there | ends], values[there | ends])
