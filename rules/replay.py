"""Rules over recorded samples: Prometheus evaluates every expression, `for` and `keep_firing_for` are ours.

Each rule is one range query at its group's interval; what it records, and the ALERTS of an alert, are written back
before the rules that read them. Rules that read their own past are asked step by step. A live Prometheus starts each
group at a moment of its own within its interval, so the times are good to one interval of the group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from ..collector.errors import Refused, Unreachable
from ..collector.promapi import Server
from .files import Rule
from .order import knots, read_by
from .played import Key, Made, Played, by_labels, evaluations, refused, told, told_of
from .prometheus import Line, Prometheus, evaluate
from .states import States, states
from .steps import in_steps
from .taken import Writes, writes_of
from .write import STALE, Series

_Ask = Callable[[str, float, float, float], list[Line]]


def replay(rules: Sequence[Rule], prometheus: Server, start: float, end: float) -> list[Played]:
    """Play all rules between two Unix seconds, each after those whose results it reads.

    What they make is written to a server of ours only. Unreachable if the server dies.
    """
    reads = read_by(rules)
    read = {place for places in reads for place in places}
    # alerts of one expression that follow each other, as those that differ in `for` do, ask for it once
    ask = lru_cache(maxsize=1)(partial(evaluate, prometheus))
    writes = writes_of(rules)
    played: dict[int, Played] = {}
    for knot in knots(rules, reads):
        own = [rules[place] for place in knot]
        try:
            if isinstance(prometheus, Prometheus) and (len(knot) > 1 or knot[0] in reads[knot[0]]):
                within = [{knot.index(other) for other in reads[place] if other in knot} for place in knot]
                done = in_steps(own, within, prometheus, start, end, writes)
            else:
                to = prometheus if isinstance(prometheus, Prometheus) and read.issuperset(knot) else None
                done = [_play(rule, ask, start, end, to, writes(rule)) for rule in own]
        except Unreachable as error:
            raise Unreachable(
                str(error), said=error.said, timed_out=error.timed_out, during=f"it evaluated {own[0].where}"
            ) from error
        except Refused as error:  # the question, or what is written where the samples that are loaded have it already
            done = [refused(rule, error.said or error) for rule in own]
        played.update(zip(knot, done, strict=True))
    return [_doubted(played, place, reads[place]) for place in range(len(rules))]


def _play(rule: Rule, ask: _Ask, start: float, end: float, to: Prometheus | None, writes: Writes) -> Played:
    steps = evaluations(rule, start, end)
    lines = ask(rule.expr, steps[0], steps[-1], rule.interval_s) if steps else []
    made, twice = by_labels(rule, lines)
    if twice is not None:
        return refused(rule, f"two series have the labels {twice}", len(lines))
    found: Mapping[Key, States] = {}
    if rule.alert:
        active = {key: points for key, (_, points) in made.items()}
        machines = states(active, steps, rule.for_s, rule.keep_s, rule.limit)
        found, over = machines.found, machines.over
    else:
        over = _over(rule, made, steps)
    if to is not None:
        # where it fails, nothing is written, not even that a series has ended
        at = [at for at in steps if at not in set(over)] if over else steps
        to.write(_alerting(rule, made, found, at, writes) if rule.alert else _recording(rule, made, at, writes))
    return told(rule, len(lines), made, found, over, writes.dropped, steps)


def _over(rule: Rule, made: Made, steps: Sequence[float]) -> list[float]:
    """The evaluations at which more is recorded than the group's limit."""
    counts = Counter(at for _, points in made.values() for at in points) if rule.limit else {}
    return [at for at in steps if counts.get(at, 0) > rule.limit > 0]


def _recording(rule: Rule, made: Made, steps: Sequence[float], writes: Writes) -> Iterator[Series]:
    for labels, points in made.values():
        yield _written({**labels, "__name__": rule.name}, points, steps, writes)


def _alerting(
    rule: Rule, made: Made, found: Mapping[Key, States], steps: Sequence[float], writes: Writes
) -> Iterator[Series]:
    """Label sets that differ in `alertstate`, as those of an alert on ALERTS, are one series."""
    series: dict[Key, tuple[dict[str, str], dict[float, float]]] = {}
    for key, state in found.items():
        pending, firing, since = told_of(rule, made[key][0])
        ones = dict.fromkeys(state.pending, 1.0), dict.fromkeys(state.firing, 1.0), state.pending | state.firing
        for labels, points in zip((pending, firing, since), ones, strict=True):
            series.setdefault(tuple(sorted(labels.items())), (labels, {}))[1].update(points)
    for labels, points in series.values():
        yield _written(labels, points, steps, writes)


def _written(
    labels: Mapping[str, str], points: Mapping[float, float], steps: Sequence[float], writes: Writes
) -> Series:
    """The series with a mark of its end at each evaluation that no longer had it."""
    times, values = [], []
    there = False
    for at in steps:
        value = points.get(at, STALE)
        taken = (at in points or there) and writes.take(labels, at, value)
        if taken:
            times.append(at)
            values.append(value)
        there = taken and at in points
    return Series(labels, np.array(times, np.float64), np.array(values, np.float64))


def _doubted(played: Mapping[int, Played], place: int, reads: Sequence[int]) -> Played:
    """With a sentence where it reads what was never made."""
    one = played[place]
    lacks = [played[other].rule for other in reads if other != place and played[other].refused is not None]
    if not lacks or one.refused is not None:
        return one
    names = ", ".join(sorted({rule.name for rule in lacks}))
    return replace(one, doubts=(*one.doubts, f"{one.rule.where}: reads what {names} would make, and could not here"))
