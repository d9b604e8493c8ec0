"""What worlds lack for alerts to be tested in them: each metric or label, and how many alerts wait for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..collector.errors import MissingTool
from .checks import refused_expressions
from .files import Rule
from .needs import There, missing, moves, parsed, reads

SCHEMA = "epicenter.coverage/3"
_MADE = {"", "ALERTS", "ALERTS_FOR_STATE"}
"""What is no metric of the world's: that of a selector without a name, and what alerts themselves make."""


@dataclass(frozen=True)
class Gap:
    """A metric, with the label that it lacks, if it is there.

    alerts: all that need it, in the order of their files; alone: how many of them need nothing else.
    """

    need: str
    alerts: tuple[str, ...]
    alone: int


@dataclass(frozen=True)
class Gaps:
    """Of `alerts` in all, so many are known to be `testable` in this world; the gaps with the most to gain first.

    What Prometheus refuses, be it the expression or anything else of a rule, is counted nowhere: problems tell of it.
    read: metrics that the rules read by name, but for what rules record and ALERTS; present: so many of them are there.
    still: those of the testable that read nothing which changes there: it shows only that they stay quiet.
    """

    scenario: str
    alerts: int
    testable: int
    read: int
    present: int
    still: tuple[str, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class GapsReport:
    """What `epicenter backtest --coverage --json` writes; problems: a sentence for each rule left out or doubtful."""

    schema: str
    problems: tuple[str, ...]
    scenarios: tuple[Gaps, ...]


def accepted(rules: Sequence[Rule]) -> tuple[list[Rule], list[str]]:
    """The rules that Prometheus takes, and a sentence for each of the others, as far as promtool tells without samples.

    All of them where promtool is not there, which is said where rules are read.
    """
    try:
        said = refused_expressions([rule.expr for rule in rules])
    except MissingTool:
        return list(rules), []
    told = list(zip(rules, said, strict=True))
    refusals = [f"{rule.where}: Prometheus refuses it: {why}" for rule, why in told if why is not None]
    return [rule for rule, why in told if why is None], refusals


def gaps_of(rules: Sequence[Rule], scenario: str, there: There, moving: There) -> Gaps:
    """What is missing in a world; `there`, and what changes in it, with the metrics that the rules can record."""
    makers: dict[str, list[Rule]] = {}
    for rule in rules:
        if not rule.alert:
            makers.setdefault(rule.name, []).append(rule)
    alerts = [rule for rule in rules if rule.alert]
    lacks = [_scraped(missing(rule.expr, there), makers, there, frozenset()) for rule in alerts]
    found: dict[str, list[int]] = {}
    for number, needs in enumerate(lacks):
        for need in needs:
            found.setdefault(need, []).append(number)
    gaps = [
        Gap(need, tuple(alerts[i].name for i in numbers), sum(len(lacks[i]) == 1 for i in numbers))
        for need, numbers in found.items()
    ]
    gaps.sort(key=lambda one: (-one.alone, -len(one.alerts), one.need))
    able = [rule for rule, needs in zip(alerts, lacks, strict=True) if not needs and parsed(rule.expr) is not None]
    still = tuple(rule.name for rule in able if not moves(rule.expr, moving))
    read = frozenset().union(*(reads(rule.expr) for rule in rules)) - makers.keys() - _MADE
    return Gaps(scenario, len(alerts), len(able), len(read), len(read & there.keys()), still, tuple(gaps))


def _scraped(
    needs: Collection[str], makers: Mapping[str, Sequence[Rule]], there: There, above: frozenset[str]
) -> frozenset[str]:
    """The needs, with those that rules record told by what these lack; the rule that lacks the least stands for all."""

    def told() -> Iterator[frozenset[str]]:
        for need in needs:
            makes = makers.get(need, ()) if need not in above else ()
            under = [_scraped(missing(one.expr, there), makers, there, above | {need}) for one in makes]
            yield min(under, key=len) if under else frozenset({need})

    return frozenset().union(*told())
