"""Which rules read which, and which of them no order can undo: those alone are asked step by step."""

from __future__ import annotations

import pytest

from epicenter.rules.files import Rule
from epicenter.rules.order import in_order, knots, read_by


def alert(name: str, expr: str, group: str = "g", **labels: str) -> Rule:
    return Rule(name, True, expr, 0.0, 0.0, labels, "a.yml", group, 0, 60.0, 0)


def record(name: str, expr: str, group: str = "g", **labels: str) -> Rule:
    return Rule(name, False, expr, 0.0, 0.0, labels, "a.yml", group, 0, 60.0, 0)


# kube-prometheus mutes alerts of the severity info with it
INHIBITOR = (
    'ALERTS{severity="info"} == 1 unless on (namespace) '
    'ALERTS{alertname!="InfoInhibitor", severity=~"warning|critical", alertstate="firing"} == 1'
)


def named(*rules: Rule) -> list[list[str]]:
    return [[rules[place].name for place in knot] for knot in knots(rules, read_by(rules))]


def test_alerts_on_alerts_are_told_apart_by_the_labels_that_they_set() -> None:
    rules = (
        alert("InfoInhibitor", INHIBITOR, severity="none"),
        alert("Low", "up == 0", "other", severity="info"),
        alert("Templated", "up == 0", "other", severity="{{ $labels.severity }}"),
        alert("Unset", "up == 0", "other"),
        alert("None", "up == 0", "other", severity="none"),
    )
    assert read_by(rules)[0] == [1, 2, 3]
    assert [rule.name for rule in in_order(rules)] == ["Low", "Templated", "Unset", "InfoInhibitor", "None"]


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ((alert("A", "m > 0", "one"), record("m", "sum(up)", "two")), [["m"], ["A"]]),
        ((alert("A", "m > 0"), alert("B", "up == 0"), record("m", "sum(up)")), [["A", "m"], ["B"]]),
        ((record("m", "sum(up) + m offset 1m"), alert("A", "m > 0")), [["m"], ["A"]]),
        ((record("m", "n + 1", "one"), alert("A", "up"), record("n", "m", "two")), [["m", "n"], ["A"]]),
        ((alert("A", 'ALERTS{alertname="B"}', "one"), alert("B", 'ALERTS{alertname="A"}', "two")), [["A", "B"]]),
        ((alert("A", 'm{by="y"} > 0'), record("m", "sum(up)", by="x")), [["A"], ["m"]]),
        ((alert("A", "holt_winters(m[5m], 0.5, 0.5) > 0", "one"), record("m", "up", "two")), [["m"], ["A"]]),
        ((alert("A", '{__name__=~"m:.*"} > 0', "one"), record("m:n", "up", "two")), [["m:n"], ["A"]]),
    ],
)
def test_rules_come_after_what_they_read_and_what_no_order_undoes_is_together(
    rules: tuple[Rule, ...], found: list[list[str]]
) -> None:
    assert named(*rules) == found
