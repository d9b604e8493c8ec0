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


_Trials = Mapping[int, Trial]
"""Number of the world -> what came of one value of the setting there."""


def advice_on(results: Sequence[Backtest]) -> Iterator[Advice]:
    """At most one for each alert and setting, in the order of the files."""
    found: dict[tuple[int, Setting], dict[float, dict[int, Trial]]] = {}
    for number, result in enumerate(results):
        for trial in result.trials:
            found.setdefault((trial.place, trial.setting), {}).setdefault(trial.value, {})[number] = trial
    for tried in found.values():
        now = next((value for value, trials in tried.items() if any(one.own for one in trials.values())), None)
        best = None if now is None else _best(tried, now)
        if now is not None and best is not None:
            yield _advice([results[number] for number in tried[now]], tried[now], tried[best])


def _best(tried: Mapping[float, _Trials], now: float) -> float | None:
    """The fewest false alarms without an outage missed, then the soonest, then the nearest to the rule's own."""
    own = tried[now]
    able = {
        value: _worth(own, trials)
        for value, trials in tried.items()
        if _misses_none(own, trials) and not _merges(own, trials)
    }
    best = min(able, key=lambda value: (*able[value], abs(value - now)))
    return best if able[best] < able[now] else None


def _misses_none(own: _Trials, trials: _Trials) -> bool:
    """It could be tried in the same worlds, and catches at least the outages that the rule's own catches."""
    return trials.keys() == own.keys() and all(trials[n].caught or not one.caught for n, one in own.items())


def _merges(own: _Trials, trials: _Trials) -> bool:
    """Its false alarms are fewer than with the rule's own because they grew into one another: they last longer."""
    fewer = _false(trials) < _false(own)
    return fewer and sum(one.false_s for one in trials.values()) > sum(one.false_s for one in own.values())


def _false(trials: _Trials) -> int:
    return sum(one.false_alarms for one in trials.values())


def _worth(own: _Trials, trials: _Trials) -> tuple[int, int, float]:
    """The less the better: false alarms, outages not caught, seconds to detect against those with the rule's own."""
    return _false(trials), -sum(one.caught for one in trials.values()), -_saved_s(own, trials)


def _saved_s(own: _Trials, trials: _Trials) -> float:
    pairs = [(one.to_detect_s, trials[number].to_detect_s) for number, one in own.items()]
    saved = [now - then for now, then in pairs if now is not None and then is not None]
    return sum(saved) / len(saved) if saved else 0.0


def _advice(worlds: Sequence[Backtest], own: _Trials, trials: _Trials) -> Advice:
    now, better = next(iter(own.values())), next(iter(trials.values()))
    false, missed, _ = _worth(own, trials)
    false_now, missed_now, _ = _worth(own, own)
    return Advice(
        *(now.rule, now.setting, now.value, better.value),
        outages=sum(one.truth is not None and one.truth.incident is not None for one in worlds),
        caught=-missed,
        caught_now=-missed_now,
        false=false,
        false_now=false_now,
        saved_s=_saved_s(own, trials),
        calm_s=sum(calm_s(one) for one in worlds),
    )
