"""Rules over recorded samples: Prometheus evaluates every expression, `for` and `keep_firing_for` are ours.

Each rule is one range query at its group's interval; what it records, and the ALERTS of an alert, are written back
before the rules that read them. A live Prometheus starts each group at a moment of its own within its interval, so
the times are good to one interval of the group.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from ..collector.errors import Refused, Unreachable
from ..collector.promapi import Server
from .files import Rule
from .labels import labelled, unfilled, valued
from .needs import reads, unknown_needs
from .prometheus import Line, Prometheus, evaluate
from .states import States, states, stretches
from .write import STALE, Series

ALERTS = ("ALERTS", "ALERTS_FOR_STATE")
_Made = dict[tuple[tuple[str, str], ...], tuple[dict[str, str], dict[float, float]]]
"""Sorted labels -> the labels, and the value at each evaluation that has one."""


@dataclass(frozen=True)
class Firing:
    """One stretch in which an alert fired for one label set; Unix seconds of evaluations.

    value: that of its expression at first, None where it is not finite, for which JSON has no number.
    """

    labels: Mapping[str, str]
    start: float
    end: float
    value: float | None


@dataclass(frozen=True)
class Played:
    """A rule and what came of it: how many series its expression had, its firings, or why it was refused.

    doubts: a sentence for each thing in which it may have done otherwise than a reader expects.
    """

    rule: Rule
    series: int
    firings: tuple[Firing, ...]
    refused: str | None = None
    doubts: tuple[str, ...] = ()


_Ask = Callable[[str, float, float, float], list[Line]]
_Results = tuple[list[Firing], Iterator[Series], list[float]]
"""Firings, series to write back, and the evaluations that went over the limit."""


def replay(rules: Sequence[Rule], prometheus: Server, start: float, end: float) -> list[Played]:
    """Play all rules between two Unix seconds, each after those whose results it reads.

    What they make is written to a server of ours only. Unreachable if the server dies.
    """
    wanted = frozenset(name for rule in rules for name in reads(rule.expr))
    # alerts of one expression that follow each other, as those that differ in `for` do, ask for it once
    ask = lru_cache(maxsize=1)(partial(evaluate, prometheus))
    played = {id(rule): _play(rule, prometheus, ask, start, end, wanted) for rule in in_order(rules)}
    return [played[id(rule)] for rule in rules]


def makes(rule: Rule) -> tuple[str, ...]:
    """The names of the metrics that the rule writes."""
    return ALERTS if rule.alert else (rule.name,)


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, each after those that it reads; rules that read one another stay in the order of their files."""
    makers: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in makes(rule):
            makers.setdefault(name, []).append(rule)
    ordered: dict[int, Rule] = {}
    waiting: set[int] = set()

    def place(rule: Rule) -> None:
        if id(rule) in ordered or id(rule) in waiting:
            return
        waiting.add(id(rule))
        for name in sorted(reads(rule.expr)):
            for maker in makers.get(name, ()):
                place(maker)
        ordered[id(rule)] = rule

    for rule in rules:
        place(rule)
    return list(ordered.values())


def _play(rule: Rule, prometheus: Server, ask: _Ask, start: float, end: float, wanted: frozenset[str]) -> Played:
    first = math.ceil(start / rule.interval_s) * rule.interval_s
    steps = [first + rule.interval_s * i for i in range(int((end - first) / rule.interval_s + 1e-9) + 1)]
    try:
        lines = ask(rule.expr, first, steps[-1], rule.interval_s) if steps else []
    except Unreachable:
        raise
    except Refused as error:
        return Played(rule, 0, (), f"{rule.where}: Prometheus refuses it: {error.said or error}")
    made, twice = _by_labels(rule, lines)
    if twice is not None:
        return Played(rule, len(lines), (), f"{rule.where}: Prometheus refuses it: two series have the labels {twice}")
    firings, series, over = (_alerting if rule.alert else _recording)(rule, made, steps)
    if isinstance(prometheus, Prometheus) and wanted & set(makes(rule)):
        prometheus.write(series)
    return Played(
        rule, len(lines), tuple(firings), doubts=(*unfilled(rule), *unknown_needs(rule), *_limited(rule, over, steps))
    )


def _recording(rule: Rule, made: _Made, steps: Sequence[float]) -> _Results:
    counts = Counter(at for _, points in made.values() for at in points) if rule.limit else {}
    over = [at for at in steps if counts.get(at, 0) > rule.limit > 0]
    # where it fails, nothing is written, not even that a series has ended
    told = [at for at in steps if at not in set(over)] if over else steps
    return [], (_written({**labels, "__name__": rule.name}, points, told) for labels, points in made.values()), over


def _alerting(rule: Rule, made: _Made, steps: Sequence[float]) -> _Results:
    active = {key: points for key, (_, points) in made.items()}
    found, over = states(active, steps, rule.for_s, rule.keep_s, rule.limit)
    told = [at for at in steps if at not in set(over)] if over else steps
    firings: list[Firing] = []
    for key, state in found.items():
        labels, points = made[key]
        for begin, until in stretches(state.firing, rule.interval_s):
            value = points[begin]
            firings.append(Firing(labels, begin, until, value if math.isfinite(value) else None))
    series = (one for key, state in found.items() for one in _told(rule, made[key][0], state, told))
    return sorted(firings, key=lambda one: one.start), series, over


def _told(rule: Rule, labels: Mapping[str, str], state: States, steps: Sequence[float]) -> Iterator[Series]:
    """What Prometheus writes of an alert of its own accord."""
    named = {**labels, "alertname": rule.name}
    for word, times in (("pending", state.pending), ("firing", state.firing)):
        yield _written({**named, "__name__": ALERTS[0], "alertstate": word}, dict.fromkeys(times, 1.0), steps)
    yield _written({**named, "__name__": ALERTS[1]}, state.pending | state.firing, steps)


def _by_labels(rule: Rule, lines: Sequence[Line]) -> tuple[_Made, dict[str, str] | None]:
    """The label sets that the rule makes with their values, and one that two series have at the same time."""
    found: _Made = {}
    by_value = valued(rule)
    for line in lines:
        parts = [{at: value} for at, value in line.points.items()] if by_value else [line.points]
        for points in parts:
            labels = labelled(rule, line.labels, next(iter(points.values()), None))
            _, there = found.setdefault(tuple(sorted(labels.items())), (labels, {}))
            if not there.keys().isdisjoint(points):
                return found, labels
            there.update(points)
    return found, None


def _limited(rule: Rule, over: Sequence[float], steps: Sequence[float]) -> Iterator[str]:
    if over:
        what = "alerts" if rule.alert else "series"
        yield (
            f"{rule.where}: went over its group's limit of {rule.limit} {what} at {len(over)} of {len(steps)} "
            f"evaluations, first at {over[0]:.0f}, and Prometheus drops all of them there"
        )


def _written(labels: Mapping[str, str], points: Mapping[float, float], steps: Sequence[float]) -> Series:
    """The series with a mark of its end at each evaluation that no longer had it."""
    times, values = [], []
    there = False
    for at in steps:
        if at in points or there:
            times.append(at)
            values.append(points.get(at, STALE))
        there = at in points
    return Series(labels, np.array(times, np.float64), np.array(values, np.float64))
