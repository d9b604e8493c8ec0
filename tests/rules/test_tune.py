"""Other settings of an alert, tried on the same samples: what its own cost, and which do better."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from epicenter.rules.advice import Advice, advice_on
from epicenter.rules.files import read_rules
from epicenter.rules.results import Backtest
from epicenter.rules.tune import Setting, Trial, threshold_of, untried, variants
from epicenter.rules.worlds import over
from epicenter.synthetic.truth import Truth
from tests.programs import require
from tests.simulated import simulated

RULES = """groups:
  - name: g
    interval: 30s
    rules:
      - {alert: Empty, expr: "max by (instance) (probe_dns_answer_rrs) < 1", for: 10m}
      - {alert: OnAlerts, expr: 'count(ALERTS{alertname="Empty"}) > 3'}
      - {record: "r", expr: "sum(up) > 2"}
      - {alert: Newer, expr: "max_of(up, 1m) > 2"}
"""
RULE = ("rules.yml", 5, "Empty")
HOUR = 3600.0


def world(*trials: Trial, truth: Truth, hours: float = 48.0) -> Backtest:
    return Backtest("w", 0.0, hours * HOUR, truth, None, (), (), (), trials)


def trial(value: float, to_detect_s: float | None, false: int, *, own: bool = False, setting: Setting = "for") -> Trial:
    return Trial(RULE, 0, setting, value, own, to_detect_s is not None, to_detect_s, false, false * 300.0)


@pytest.fixture(scope="module")
def outage() -> Truth:
    return simulated("dns-root-no-storm").truth


@pytest.fixture(scope="module")
def calm(outage: Truth) -> Truth:
    return replace(outage, trigger_start=None, trigger_end=None, incident=None)


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("a / b * 100 > 5 and b > 0", 5.0),
        ("histogram_quantile(0.99, sum(rate(a[5m])) by (le)) >= 1.5e3", 1500.0),
        ("count(a > bool 4) > 2", 4.0),
        ("up == 0", None),
        ('rate(a{code=~"5.."}[5m]) > 0', None),
        ("time() - a > b", None),
        ("a > 1m5", None),
        ('a{path=">5 \\" <6"} > 7', 7.0),
        ("a > (14.40*0.01)", 14.4 * 0.01),
        ("a > ( 25 / 100 ) * 2 ^ 2", 1.0),
        ("0.01 < a", 0.01),
        ("-3 > a", -3.0),
        ("a > -(2 + 1)", -3.0),
        ("a > 5 - 5 and b > 7", 7.0),
        ("a > 1 / 0", None),
        ("2 > bool 1", None),
        ("a > scalar(b)", None),
    ],
)
def test_the_threshold_is_the_first_number_but_zero_that_something_is_compared_with(
    expr: str, found: float | None
) -> None:
    assert threshold_of(expr) == found


@pytest.mark.parametrize(
    ("expr", "doubled"),
    [
        ("a > (14.40*0.5)", "a > 14.4"),
        ("0.01 < a", "0.02 < a"),
        ("a > bool -3", "a > bool -6"),
        ("count(a > 4) by (x) <= 2", "count by (x) (a > 8) <= 2"),
        ("a > (2 * 3) and on (x) b > (2 * 3)", "a > 12 and on (x) b > 12"),
        ('a{path=">5"} > 5', 'a{path=">5"} > 10'),
    ],
)
def test_a_threshold_is_changed_where_it_stands_whatever_it_is_made_of(expr: str, doubled: str, tmp_path: Path) -> None:
    text = f"groups:\n  - {{name: g, rules: [{{alert: A, expr: {json.dumps(expr)}}}]}}\n"
    (tmp_path / "rules.yml").write_text(text, encoding="utf-8")
    tried = [one for one in variants(read_rules([str(tmp_path)]).rules) if one.setting == "threshold" and not one.own]
    own = threshold_of(expr)
    assert own is not None
    (double,) = [one.rule.expr for one in tried if one.value == own * 2.0]
    assert " ".join(double.split()) == doubled


def test_what_is_not_tried_is_listed(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(f"{RULES}      - {{alert: Down, expr: up == 0}}\n", encoding="utf-8")
    whole, thresholds = untried(read_rules([str(tmp_path)]).rules)
    assert whole.startswith("--tune tries nothing of OnAlerts, Newer: ")
    assert thresholds == "--tune tries no threshold of Down: they compare with no number but zero"


def test_alerts_are_tried_with_each_setting_and_those_on_alerts_are_not(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    tried = list(variants(read_rules([str(tmp_path)]).rules))
    assert {one.rule.name for one in tried} == {"Empty"}
    own = [one for one in tried if one.own]
    assert [(one.setting, one.value) for one in own] == [("for", 600.0), ("threshold", 1.0)]
    assert {one.value: one.rule.for_s for one in tried if one.setting == "for"} == {
        value: value for value in (0.0, 60.0, 120.0, 300.0, 600.0, 900.0)
    }
    assert "max by (instance) (probe_dns_answer_rrs) < 0.25" in {one.rule.expr for one in tried}


def test_a_shorter_for_is_advised_where_it_is_sooner_and_cries_for_nothing(outage: Truth, calm: Truth) -> None:
    told = advice_on(
        [
            world(trial(60.0, 75.0, 0), trial(600.0, 660.0, 0, own=True), trial(0.0, 15.0, 0), truth=outage),
            world(trial(60.0, None, 0), trial(600.0, None, 0, own=True), trial(0.0, None, 2), truth=calm),
        ]
    )
    (one,) = told
    assert (one.now, one.better, one.saved_s) == (600.0, 60.0, 585.0)
    assert (one.caught, one.caught_now, one.outages, one.false, one.false_now) == (1, 1, 1, 0, 0)
    assert one.calm_s >= 48 * HOUR


def test_an_outage_is_never_given_up_for_fewer_false_alarms(outage: Truth) -> None:
    own, quiet = trial(60.0, 90.0, 3, own=True), trial(600.0, None, 0)
    assert not list(advice_on([world(own, quiet, truth=outage)]))
    costly = trial(300.0, 330.0, 0)
    (one,) = advice_on([world(own, quiet, costly, truth=outage)])
    assert (one.better, one.false, one.false_now, one.saved_s) == (300.0, 0, 3, -240.0)


def test_false_alarms_that_grew_into_fewer_and_longer_ones_are_no_better(calm: Truth) -> None:
    own = replace(trial(0.5, None, 4, own=True, setting="threshold"), false_s=85_680.0)
    merged = replace(trial(0.375, None, 2, setting="threshold"), false_s=86_580.0)
    assert not list(advice_on([world(own, merged, truth=calm)]))
    shorter = replace(trial(0.75, None, 3, setting="threshold"), false_s=60_000.0)
    (one,) = advice_on([world(own, merged, shorter, truth=calm)])
    assert (one.better, one.false, one.false_now) == (0.75, 3, 4)


def test_no_outage_is_given_up_for_another_one(outage: Truth) -> None:
    own, other = trial(60.0, 90.0, 3, own=True), trial(300.0, 330.0, 0)
    deaf = replace(own, caught=False, to_detect_s=None), replace(other, caught=False, to_detect_s=None)
    assert not list(advice_on([world(own, deaf[1], truth=outage), world(deaf[0], other, truth=outage)]))


def test_alerts_of_one_name_and_no_line_are_told_apart(outage: Truth) -> None:
    first, better = trial(600.0, 660.0, 0, own=True), trial(60.0, 75.0, 0)
    second = [replace(one, place=1, to_detect_s=30.0) for one in (first, better)]
    (one,) = advice_on([world(first, better, *second, truth=outage), world(first, better, truth=outage)])
    assert (one.caught, one.outages, one.saved_s) == (2, 2, 585.0)


def test_what_catches_more_is_advised_and_what_is_best_already_is_left_alone(outage: Truth) -> None:
    missing, catching = trial(600.0, None, 0, own=True), trial(60.0, 90.0, 0)
    (one,) = advice_on([world(missing, catching, truth=outage)])
    assert isinstance(one, Advice)
    assert (one.caught_now, one.caught) == (0, 1)
    assert not list(advice_on([world(replace(catching, own=True), replace(missing, own=False), truth=outage)]))


def test_on_a_real_prometheus_ten_minutes_of_for_cost_nearly_ten_minutes(tmp_path: Path) -> None:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    rules = read_rules([str(tmp_path)]).rules
    result = over(rules, simulated("dns-root-no-storm"), tune=True)
    assert [one.to_detect_s for one in result.trials if one.own] == [result.verdicts[0].to_detect_s] * 2
    times = {one.value: one.to_detect_s or 0.0 for one in result.trials if one.setting == "for"}
    assert [times[value] - times[0.0] for value in sorted(times)][:5] == [0.0, 60.0, 120.0, 300.0, 600.0]
    advice = {one.setting: one for one in advice_on([result])}
    assert (advice["for"].now, advice["for"].better, advice["for"].saved_s) == (600.0, 0.0, 600.0)
