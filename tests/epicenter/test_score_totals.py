"""What many cases come to, and what a run must reach."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from epicenter.collector.errors import UsageError
from epicenter.scoring.cases import Row
from epicenter.scoring.expectations import METRICS, Expectation, parse_expectation
from epicenter.scoring.table import render
from epicenter.scoring.totals import LESS_IS_BETTER, totals_of
from tests.epicenter.told import CALM, RIGHT, blames, row, truth

NO_LOOP = msgspec.structs.replace(RIGHT, sustaining=())
CRASHED = Row("made-up", 1, "default", crashed="ValueError: no", why=("crashed: ValueError: no",))


def test_shares_are_of_the_worlds_with_an_incident_seen_or_not() -> None:
    totals = totals_of([row(truth(), RIGHT), row(truth(), blames("web")), row(truth()), row(CALM)])
    assert (totals.cases, totals.incident, totals.root_top1) == (4, pytest.approx(2 / 3, abs=1e-4), 0.3333)


def test_storms_are_counted_in_calm_worlds_too() -> None:
    quiet = truth(storm=False, metastable=False)
    rows = [row(truth(), RIGHT), row(truth(), NO_LOOP), row(quiet, NO_LOOP), row(quiet, RIGHT), row(CALM, RIGHT)]
    totals = totals_of(rows)
    assert (totals.storm_precision, totals.storm_recall, totals.storm_f1) == (0.3333, 0.5, 0.4)
    assert totals.metastable_f1 == 0.4


def test_without_any_storm_there_is_nothing_to_be_precise_about() -> None:
    totals = totals_of([row(CALM)])
    assert (totals.storm_precision, totals.storm_recall, totals.storm_f1, totals.root_top1) == (None,) * 4


def test_false_incidents_are_per_calm_day_and_strays_beside_a_true_incident_are_not() -> None:
    stray = msgspec.structs.replace(RIGHT, started_at=1100.0, ended_at=1200.0)
    totals = totals_of([row(CALM, RIGHT, RIGHT), row(CALM), row(truth(), stray, RIGHT)])
    assert (totals.calm_days, totals.false_incidents_per_day, totals.stray_incidents) == (1.0, 2.0, 1)


def test_what_never_was_explained_is_later_than_all_that_was() -> None:
    times = [10.0, None, 20.0]
    rows = [row(truth(), RIGHT, time_to_explain_s=time) for time in times]
    assert totals_of(rows).time_to_explain_s == 20.0
    assert totals_of([*rows, rows[1]]).time_to_explain_s is None


def test_a_crash_is_right_in_nothing_and_shown() -> None:
    totals = totals_of([row(truth(), RIGHT), CRASHED])
    assert (totals.crashed, totals.root_top1, totals.incident) == (1, 0.5, 0.5)
    assert "crashed: ValueError: no" in shown([row(truth(), RIGHT), CRASHED])


def test_the_table_shows_every_scenario_and_the_misses() -> None:
    text = shown([row(truth(), RIGHT), row(truth(), blames("web"), scenario="other", seed=7)])
    assert [line.split()[:3] for line in text.splitlines() if line.startswith(("made-up ", "all "))] == [
        ["made-up", "1", "1.00"],
        ["all", "2", "1.00"],
    ]
    assert "other, seed 7, default" in text
    assert "said web (dns.empty_record), confidence 0.90" in text


def shown(rows: list[Row]) -> str:
    out = io.StringIO()
    render(rows, totals_of(rows), Console(file=out, width=80))
    return out.getvalue()


@pytest.mark.parametrize(
    ("expectation", "broken"),
    [
        (Expectation("root_top1", 0.5), False),
        (Expectation("root_top1", 0.51), True),
        (Expectation("time_to_explain_s", 60.0), False),
        (Expectation("time_to_explain_s", 20.0), True),
        (Expectation("false_incidents_per_day", 0.0), True),
    ],
)
def test_an_expectation_is_the_least_or_of_what_should_be_small_the_most(
    expectation: Expectation, broken: bool
) -> None:
    totals = totals_of([row(truth(), RIGHT, time_to_explain_s=30.0), row(truth(), blames("x"), time_to_explain_s=30.0)])
    assert (expectation.broken_by(totals) is not None) is broken


def test_what_has_no_value_meets_no_expectation() -> None:
    assert "no value" in (Expectation("storm_f1", 0.0).broken_by(totals_of([row(CALM)])) or "")


def test_which_metrics_should_be_small_are_all_metrics() -> None:
    assert set(METRICS) >= LESS_IS_BETTER


@pytest.mark.parametrize(
    ("text", "rule"),
    [("root_top_1=1", "did you mean 'root_top1'"), ("root_top1", "METRIC=VALUE"), ("root_top1=nan", "METRIC=VALUE")],
)
def test_an_expectation_that_cannot_be_read_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        parse_expectation(text)
