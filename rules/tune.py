"""Another `for` or another threshold, tried on the same samples."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import promql_parser
from promql_parser import BinaryExpr, Expr, NumberLiteral, ParenExpr, UnaryExpr, transform, walk

from .files import Rule
from .needs import parsed, reads
from .verdicts import TRUE, Verdict

Setting = Literal["for", "threshold"]
FORS_S = (0.0, 60.0, 120.0, 300.0, 600.0, 900.0)
FACTORS = (0.25, 0.5, 0.75, 1.5, 2.0)
"""Thresholds that are tried, by that of the rule."""
_COMPARES = (">", ">=", "<", "<=")
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
    "^": math.pow,
}


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
    """What a variant was worth in one world; `rule` is (file, line, name) of its alert, `place` its place of all.

    false_s: seconds for which it fired for nothing, an interval for each evaluation.
    """

    rule: tuple[str, int, str]
    place: int
    setting: Setting
    value: float
    own: bool
    caught: bool
    to_detect_s: float | None
    false_alarms: int
    false_s: float


def variants(rules: Sequence[Rule]) -> Iterator[Variant]:
    """All alerts as they are and with one setting changed; not those on other alerts, which would change with them.

    Nor those that are not parsed, of which it is not known.
    """
    for place, rule in enumerate(rule for rule in rules if rule.alert):
        if not _is_tried(rule):
            continue
        for for_s in sorted({*FORS_S, rule.for_s}):
            yield Variant(replace(rule, for_s=for_s), place, "for", for_s, for_s == rule.for_s)
        threshold = threshold_of(rule.expr)
        if threshold is not None:
            yield Variant(rule, place, "threshold", threshold, True)
            for value in (threshold * factor for factor in FACTORS):
                yield Variant(replace(rule, expr=_with_threshold(rule.expr, value)), place, "threshold", value, False)


def threshold_of(expr: str) -> float | None:
    """The first constant but zero that the expression compares with, on either side; None where there is none.

    Inner comparisons come before outer ones. A comparison with zero asks whether there is something: that is no matter
    of degree.

    >>> threshold_of("a / b * 100 > 5 and b > 0"), threshold_of("a > (14.4 * 0.5)"), threshold_of("-3 > a")
    (5.0, 7.2, -3.0)
    """
    found: list[float] = []

    def visit(node: Expr) -> None:
        value = _compared(node)
        if value is not None:
            found.append(value)

    tree = parsed(expr)
    if tree is not None:
        walk(tree, post_visit=visit)
    return found[0] if found else None


def untried(rules: Sequence[Rule]) -> Iterator[str]:
    """A sentence for each reason for which alerts are not tried, or not with other thresholds."""
    alerts = [rule for rule in rules if rule.alert]
    whole = dict.fromkeys(rule.name for rule in alerts if not _is_tried(rule))
    if whole:
        told = "they read alerts, which would change with them, or promql-parser does not take them"
        yield f"--tune tries nothing of {', '.join(whole)}: {told}"
    tried = [rule for rule in alerts if _is_tried(rule)]
    without = dict.fromkeys(rule.name for rule in tried if threshold_of(rule.expr) is None)
    if without:
        yield f"--tune tries no threshold of {', '.join(without)}: they compare with no number but zero"


def _is_tried(rule: Rule) -> bool:
    return parsed(rule.expr) is not None and not reads(rule.expr) & {"ALERTS", "ALERTS_FOR_STATE", ""}


def _compared(node: Expr) -> float | None:
    """The constant on one side of a comparison, but for zero."""
    if not isinstance(node, BinaryExpr) or str(node.op) not in _COMPARES:
        return None
    left, right = _constant(node.lhs), _constant(node.rhs)
    if left is not None and right is not None:
        return None
    value = right if left is None else left
    return value if value and math.isfinite(value) else None


def _constant(node: Expr) -> float | None:
    """The value of a number, or of arithmetic with numbers; None for all else."""
    if isinstance(node, NumberLiteral):
        return node.val
    if isinstance(node, ParenExpr):
        return _constant(node.expr)
    if isinstance(node, UnaryExpr):
        value = _constant(node.expr)
        return None if value is None else -value
    if isinstance(node, BinaryExpr) and str(node.op) in _ARITHMETIC:
        left, right = _constant(node.lhs), _constant(node.rhs)
        if left is not None and right is not None:
            with suppress(ArithmeticError, ValueError):
                return _ARITHMETIC[str(node.op)](left, right)
    return None


def _with_threshold(expr: str, value: float) -> str:
    """Wherever it compares with its threshold: of several windows of a burn rate, one alone would change nothing."""
    now = threshold_of(expr)

    def changed(node: Expr) -> Expr | None:
        if not isinstance(node, BinaryExpr) or _compared(node) != now:
            return None
        left, right = (repr(value) if _constant(one) is not None else one.prettify() for one in (node.lhs, node.rhs))
        word = " bool" if node.modifier is not None and node.modifier.return_bool else ""
        return promql_parser.parse(f"{left} {node.op}{word} {right}")

    return transform(promql_parser.parse(expr), post_visit=changed).prettify()


def trials(tried: Sequence[Variant], verdicts: Sequence[Verdict]) -> Iterator[Trial]:
    """What each variant was worth, by its verdict in one world; none where it could not be tested."""
    for variant, verdict in zip(tried, verdicts, strict=True):
        if verdict.kind not in ("untestable", "refused"):
            false = [one.firing for one in verdict.firings if one.kind == "false_alarm"]
            yield Trial(
                (verdict.file, verdict.line, verdict.name),
                variant.place,
                variant.setting,
                variant.value,
                variant.own,
                verdict.kind in TRUE,
                verdict.to_detect_s,
                len(false),
                sum(one.end - one.start + verdict.interval_s for one in false),
            )
