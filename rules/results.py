"""What all rules did over one stretch of telemetry, held against the truth where it is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..collector.errors import Unreachable
from ..synthetic.truth import Truth
from .files import Rule
from .loads import Load
from .needs import There, missing, moves
from .pages import Coverage, Pages, coverage_of, pages_of
from .played import Played
from .replay import replay
from .tune import Trial, trials, variants
from .verdicts import AFTER_S, Verdict, components_of, judge

Place = Literal["scenario", "recording", "server"]


@dataclass(frozen=True)
class Backtest:
    """What all rules did in one world, recording or server's past, as `place` says; start and end in Unix seconds.

    scenario: the world's name, the recording's folder or the server's address. truth: None where nobody knows it;
    nothing can then be said of pages and coverage.
    """

    scenario: str
    start: float
    end: float
    truth: Truth | None
    pages: Pages | None
    coverage: tuple[Coverage, ...]
    verdicts: tuple[Verdict, ...]
    problems: tuple[str, ...]
    trials: tuple[Trial, ...] = ()
    place: Place = "scenario"


@dataclass(frozen=True)
class Seen:
    """The stretch that rules are played over. Unix seconds.

    services: service, or what broke -> the hosts and other values of labels that it goes by.
    unrecorded: the scenario of which this is a recording without all metrics that are played, if it is one.
    """

    name: str
    start: float
    end: float
    truth: Truth | None
    services: Mapping[str, Sequence[str]]
    place: Place = "scenario"
    unrecorded: str = ""


def played_over(
    rules: Sequence[Rule], load: Load, start: float, end: float, after: Sequence[Rule] = ()
) -> list[Played]:
    """The rules, and once they have recorded what they do those `after`, in a Prometheus of our own with these samples.

    Raises MissingTool, and Unreachable if it died twice.
    """

    def play() -> list[Played]:
        with load.served() as prometheus:
            return [*replay(rules, prometheus, start, end), *replay(after, prometheus, start, end)]

    try:
        return play()
    except Unreachable as error:
        died = bool(error.said)
    try:
        return play()
    except Unreachable as error:
        if not error.said:  # it did not start, or lives and is silent
            raise
        times = "twice, the second time" if died else "at the second try,"
        during = error.during or "it took the samples"
        raise Unreachable(f"Prometheus died {times} while {during}; its last words: {error.said}") from error


def judged_over(rules: Sequence[Rule], load: Load, seen: Seen, *, tune: bool = False) -> Backtest:
    """Play the rules over these samples and judge them, with `tune` also with other settings, where the truth is known.

    Raises MissingTool, and Unreachable if Prometheus died twice.
    """
    tried = list(variants(rules)) if tune and seen.truth is not None else []
    played = played_over(rules, load, seen.start, seen.end, after=[one.rule for one in tried])
    kept = [one.rule for one in played[: len(rules)] if one.refused is None]
    there = with_recorded(kept, load.scraped)
    told = result(seen, played[: len(rules)], there, with_recorded(kept, load.moving, moves))
    if seen.truth is None or not tried:
        return told
    names = components_of(seen.truth, seen.services)
    judged = [judge(one, seen.truth, names, there) for one in played[len(rules) :]]
    return replace(told, trials=tuple(trials(tried, judged)))


def result(
    seen: Seen, played: Sequence[Played], there: There, moving: There | None, notes: Iterable[str] = ()
) -> Backtest:
    """The verdict on each alert, the pages, and a sentence for each rule that was refused or is doubtful.

    moving: what of `there` changes at all; None where nobody knows.
    """
    truth = seen.truth
    names = {} if truth is None else components_of(truth, seen.services)
    verdicts = tuple(judge(one, truth, names, there, moving) for one in played if one.rule.alert)
    return Backtest(
        *(seen.name, seen.start, seen.end, truth),
        pages=None if truth is None else pages_of(verdicts, truth),
        coverage=() if truth is None else coverage_of(verdicts, truth, seen.end),
        verdicts=verdicts,
        problems=(*notes, *(told for one in played for told in (one.refused, *one.doubts) if told is not None)),
        place=seen.place,
    )


def _able(expr: str, there: There) -> bool:
    return not missing(expr, there)


def with_recorded(rules: Sequence[Rule], scraped: There, able: Callable[[str, There], bool] = _able) -> There:
    """What is there once the rules have recorded what they can: all whose expression is `able` to say anything."""
    there: dict[str, Mapping[str, Collection[str]] | None] = {**scraped, "ALERTS": None, "ALERTS_FOR_STATE": None}
    grew = True
    while grew:
        made = {rule.name for rule in rules if not rule.alert and able(rule.expr, there)}
        grew = not made <= there.keys()
        there.update(dict.fromkeys(made - there.keys()))
    return there


def calm_s(result: Backtest) -> float:
    """Seconds outside the outage and the windows that still hold it."""
    if result.truth is None:
        return 0.0
    if result.truth.incident is None:
        return result.end - result.start
    start, end = result.truth.incident
    return max(0.0, start - result.start) + max(0.0, result.end - end - AFTER_S)
