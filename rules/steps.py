"""Rules that read their own past, or one another: asked at each evaluation, their results written back between."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..collector.errors import Refused, Unreachable
from .files import Rule
from .played import Key, Made, Played, by_labels, evaluations, refused, told, told_of
from .prometheus import Line, Prometheus, evaluate
from .states import Machines
from .taken import Writes
from .write import STALE, Series

MOST = 20_000
"""Evaluations of one knot: each is a question and an answer of its own, so many take a minute or more."""


class _Sample(NamedTuple):
    """A series written at one evaluation."""

    labels: dict[str, str]
    value: float


_Samples = dict[Key, _Sample]
"""By the sorted labels."""


def in_steps(
    rules: Sequence[Rule],
    reads: Sequence[Collection[int]],
    prometheus: Prometheus,
    start: float,
    end: float,
    writes: Callable[[Rule], Writes],
) -> list[Played]:
    """Play a knot between two Unix seconds, at each moment in this order, as Prometheus goes through a group.

    reads: for each rule the places of those of the knot that it reads. Where that is more than MOST evaluations, they
    are refused. Unreachable if the server dies.
    """
    courses = [_Course(rule, evaluations(rule, start, end), writes(rule)) for rule in rules]
    _ask_ahead(courses, reads, prometheus)
    asked = [one for one in courses if one.ahead is None]
    count = sum(len(one.steps) for one in asked)
    if count > MOST:
        for one in asked:
            one.refused = _too_long(one.rule, count)
    due: dict[float, list[_Course]] = {}
    for course in courses:
        for at in course.steps:
            due.setdefault(at, []).append(course)
    waiting: list[Series] = []
    for at in sorted(due):
        for course in due[at]:
            if course.ahead is None and waiting:
                prometheus.write(waiting)
                waiting = []
            waiting += course.step(prometheus, at)
    prometheus.write(waiting)
    return [course.played() for course in courses]


def _ask_ahead(courses: Sequence[_Course], reads: Sequence[Collection[int]], prometheus: Prometheus) -> None:
    """Ask once, for all evaluations, for those that read nothing that the knot writes."""
    empty: set[int] = set()
    grew = True
    while grew:
        grew = False
        for place, course in enumerate(courses):
            if course.ahead is None and empty.issuperset(reads[place]):
                grew = True
                course.ask_ahead(prometheus)
                if not course.ahead:
                    empty.add(place)


def _too_long(rule: Rule, count: int) -> Played:
    why = (
        f"is not played: it reads its own past, or with others that of one another, which is asked step by step, and "
        f"{count:,} evaluations are more than the {MOST:,} that are taken; play it over less time"
    )
    return Played(rule, 0, (), f"{rule.where}: {why}")


@dataclass
class _Course:
    """One rule and what came of it so far; ahead: what its expression has at each evaluation, where it is known."""

    rule: Rule
    steps: Sequence[float]
    writes: Writes
    ahead: dict[float, list[Line]] | None = None
    series: set[Key] = field(default_factory=set)
    made: Made = field(default_factory=dict)
    over: list[float] = field(default_factory=list)
    written: _Samples = field(default_factory=dict)
    refused: Played | None = None
    machines: Machines[Key] = field(init=False)

    def __post_init__(self) -> None:
        self.machines = Machines(self.rule.for_s, self.rule.keep_s, self.rule.limit)

    def ask_ahead(self, prometheus: Prometheus) -> None:
        """All evaluations at once."""
        self.ahead = {}
        for line in self._asked(prometheus, self.steps):
            for at, value in line.points.items():
                self.ahead.setdefault(at, []).append(Line(line.labels, {at: value}))

    def step(self, prometheus: Prometheus, at: float) -> Sequence[Series]:
        """One evaluation; the samples that come of it."""
        lines = self._asked(prometheus, [at]) if self.ahead is None else self.ahead.get(at, [])
        if self.refused is not None:
            return ()
        self.series.update(tuple(sorted(line.labels.items())) for line in lines)
        made, twice = by_labels(self.rule, lines)
        if twice is not None:
            self.refused = refused(self.rule, f"two series have the labels {twice}", len(self.series))
            return ()
        for key, (labels, points) in made.items():
            self.made.setdefault(key, (labels, {}))[1].update(points)
        now = self._alerting(at, made) if self.rule.alert else self._recording(at, made)
        if now is None:  # over the limit it fails, and nothing is written, not even that a series has ended
            return ()
        self.written, before = self._taken(at, now), self.written
        ended = {key: _Sample(one.labels, STALE) for key, one in before.items() if key not in self.written}
        taken = (*self.written.values(), *self._taken(at, ended).values())
        times = np.array([at], np.float64)
        return [Series(one.labels, times, np.array([one.value], np.float64)) for one in taken]

    def played(self) -> Played:
        """After the last evaluation."""
        if self.refused is not None:
            return self.refused
        over = self.machines.over if self.rule.alert else self.over
        return told(self.rule, len(self.series), self.made, self.machines.found, over, self.writes.dropped, self.steps)

    def _asked(self, prometheus: Prometheus, steps: Sequence[float]) -> list[Line]:
        if self.refused is not None or not steps:
            return []
        try:
            return evaluate(prometheus, self.rule.expr, steps[0], steps[-1], self.rule.interval_s)
        except Unreachable:
            raise
        except Refused as error:
            self.refused = refused(self.rule, error.said or error)
            return []

    def _taken(self, at: float, samples: _Samples) -> _Samples:
        return {key: one for key, one in samples.items() if self.writes.take(one.labels, at, one.value)}

    def _recording(self, at: float, made: Made) -> _Samples | None:
        if 0 < self.rule.limit < len(made):
            self.over.append(at)
            return None
        return _by_key(_Sample({**labels, "__name__": self.rule.name}, points[at]) for labels, points in made.values())

    def _alerting(self, at: float, made: Made) -> _Samples | None:
        now = self.machines.step(at, made.keys())
        if now is None:
            return None
        samples: list[_Sample] = []
        for key, fires in now.items():
            states = self.machines.found[key]
            pending, firing, since = told_of(self.rule, self.made[key][0])
            samples.append(_Sample(firing if fires else pending, 1.0))
            samples.append(_Sample(since, (states.firing if fires else states.pending)[at]))
        return _by_key(samples)


def _by_key(samples: Iterable[_Sample]) -> _Samples:
    return {tuple(sorted(one.labels.items())): one for one in samples}
