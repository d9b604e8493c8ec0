"""Rules over recorded samples: Prometheus evaluates every expression, `for` and `keep_firing_for` are ours.

Each rule is one range query at its group's interval; what it records, and the ALERTS of an alert, are written back
before the rules that read them. A live Prometheus starts each group at a moment of its own within its interval, so
the times are good to one interval of the group.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..collector.errors import Refused, Unreachable
from .files import Rule
from .needs import reads
from .prometheus import Line, Prometheus, evaluate
from .states import states, stretches
from .write import STALE, Series

ALERTS = ("ALERTS", "ALERTS_FOR_STATE")
_TEMPLATE = re.compile(r"{{\s*(?:\$labels\.(\w+)|(\$value))\s*}}")


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
    """A rule and what came of it: how many series its expression had, its firings, or why it was refused."""

    rule: Rule
    series: int
    firings: tuple[Firing, ...]
    refused: str | None = None


def replay(rules: Sequence[Rule], prometheus: Prometheus, start: float, end: float) -> list[Played]:
    """Play all rules between two Unix seconds, each after those whose results it reads; Unreachable if it dies."""
    wanted = frozenset(name for rule in rules for name in reads(rule.expr))
    played = {id(rule): _play(rule, prometheus, start, end, wanted) for rule in in_order(rules)}
    return [played[id(rule)] for rule in rules]


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, each after those that it reads; rules that read one another stay in the order of their files."""
    makers: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in ALERTS if rule.alert else (rule.name,):
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


def _play(rule: Rule, prometheus: Prometheus, start: float, end: float, wanted: frozenset[str]) -> Played:
    first = math.ceil(start / rule.interval_s) * rule.interval_s
    steps = [first + rule.interval_s * i for i in range(int((end - first) / rule.interval_s + 1e-9) + 1)]
    try:
        lines = evaluate(prometheus, rule.expr, first, steps[-1], rule.interval_s) if steps else []
    except Unreachable:
        raise
    except Refused as error:
        return Played(rule, 0, (), f"{rule.where}: Prometheus refuses it: {error.said or error}")
    if not rule.alert:
        if rule.name in wanted:
            named = [({**_labelled(rule, line.labels), "__name__": rule.name}, line.points) for line in lines]
            prometheus.write([_written(labels, points, steps) for labels, points in named])
        return Played(rule, len(lines), ())
    firings: list[Firing] = []
    series: list[Series] = []
    for labels, points in _alerts(rule, lines).values():
        state = states(points, steps, rule.for_s, rule.keep_s)
        for begin, until in stretches(state.firing, rule.interval_s):
            value = points[begin]
            firings.append(Firing(labels, begin, until, value if math.isfinite(value) else None))
        for word, times in (("pending", state.pending), ("firing", state.firing)):
            told = {"__name__": "ALERTS", "alertname": rule.name, "alertstate": word, **labels}
            series.append(_written(told, dict.fromkeys(times, 1.0), steps))
    if wanted & set(ALERTS):
        prometheus.write(series)
    return Played(rule, len(lines), tuple(sorted(firings, key=lambda one: one.start)))


def _alerts(
    rule: Rule, lines: Sequence[Line]
) -> dict[tuple[tuple[str, str], ...], tuple[dict[str, str], dict[float, float]]]:
    """The label sets of an alert; where its labels are made of the value, one series becomes several of them."""
    found: dict[tuple[tuple[str, str], ...], tuple[dict[str, str], dict[float, float]]] = {}
    valued = any("$value" in text for text in rule.labels.values())
    for line in lines:
        parts = [{at: value} for at, value in line.points.items()] if valued else [line.points]
        for points in parts:
            labels = _labelled(rule, line.labels, next(iter(points.values()), None))
            found.setdefault(tuple(sorted(labels.items())), (labels, {}))[1].update(points)
    return found


def _labelled(rule: Rule, labels: Mapping[str, str], value: float | None = None) -> dict[str, str]:
    """Labels of the result: without its name, with the rule's own; of templates, labels and the value are filled in."""
    kept = {name: text for name, text in labels.items() if name != "__name__"}

    def fill(found: re.Match[str]) -> str:
        return f"{value:g}" if found[2] and value is not None else labels.get(found[1] or "", "")

    made = {**kept, **{name: _TEMPLATE.sub(fill, text) if rule.alert else text for name, text in rule.labels.items()}}
    return {name: text for name, text in made.items() if text}


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
