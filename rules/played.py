"""What came of a rule, and what it writes: the same for one that is asked once and one that is asked step by step."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .files import Rule
from .labels import labelled, unfilled, valued
from .needs import unknown_needs
from .order import ALERTS
from .prometheus import Line
from .states import States, stretches

Key = tuple[tuple[str, str], ...]
"""Sorted labels."""
Made = dict[Key, tuple[dict[str, str], dict[float, float]]]
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


def evaluations(rule: Rule, start: float, end: float) -> list[float]:
    """The moments between two Unix seconds at which the rule is evaluated: whole numbers of its interval."""
    first = math.ceil(start / rule.interval_s) * rule.interval_s
    return [first + rule.interval_s * i for i in range(int((end - first) / rule.interval_s + 1e-9) + 1)]


def by_labels(rule: Rule, lines: Sequence[Line]) -> tuple[Made, dict[str, str] | None]:
    """The label sets that the rule makes with their values, and one that two series have at the same time."""
    found: Made = {}
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


def told_of(rule: Rule, labels: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """The series that Prometheus writes of an alert of its own accord: while pending, while firing, and since when."""
    named = {**labels, "alertname": rule.name}
    pending, firing = ({**named, "__name__": ALERTS[0], "alertstate": word} for word in ("pending", "firing"))
    return pending, firing, {**named, "__name__": ALERTS[1]}


def refused(rule: Rule, why: object, series: int = 0) -> Played:
    """It has no results; `why` in Prometheus' words."""
    return Played(rule, series, (), f"{rule.where}: Prometheus refuses it: {why}")


def told(
    rule: Rule,
    series: int,
    made: Made,
    found: Mapping[Key, States],
    over: Sequence[float],
    dropped: Collection[float],
    steps: Sequence[float],
) -> Played:
    """What came of the rule, over all of its evaluations; found: of an alert, what each label set was.

    over, dropped: the evaluations that went over the limit, and at which another rule had written the same series.
    """
    firings: list[Firing] = []
    for key, (labels, points) in made.items():
        for begin, until in stretches(found[key].firing if key in found else (), rule.interval_s):
            value = points[begin]
            firings.append(Firing(labels, begin, until, value if math.isfinite(value) else None))
    firings.sort(key=lambda one: one.start)
    doubts = (*unfilled(rule), *unknown_needs(rule), *_limited(rule, over, steps), *_second(rule, dropped, steps))
    return Played(rule, series, tuple(firings), doubts=doubts)


def _limited(rule: Rule, over: Sequence[float], steps: Sequence[float]) -> Iterator[str]:
    if over:
        what = "alerts" if rule.alert else "series"
        yield (
            f"{rule.where}: went over its group's limit of {rule.limit} {what} at {len(over)} of {len(steps)} "
            f"evaluations, first at {over[0]:.0f}, and Prometheus drops all of them there"
        )


def _second(rule: Rule, dropped: Collection[float], steps: Sequence[float]) -> Iterator[str]:
    if dropped:
        yield (
            f"{rule.where}: makes a series with another value than a rule before it at {len(dropped)} of {len(steps)} "
            f"evaluations, first at {min(dropped):.0f}, and Prometheus drops it (duplicate sample for timestamp)"
        )
