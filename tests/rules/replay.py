"""The shipped rules over recorded history: when would each alert have fired?

Prometheus evaluates the expressions; only the state machine of `for` is ours. Recording rules are put into the
alerts' expressions in place of their names, a range over one as a subquery at its group's interval: the same
values as recorded ones, but for the up to 30 seconds by which groups run apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from tests.prometheus import Prometheus

FOLDER = Path(__file__).parents[2] / "rules"
FILES = tuple(FOLDER / f"{name}.yml" for name in ("epicenter", "dialects", "spans", "dns", "loops", "self"))
"""The shipped rule files, each after those whose results it reads."""


@dataclass(frozen=True)
class Alert:
    """One alerting rule, its expression in terms of scraped metrics alone."""

    name: str
    expr: str
    for_s: float
    interval_s: float
    group: str


@dataclass(frozen=True)
class Firing:
    """One stretch of time in which an alert fired for one set of labels; Unix seconds of evaluations."""

    alert: str
    labels: Mapping[str, str]
    start: float
    end: float


def groups(files: Sequence[Path] = FILES) -> list[dict[str, Any]]:
    """The rule groups of these files, in order."""
    return [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]


def alerts() -> list[Alert]:
    """The shipped alerting rules."""
    return _rules()[1]


def recorded(name: str) -> str:
    """The expression of a shipped recording rule, in terms of scraped metrics alone."""
    return _rules()[0][name]


def replay(alert: Alert, prometheus: Prometheus, start: float, end: float) -> list[Firing]:
    """When the alert fired between two Unix seconds, by label set."""
    firings: list[Firing] = []
    for line in prometheus.query_range(alert.expr, start, end, alert.interval_s):
        active: list[float] = []
        for at in [*sorted(line.points), float("inf")]:
            if active and at - active[-1] > alert.interval_s:
                if active[-1] - active[0] >= alert.for_s:
                    firings.append(Firing(alert.name, line.labels, active[0] + alert.for_s, active[-1]))
                active = []
            active.append(at)
    return sorted(firings, key=lambda firing: firing.start)


@cache
def _rules() -> tuple[dict[str, str], list[Alert]]:
    recorded: dict[str, str] = {}
    found: list[Alert] = []
    for group in groups():
        for rule in group["rules"]:
            expr = _inlined(_without_comments(rule["expr"]), recorded, group["interval"])
            if "record" in rule:
                before = f"{recorded[rule['record']]} or " if rule["record"] in recorded else ""
                recorded[rule["record"]] = before + _labelled(expr, rule.get("labels", {}))
            else:
                for_s = promql_parser.parse_duration(rule["for"]).total_seconds()
                interval_s = promql_parser.parse_duration(group["interval"]).total_seconds()
                found.append(Alert(rule["alert"], expr, for_s, interval_s, group["name"]))
    return recorded, found


def _labelled(expr: str, labels: Mapping[str, str]) -> str:
    for label, value in labels.items():
        expr = f'label_replace({expr}, "{label}", "{value}", "", "")'
    return expr


def _inlined(expr: str, recorded: Mapping[str, str], interval: str) -> str:
    for name in sorted(recorded, key=len, reverse=True):
        end = r"(?![\w:])"
        expr = re.sub(
            rf"{name}{end}\[(\w+)\]", lambda found, name=name: f"({recorded[name]})[{found[1]}:{interval}]", expr
        )
        expr = re.sub(rf"(?<![\w:]){name}{end}", lambda _, name=name: f"({recorded[name]})", expr)
    return expr


def _without_comments(expr: str) -> str:
    return re.sub(r"\s#.*", "", expr)
