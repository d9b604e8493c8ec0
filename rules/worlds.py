"""A simulated world as rules see it: the samples that they read, and the truth to hold them against."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..collector.errors import Unreachable
from ..synthetic import simulate
from ..synthetic.telemetry.metrics import scrape_times, streamed
from ..synthetic.truth import Truth
from ..synthetic.world.history import History
from .files import Rule
from .needs import There, missing, reads
from .pages import Coverage, Pages, coverage_of, pages_of
from .prometheus import private
from .replay import Played, replay
from .verdicts import Verdict, components_of, judge
from .write import Series

METRICS = (
    *("semconv", "spanmetrics", "servicegraph", "coredns", "hubble", "unbound", "blackbox", "envoy"),
    *("grpc", "yace", "kube", "redis", "queues", "world"),
)
"""The dialects in which a world speaks to rules: all that can stand side by side."""
SCRAPE_S = 30.0
"""Two scrapes a minute: `rate(…[1m])` has what it needs."""


@dataclass(frozen=True)
class Backtest:
    """What all rules did in one world; start and end in Unix seconds."""

    scenario: str
    start: float
    end: float
    truth: Truth
    pages: Pages
    coverage: tuple[Coverage, ...]
    verdicts: tuple[Verdict, ...]
    problems: tuple[str, ...]


def backtest(rules: Sequence[Rule], scenario: str, *, seed: int = 0, every_s: float = SCRAPE_S) -> Backtest:
    """Simulate a world and play the rules over it; UsageError, MissingTool, Unreachable if Prometheus died twice."""
    history = simulate(scenario, seed=seed)
    wanted = frozenset(name for rule in rules for name in reads(rule.expr))
    series = list(_series(history, every_s, wanted))
    try:
        played = _play(rules, history, series)
    except Unreachable:
        played = _play(rules, history, series)
    there = _known(played, series)
    names = components_of(history.truth, {service.name: service.hosts for service in history.services})
    impact = _impact(history.truth)
    verdicts = tuple(judge(one, history.truth, names, there, impact) for one in played if one.rule.alert)
    problems = tuple(told for one in played for told in (one.refused, *one.doubts) if told is not None)
    pages = pages_of(verdicts, history.truth)
    coverage = coverage_of(verdicts, history.truth, history.end)
    return Backtest(scenario, history.start, history.end, history.truth, pages, coverage, verdicts, problems)


def _play(rules: Sequence[Rule], history: History, series: Sequence[Series]) -> list[Played]:
    with private() as prometheus:
        prometheus.write(series)
        return replay(rules, prometheus, history.start, history.end)


def _series(history: History, every_s: float, wanted: frozenset[str]) -> Iterator[Series]:
    times = scrape_times(history, every_s)
    for family in streamed(history, every_s, METRICS):
        # a name by pattern, told as "", may be any
        if not {family.name + suffix for suffix in ("", "_bucket", "_sum", "_count")} & wanted and "" not in wanted:
            continue
        for one in family.series:
            if family.name + one.suffix in wanted or "" in wanted:
                there = ~np.isnan(one.values)
                yield Series({**one.labels, "__name__": family.name + one.suffix}, times[there], one.values[there])


def _known(played: Sequence[Played], series: Sequence[Series]) -> There:
    """What is scraped, with its labels, and what is recorded from it alone, at any depth."""
    scraped: dict[str, dict[str, set[str]]] = {}
    for one in series:
        labels = scraped.setdefault(one.labels["__name__"], {})
        for name, value in one.labels.items():
            labels.setdefault(name, set()).add(value)
    there: dict[str, Mapping[str, Collection[str]] | None] = {**scraped, "ALERTS": None, "ALERTS_FOR_STATE": None}
    grew = True
    while grew:
        made = {one.rule.name for one in played if not one.rule.alert and not missing(one.rule.expr, there)}
        grew = not made <= there.keys()
        there.update(dict.fromkeys(made - there.keys()))
    return there


def _impact(truth: Truth) -> float | None:
    """When users first failed."""
    return next((phase.start for phase in truth.phases if phase.name == "users affected"), None)
