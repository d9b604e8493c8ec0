"""What an expression reads: the metrics without which it can say nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache

import promql_parser
from promql_parser import BinaryExpr, Call, Expr, Matcher, MatchOp, MatrixSelector, VectorSelector, walk

from .files import Rule

There = Mapping[str, Mapping[str, Collection[str]] | None]
"""Metric -> label -> its values in the world; None for a recorded metric, of whose labels nothing is known."""

_TELLS_OF_ABSENCE = ("absent", "absent_over_time")
_WHOSE = frozenset(
    {
        *("job", "instance", "cluster", "region", "namespace", "node", "pod", "container"),
        *("service", "service_name", "service_namespace", "deployment", "statefulset", "daemonset", "cronjob"),
        *("horizontalpodautoscaler", "persistentvolumeclaim", "device", "mountpoint", "fstype"),
        *("http_route", "route", "handler", "path", "le", "quantile"),
    }
)
"""Labels that say whose a series is, or which bucket of it: no fault makes a value of them that was not there.

Names as Prometheus, kube-state-metrics, the node exporter and OpenTelemetry's conventions have them. Of any other
label, such as a code, a reason or a condition, a fault may bring a value that was never seen.
"""
_WORD = re.compile(r"[a-zA-Z_:][\w:]*")
_NAMELESS = re.compile(r"(?<![\w:])\{|__name__")
"""A selector that may have no name before its braces."""


def parsed(expr: str) -> Expr | None:
    """None where promql-parser does not take it, which Prometheus still may."""
    try:
        return promql_parser.parse(expr)
    except ValueError:
        return None


def reads(expr: str) -> frozenset[str]:
    """All metric names in the expression; empty where it is not parsed."""
    tree = parsed(expr)
    return frozenset() if tree is None else frozenset(_name(selector) for selector in _selectors(tree))


def selecting(exprs: Iterable[str]) -> Callable[[str], bool]:
    """Whether any of the expressions may read the metric of a name: by that name, by a pattern, or by labels alone.

    One that is not parsed may read whatever its words name.
    """
    named: set[str] = set()
    patterns: set[str] = set()
    for expr in exprs:
        tree = parsed(expr)
        if tree is None:
            named.update(_WORD.findall(expr))
            patterns.update({".*"} if _NAMELESS.search(expr) else ())
            continue
        for selector in _selectors(tree):
            name = _name(selector)
            told = [m.value for m in selector.matchers.matchers if m.name == "__name__" and m.op == MatchOp.Re]
            if name:
                named.add(name)
            else:
                patterns.add(told[0] if told else ".*")

    @cache
    def selects(name: str) -> bool:
        return name in named or any(_some_match(pattern, (name,)) for pattern in patterns)

    return selects


def missing(expr: str, there: There) -> frozenset[str]:
    """The metrics that are not there and without which the expression is empty, whatever happens.

    Of `a or b` one side is enough that reads anything. `absent(m{l="v"})` needs m, with that value of l: where
    nobody ever had it, it only says so. Any other selector needs the label, and the value where it says whose the
    series is: else a fault may bring it.
    """
    tree = parsed(expr)
    return frozenset() if tree is None else _missing(tree, there)


def _missing(tree: Expr, there: There, *, whose: bool = True) -> frozenset[str]:
    if isinstance(tree, BinaryExpr):
        # what is not there takes nothing away, and need not be
        left = _missing(tree.lhs, there, whose=whose)
        right = _missing(tree.rhs, there, whose=whose and str(tree.op) != "unless")
        if str(tree.op) == "or":
            # `x or vector(0)` has a value where nobody has x, and says nothing of it
            says = [lacks for side, lacks in ((tree.lhs, left), (tree.rhs, right)) if _selectors(side)]
            return frozenset() if not all(says) else left | right
        return left | right  # of `unless` too: without its second side it would fire for a metric that nobody has
    if isinstance(tree, Call) and tree.func.name not in _TELLS_OF_ABSENCE:
        return frozenset[str]().union(*(_missing(one, there, whose=whose) for one in tree.args))
    if isinstance(tree, VectorSelector | MatrixSelector | Call):
        exact = None if isinstance(tree, Call) else _WHOSE if whose else ()
        return frozenset(lack for one in _selectors(tree) if (lack := _lack(one, there, exact)))
    inner = getattr(tree, "expr", None)
    return _missing(inner, there, whose=whose) if isinstance(inner, Expr) else frozenset()


def _lack(selector: VectorSelector, there: There, exact: Collection[str] | None) -> str:
    """What the selector lacks, "" if nothing; of the labels in `exact`, None for all, it needs the value too."""
    name = _name(selector)
    if not name:
        return ""
    if name not in there:
        return name
    labels = there[name]
    if labels is None:
        return ""
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__" or matcher.op not in (MatchOp.Equal, MatchOp.Re) or not matcher.value:
            continue
        seen = labels.get(matcher.name, frozenset())
        if seen and exact is not None and matcher.name not in exact:
            continue
        # RE2 knows a few things that Python does not; what Python refuses is taken as found
        regex = matcher.op == MatchOp.Re
        if not (_some_match(matcher.value, {*seen, ""}) if regex else matcher.value in seen):
            sign = "=~" if regex else "="
            return f'{name} (label {matcher.name}{sign}"{matcher.value}")'
    return ""


def moves(expr: str, moving: There) -> bool:
    """Whether anything that the expression reads may change, time included; `moving` is of the series that do."""
    tree = parsed(expr)
    selectors = [] if tree is None else _selectors(tree)
    if tree is None or not selectors or _tells_time(tree):
        return True
    return any(not _lack(one, moving, None) for one in selectors)


def _some_match(pattern: str, values: Collection[str]) -> bool:
    try:
        return any(re.fullmatch(pattern, value) for value in values)
    except re.error:
        return True


def unknown_needs(rule: Rule) -> Iterator[str]:
    """A sentence where the expression is not parsed."""
    if parsed(rule.expr) is None:
        yield (
            f"{rule.where}: promql-parser does not take its expression: what it needs is not known, and where it is "
            "quiet it may have lacked it"
        )


def tells_of_absence(expr: str) -> bool:
    """It fires because something is not there."""
    return any(f"{name}(" in expr.replace(" ", "") for name in _TELLS_OF_ABSENCE)


def _selectors(tree: Expr) -> list[VectorSelector]:
    found: list[VectorSelector] = []

    def visit(node: Expr) -> bool:
        if isinstance(node, MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, VectorSelector):
            found.append(node)
        return True

    walk(tree, visit)
    return found


def _tells_time(tree: Expr) -> bool:
    """It asks for the time, as `time()` and `hour()` do."""
    found: list[Expr] = []

    def visit(node: Expr) -> bool:
        if isinstance(node, Call) and not node.args and node.func.name != "pi":
            found.append(node)
        return True

    walk(tree, visit)
    return bool(found)


def _name(selector: VectorSelector) -> str:
    if selector.name:
        return selector.name
    named = [m.value for m in selector.matchers.matchers if m.name == "__name__" and m.op == MatchOp.Equal]
    return named[0] if named else ""


def may_read(expr: str) -> Callable[[Mapping[str, str]], bool]:
    """Whether the expression may read a series with these labels, `__name__` among them, and others that nobody knows.

    One that is not parsed may read whatever its words name.
    """
    tree = parsed(expr)
    if tree is None:
        selects = selecting([expr])
        return lambda labels: selects(labels["__name__"])
    selectors = _selectors(tree)
    return lambda labels: any(_may_take(one, labels) for one in selectors)


def _may_take(selector: VectorSelector, labels: Mapping[str, str]) -> bool:
    if selector.name and selector.name != labels["__name__"]:
        return False
    return all(_may_match(one, labels[one.name]) for one in selector.matchers.matchers if one.name in labels)


def _may_match(matcher: Matcher, value: str) -> bool:
    if matcher.op in (MatchOp.Equal, MatchOp.NotEqual):
        return (matcher.value == value) == (matcher.op == MatchOp.Equal)
    try:
        return (re.fullmatch(matcher.value, value) is not None) == (matcher.op == MatchOp.Re)
    except re.error:  # RE2 knows a few things that Python does not
        return True
