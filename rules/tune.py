"""Another `for` or another threshold, tried on the same samples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import promql_parser

from .files import Rule
from .needs import parsed, reads
from .verdicts import TRUE, Verdict

Setting = Literal["for", "threshold"]
FORS_S = (0.0, 60.0, 120.0, 300.0, 600.0, 900.0)
FACTORS = (0.25, 0.5, 0.75, 1.5, 2.0)
"""Thresholds that are tried, by that of the rule."""
_NUMBER = re.compile(r"(?P<op>[<>]=?)(?P<bool>\s*(?:bool\b)?\s*)(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.\[])")

_QUOTED = re.compile(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`""")


@dataclass(frozen=True)
class Variant:
    """An alert with one setting changed to `value`: seconds of `for`, or the threshold; `own` where that is its own.

    place: the alert's among all alerts.
    """

    rule: Rule
    place: int
    setting: Setting
    value: float
    own: bool


@dataclass(frozen=True)
class Trial:
    """What a variant was worth in one world; `rule` is (file, line, name) of its alert, `place` its place of all."""

    rule: tuple[str, int, str]
    place: int
    setting: Setting
    value: float
    own: bool
    caught: bool
    to_detect_s: float | None
    false_alarms: int


def variants(rules: Sequence[Rule]) -> Iterator[Variant]:
    """All alerts as they are and with one setting changed; not those on other alerts, which would change with them.

    Nor those that are not parsed, of which it is not known.
    """
    for place, rule in enumerate(rule for rule in rules if rule.alert):
        if parsed(rule.expr) is None or reads(rule.expr) & {"ALERTS", "ALERTS_FOR_STATE", ""}:
            continue
        for for_s in sorted({*FORS_S, rule.for_s}):
            yield Variant(replace(rule, for_s=for_s), place, "for", for_s, for_s == rule.for_s)
        threshold = threshold_of(rule.expr)
        if threshold is not None:
            yield Variant(rule, place, "threshold", threshold, True)
            for value in (threshold * factor for factor in FACTORS):
                yield Variant(replace(rule, expr=_with_threshold(rule.expr, value)), place, "threshold", value, False)


def threshold_of(expr: str) -> float | None:
    """The first number but zero that the expression compares with; None where there is none.

    >>> threshold_of("a / b * 100 > 5 and b > 0")
    5.0
    """
    found = _threshold(expr)
    return None if found is None else float(found["number"])


def _threshold(expr: str) -> re.Match[str] | None:
    """A comparison with zero asks whether there is something: that is no matter of degree."""
    bare = _QUOTED.sub(lambda text: " " * len(text[0]), expr)
    return next((found for found in _NUMBER.finditer(bare) if float(found["number"]) != 0), None)


def _with_threshold(expr: str, value: float) -> str:
    found = _threshold(expr)
    assert found is not None
    made = f"{expr[: found.start('number')]}{value:g}{expr[found.end('number') :]}"
    promql_parser.parse(made)
    return made


def trials(tried: Sequence[Variant], verdicts: Sequence[Verdict]) -> Iterator[Trial]:
    """What each variant was worth, by its verdict in one world; none where it could not be tested."""
    for variant, verdict in zip(tried, verdicts, strict=True):
        if verdict.kind not in ("untestable", "refused"):
            yield Trial(
                (verdict.file, verdict.line, verdict.name),
                variant.place,
                variant.setting,
                variant.value,
                variant.own,
                verdict.kind in TRUE,
                verdict.to_detect_s,
                sum(one.kind == "false_alarm" for one in verdict.firings),
            )
