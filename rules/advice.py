"""Which `for` and which threshold would have done better, over all worlds in which they were tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .results import Backtest, calm_s
from .tune import Setting, Trial


@dataclass(frozen=True)
class Advice:
    """The value of one setting of an alert, `rule` being (file, line, name), that did better than its own.

    caught of `outages` with it, caught_now with its own; false and false_now: false alarms, in calm_s seconds of calm.
    saved_s: how much sooner it tells, on the mean over the outages that both catch; negative where it costs time.
    """

    rule: tuple[str, int, str]
    setting: Setting
    now: float
    better: float
    outages: int
    caught: int
    caught_now: int
    false: int
    false_now: int
    saved_s: float
    calm_s: float


_Tried = Mapping[float, Sequence[tuple[Backtest, Trial]]]
"""Value of the setting -> what came of it, world by world in the same order."""


def advice_on(results: Sequence[Backtest]) -> Iterator[Advice]:
    """At most one for each alert and setting, in the order of the files."""
    found: dict[tuple[tuple[str, int, str], Setting], dict[float, list[tuple[Backtest, Trial]]]] = {}
    now: dict[tuple[tuple[str, int, str], Setting], float] = {}
    for result in results:
        for trial in result.trials:
            key = (trial.rule, trial.setting)
            found.setdefault(key, {}).setdefault(trial.value, []).append((result, trial))
            if trial.own:
                now[key] = trial.value
    for (rule, setting), tried in found.items():
        best = _best(tried, now[rule, setting])
        if best is not None:
            yield _advice(rule, setting, tried, now[rule, setting], best)


def _best(tried: _Tried, now: float) -> float | None:
    """The fewest false alarms without an outage missed, then the soonest, then the nearest to the rule's own."""
    own = _worth(tried, now, now)
    able = {value: _worth(tried, value, now) for value in tried}
    able = {value: worth for value, worth in able.items() if worth[1] <= own[1]}
    best = min(able, key=lambda value: (*able[value], abs(value - now)))
    return best if able[best] < own else None


def _worth(tried: _Tried, value: float, now: float) -> tuple[int, int, float]:
    """The less the better: false alarms, outages not caught, seconds to detect against those with the rule's own."""
    trials = [trial for _, trial in tried[value]]
    return sum(one.false_alarms for one in trials), -sum(one.caught for one in trials), -_saved_s(tried, value, now)


def _saved_s(tried: _Tried, value: float, now: float) -> float:
    saved = [
        own.to_detect_s - one.to_detect_s
        for (_, own), (_, one) in zip(tried[now], tried[value], strict=True)
        if own.to_detect_s is not None and one.to_detect_s is not None
    ]
    return sum(saved) / len(saved) if saved else 0.0


def _advice(rule: tuple[str, int, str], setting: Setting, tried: _Tried, now: float, best: float) -> Advice:
    false, missed, _ = _worth(tried, best, now)
    false_now, missed_now, _ = _worth(tried, now, now)
    worlds = [result for result, _ in tried[now]]
    return Advice(
        *(rule, setting, now, best),
        outages=sum(one.truth is not None and one.truth.incident is not None for one in worlds),
        caught=-missed,
        caught_now=-missed_now,
        false=false,
        false_now=false_now,
        saved_s=_saved_s(tried, best, now),
        calm_s=sum(calm_s(one) for one in worlds),
    )
