"""A backtest on a terminal: what stands first, and what is not listed."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from epicenter.report import alerts_html
from epicenter.report.alerts import overall, render
from epicenter.rules.pages import pages_of
from epicenter.rules.results import Backtest
from epicenter.rules.totals import report
from epicenter.rules.verdicts import Verdict
from epicenter.synthetic.truth import Truth
from tests.report.example_backtests import CALM, UNKNOWN, WORLD
from tests.rules.verdicts import OUTAGE, fired, verdict


def _printed(*results: Backtest) -> list[str]:
    out = StringIO()
    render(report((), results), Console(file=out, width=100))
    return out.getvalue().splitlines()


def _outage(*verdicts: Verdict) -> Backtest:
    return replace(WORLD, verdicts=verdicts)


def test_one_sentence_over_all_worlds_stands_first_where_there_are_several() -> None:
    assert _printed(WORLD, CALM)[:2] == [
        "2 worlds: of 1 outage 1 told by the cause; 11 false alarms in 24 h 16 min 40 s of calm.",
        "",
    ]
    assert _printed(WORLD)[0].startswith("an-outage: 9 alerts: ")
    assert f"<p>{_printed(WORLD, CALM)[0]}</p>\n<nav" in alerts_html.render(report((), (WORLD, CALM)))
    assert "<nav" not in alerts_html.render(report((), (WORLD,)))


def test_each_outage_counts_by_the_best_of_its_verdicts() -> None:
    symptom = verdict("A", "symptom", fired("symptom", 1100, 1200))
    unnamed = verdict("B", "unattributed", fired("unattributed", 1100, 1200))
    worlds = [_outage(symptom, unnamed), _outage(unnamed), _outage(verdict("C", "quiet")), _outage(), UNKNOWN]
    said = overall(worlds).partition(";")
    assert said[0] == "5 worlds: of 4 outages 1 by another part alone, 1 without naming anybody, 2 not at all"
    assert said[2].endswith("1 not judged.")


def test_worlds_in_which_nothing_broke_tell_of_false_alarms_alone() -> None:
    calm = replace(CALM, truth=Truth.calm({}), verdicts=())
    assert overall([calm, calm]) == "2 worlds; no false alarm in 48 h of calm."


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (("A",), "  quiet  A"),
        (("D", "A", "B", "C", "A"), "  quiet  5 alerts  A, A, B and 2 more"),
    ],
)
def test_alerts_that_stay_quiet_share_a_row(names: tuple[str, ...], row: str) -> None:
    rows = [line for line in _printed(_outage(*(verdict(name, "quiet") for name in names))) if "quiet  " in line]
    assert rows == [row]


def test_alerts_of_one_name_are_told_apart_by_where_they_stand() -> None:
    warns, pages = (verdict("A", "symptom", fired("symptom", 1100, 1200)) for _ in range(2))
    pages = replace(pages, line=9)
    told = _printed(_outage(warns, pages, verdict("B", "quiet")), CALM)
    assert [line.split("  ")[2] for line in told if line.startswith("  on a symptom")] == ["A (line 4)", "A (line 9)"]
    assert {line.split("  ")[1] for line in told if line.startswith("  A (")} == {"A (line 4)", "A (line 9)"}
    elsewhere = _printed(_outage(warns, replace(pages, file="more.yml")))
    assert any("  A (rules.yml:4)  " in line for line in elsewhere)
    assert any("  A (more.yml:9)  " in line for line in elsewhere)


def test_one_alert_and_one_false_alarm_are_told_in_the_singular() -> None:
    one = verdict("A", "false_alarm", fired("false_alarm", 100, 200))
    told = _printed(replace(_outage(one), pages=pages_of([one], OUTAGE)))
    assert told[0].startswith("an-outage: 1 alert: 1 false alarm")
    assert any(line.endswith("1 false alarm paged.") for line in told)


def test_those_that_had_nothing_to_see_are_told_apart() -> None:
    blind = [verdict(name, "quiet", still=True) for name in ("A", "C")]
    told = _printed(_outage(verdict("B", "quiet"), *blind))
    assert told[0] == "an-outage: 3 alerts: 3 quiet (2 of them with nothing to see)."
    assert [line for line in told if line.startswith("  quiet")] == [
        "  quiet  B",
        "  quiet  2 alerts  nothing that they read ever changes here: A, C",
    ]
    assert "3 alerts: 3 quiet (with nothing to see)." in _printed(_outage(*blind, blind[0]))[0]
    assert "  quiet  A  nothing that it reads ever changes here" in _printed(_outage(blind[0]))
