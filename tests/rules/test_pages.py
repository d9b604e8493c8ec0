"""What is counted of a world's pages, and of an alert over several worlds, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from epicenter.report.alerts import trust
from epicenter.rules.pages import Pages, coverage_of, pages_of
from epicenter.rules.results import Backtest
from epicenter.rules.totals import report
from epicenter.rules.verdicts import Kind, Verdict
from epicenter.synthetic.truth import Truth
from tests.rules.verdicts import OUTAGE, fired, verdict

DAY = 86_400.0


def test_a_cause_that_comes_after_two_symptoms_and_a_false_alarm() -> None:
    alerts = (
        verdict("Symptoms", "symptom", fired("symptom", 1060, 1500), fired("symptom", 1090, 1500, "page")),
        verdict("Cause", "cause", fired("cause", 1120, 1300), fired("false_alarm", 100, 200)),
    )
    assert pages_of(alerts, OUTAGE) == Pages(3, 1, 60.0, 120.0, 1 / 3, 2)


def test_rules_that_are_the_same_in_two_files_page_once_and_again_once_they_had_ceased() -> None:
    firings = (fired("cause", 1120, 1300), fired("cause", 1420, 1500))
    here, there = verdict("Cause", "cause", *firings), verdict("Cause", "cause", fired("cause", 1150, 1300))
    assert pages_of((here, replace(there, file="more.yml")), OUTAGE) == pages_of((here,), OUTAGE)
    assert pages_of((here, replace(there, name="Other")), OUTAGE) == Pages(3, 0, 120.0, 120.0, 1.0, 0)


def test_a_page_lasts_until_an_evaluation_sees_that_it_ceased() -> None:
    slow = replace(verdict("Cause", "cause", fired("cause", 1060, 1120)), interval_s=60.0)
    fast = replace(verdict("Cause", "cause", fired("cause", 1150, 1180)), file="more.yml", interval_s=30.0)
    late = replace(fast, firings=(fired("cause", 1210, 1240),))
    assert (pages_of((slow, fast), OUTAGE).outage, pages_of((slow, late), OUTAGE).outage) == (1, 2)


def test_a_warning_wakes_nobody() -> None:
    alerts = (verdict("Cause", "cause", fired("cause", 1120, 1300, severity="warning")),)
    assert pages_of(alerts, OUTAGE) == Pages(0, 0, None, None, None, None)


def test_each_phase_is_covered_by_the_alerts_that_tell_of_it_alone() -> None:
    alerts = (
        verdict("Cause", "cause", fired("cause", 1200, 1270)),
        verdict("Symptom", "symptom", fired("symptom", 1190, 1220), fired("false_alarm", 1000, 2000)),
        verdict("Loop", "loop", fired("loop", 1500, 1870)),
    )
    found = {one.phase: one for one in coverage_of(alerts, OUTAGE, 3000.0)}
    assert found["trigger"].share == pytest.approx(100 / 400)
    assert found["cascade"].share == pytest.approx(110 / 900)
    assert found["loop"].share == pytest.approx(300 / 400)
    assert found["recovery"].share == pytest.approx(100 / 200)


def test_calm_weather_has_no_phases() -> None:
    assert coverage_of((), Truth.calm({}), 3000.0) == ()


def test_an_alert_over_an_outage_that_it_caught_one_that_it_could_not_see_and_two_calm_days() -> None:
    results = (
        _world(OUTAGE, DAY, verdict("A", "cause", *[fired("cause", 1120, 1300)] * 3)),
        _world(OUTAGE, DAY, verdict("A", "untestable", needs=("m",))),
        _world(Truth.calm({}), 2 * DAY, verdict("A", "false_alarm", fired("false_alarm", 5, 9))),
    )
    (one,) = report((), results).rules
    assert (one.tested, one.caught, one.recall, one.true, one.false) == (1, 1, 1.0, 3, 1)
    assert one.precision == pytest.approx(0.75)
    assert one.needs == ("m",)
    assert one.calm_s == 3 * DAY - (2000 + 3600 - 1000)
    assert one.false_per_day == pytest.approx(DAY / one.calm_s)


def test_an_alert_that_nothing_could_test_has_no_precision_and_no_recall() -> None:
    (one,) = report((), (_world(OUTAGE, DAY, verdict("A", "untestable", needs=("m",))),)).rules
    assert (one.precision, one.recall, one.false_per_day) == (None, None, None)


def test_an_outage_that_changes_nothing_of_what_an_alert_reads_is_none_that_it_missed() -> None:
    firing = verdict("A", "cause", fired("cause", 1100.0, 1200.0))
    worlds = [_world(OUTAGE, DAY, one) for one in (firing, verdict("A", "quiet"), verdict("A", "quiet", still=True))]
    (one,) = report((), worlds).rules
    assert (one.tested, one.caught, one.still) == (2, 1, 1)
    assert "caught 1 of 2 outages; nothing that it reads changes in 1 world" in trust(one)


def test_alerts_of_one_name_and_no_line_are_counted_apart() -> None:
    firing = verdict("A", "cause", fired("cause", 1100.0, 1200.0))
    told = report((), [_world(OUTAGE, DAY, firing, verdict("A", "quiet")) for _ in range(2)]).rules
    assert [(one.caught, one.tested) for one in told] == [(2, 2), (0, 2)]


def test_what_nobody_could_judge_is_told_as_fired_and_only_what_is_refused_everywhere_as_refused() -> None:
    kinds: tuple[Kind, ...] = ("fired", "quiet")
    worlds = [_world(OUTAGE, DAY, verdict("A", kind), verdict("B", "refused")) for kind in kinds]
    unknown = [replace(one, truth=None) for one in worlds]
    assert [trust(one) for one in report((), unknown).rules] == ["fired in 1 of 2, not judged", "refused"]


def _world(truth: Truth, end: float, *verdicts: Verdict) -> Backtest:
    coverage = coverage_of(verdicts, truth, end)
    return Backtest("made-by-hand", 0.0, end, truth, pages_of(verdicts, truth), coverage, verdicts, ())
