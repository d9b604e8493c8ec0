"""A backtest on a terminal: what stands first, and what is not listed."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from epicenter.report import alerts_html
from epicenter.report.alert_headlines import headline, others, overall
from epicenter.report.alerts import about, render, sentences
from epicenter.rules.notifications import Notifications
from epicenter.rules.pages import pages_of
from epicenter.rules.results import Backtest, Place
from epicenter.rules.totals import Report, report
from epicenter.rules.tune import Trial
from epicenter.rules.verdicts import Verdict
from epicenter.synthetic.truth import Truth
from tests.report.example_backtests import ADVICE, CALM, UNKNOWN, WORLD
from tests.rules.verdicts import OUTAGE, fired, verdict


def _printed(*results: Backtest) -> list[str]:
    return _lines(report((), results))


def _lines(told: Report) -> list[str]:
    out = StringIO()
    render(told, Console(file=out, width=100))
    return out.getvalue().splitlines()


def _outage(*verdicts: Verdict) -> Backtest:
    return replace(WORLD, verdicts=verdicts)


def test_one_line_over_all_worlds_stands_first_where_there_are_several() -> None:
    first = "2 worlds: 1 of 1 cause told; 11 false alarms in 1 d of calm."
    assert _printed(WORLD, CALM)[:3] == [
        first,
        "",
        "an-outage: cause told after 1 min 40 s; 11 false alarms.",
    ]
    assert _printed(WORLD)[1].startswith("  9 alerts: 1 on the cause, ")
    assert f"<p>{first}</p>\n<nav" in alerts_html.render(report((), (WORLD, CALM)))
    assert "<nav" not in alerts_html.render(report((), (WORLD,)))


def test_each_outage_counts_by_the_best_of_its_verdicts() -> None:
    symptom = verdict("A", "symptom", fired("symptom", 1100, 1200))
    unnamed = verdict("B", "unattributed", fired("unattributed", 1100, 1200))
    early, blind = (
        verdict("C", "early", fired("early", 900, 990)),
        (verdict("D", "untestable"), verdict("E", "refused")),
    )
    outages = [_outage(symptom, unnamed), _outage(unnamed), _outage(verdict("C", "quiet")), _outage(*blind), _outage()]
    worlds = [*outages, _outage(early, symptom), _outage(early), UNKNOWN]
    assert overall(worlds).partition(";")[0] == "8 worlds: none of 7 causes told"
    told = (
        "2 told before the impact, 1 told by another part alone, 1 told without naming anybody, 1 not told at all, "
        "2 not tested, 1 world not judged"
    )
    assert others(worlds) == f"Of the rest: {told}."
    assert others([WORLD]) == ""
    assert headline(_outage(early)) == "an-outage: told before the impact; no false alarm."
    assert headline(_outage(*blind)) == "an-outage: not tested; no false alarm."


def test_of_worlds_that_nobody_judges_it_is_told_how_many_alerts_fired_anywhere() -> None:
    silent = replace(UNKNOWN, verdicts=(verdict("Fired", "quiet"),))
    assert overall([silent, UNKNOWN, UNKNOWN]) == "3 worlds: 1 of 1 alert fired; nothing is judged."
    assert overall([silent, silent]) == "2 worlds: none of 1 alert fired; nothing is judged."
    assert others([silent, UNKNOWN]) == ""


def test_a_rule_that_stands_in_two_files_cries_wolf_once() -> None:
    wolf = verdict("A", "false_alarm", fired("false_alarm", 100, 200), fired("false_alarm", 700, 800))
    world = _outage(wolf, replace(wolf, file="more.yml"))
    told = _printed(replace(world, pages=pages_of(world.verdicts, OUTAGE)), CALM)
    assert told[0].endswith("; 2 false alarms in 1 d of calm.")
    assert "an-outage: not told at all; 2 false alarms." in told
    assert any(line.endswith("2 false alarms paged.") for line in told)


def test_an_alert_that_fires_on_a_symptom_first_tells_the_cause_when_it_fires_on_it() -> None:
    both = verdict("A", "cause", fired("symptom", 1060, 1500), fired("cause", 1600, 1700))
    told = _printed(_outage(replace(both, to_detect_s=60.0)))
    assert told[0] == "an-outage: cause told after 10 min; no false alarm."
    assert any(line.startswith("  on the cause  A  10 min (±") for line in told)


def test_worlds_in_which_nothing_broke_tell_of_false_alarms_alone() -> None:
    calm = replace(CALM, truth=Truth.calm({}), verdicts=())
    assert overall([calm, calm]) == "2 worlds; no false alarm in 2 d of calm."
    assert headline(calm) == "a-calm-day: nothing breaks; no false alarm."


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
    assert told[0] == "an-outage: not told at all; 1 false alarm."
    assert told[1] == "  1 alert: 1 false alarm."
    assert any(line.endswith("1 false alarm paged.") for line in told)


def test_those_that_had_nothing_to_see_are_told_apart() -> None:
    blind = [verdict(name, "quiet", still=True) for name in ("A", "C")]
    told = _printed(_outage(verdict("B", "quiet"), *blind))
    assert told[1] == "  3 alerts: 3 quiet (2 of them with nothing to see)."
    assert [line for line in told if line.startswith("  quiet")] == [
        "  quiet  B",
        "  quiet  2 alerts  nothing that they read ever changes here: A, C",
    ]
    assert "3 alerts: 3 quiet (with nothing to see)." in _printed(_outage(*blind, blind[0]))[1]
    assert "  quiet  A  nothing that it reads ever changes here" in _printed(_outage(blind[0]))


def test_the_first_line_is_one_however_much_there_is_to_tell() -> None:
    wolf = verdict("A" * 90, "false_alarm", *(fired("false_alarm", at, at + 60) for at in range(0, 9999 * 600, 600)))
    late = replace(verdict("B" * 90, "cause", fired("cause", 1100, 1200)), to_detect_s=10 * 3600.0 + 59 * 60 + 59)
    for verdicts in ((wolf, late), (wolf,), (late,), ()):
        far = replace(_outage(*verdicts), scenario="recordings/2025-10-20/" + "x" * 200)
        assert len(headline(far)) <= 80
        assert _printed(far)[0] == headline(far)
        assert far.scenario in "".join(line.strip() for line in _printed(far)[1:])  # the whole path stands below
        assert len(overall([far] * 99)) <= 80
    assert len(headline(replace(UNKNOWN, scenario="x" * 200))) <= 80


@pytest.mark.parametrize(
    ("place", "where"),
    [("scenario", "in this scenario"), ("recording", "in this recording"), ("server", "on this server")],
)
def test_an_alert_on_absence_that_cannot_be_tested_is_said_to_be_one(place: Place, where: str) -> None:
    other = verdict("A", "untestable", needs=('up (label job="x")', "b"))
    assert about(other, place) == f'not {where}: up (label job="x"), b'
    told = about(replace(other, absence=True), place)
    assert told == f'it tells of absence, and not {where}: up (label job="x"), b'


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            Notifications("an-outage", 3, 1, 33, 2, {"phone": 3}, 130.0, 1 / 3),
            "Alertmanager makes 3 notifications of 33 firings and 1 repetition, the first 2 min 10 s after the onset; "
            "33% name the cause. 2 label sets inhibited.",
        ),
        (
            Notifications("an-outage", 1, 0, 1, 1, {"phone": 1}, None, None),
            "Alertmanager makes 1 notification of 1 firing and 0 repetitions. 1 label set inhibited.",
        ),
        (Notifications("a-calm-day", 1, 0, 1, 1, {"phone": 1}, None, None), None),
    ],
)
def test_what_alertmanager_makes_of_it_is_told_of_its_world_alone(made: Notifications, said: str | None) -> None:
    told = [one for one in sentences(report((), (WORLD,), notified=(made,)), WORLD) if "Alertmanager" in one]
    assert told == ([] if said is None else [said])


def test_what_other_settings_would_have_done_stands_on_the_terminal_and_on_the_page() -> None:
    told = replace(report((), (WORLD,)), advice=ADVICE[:1])
    said = "`for: 10m` cost 9 min; at `for: 1m` no false alarm in 24 h of calm"
    assert f"  Cause  {said}" in _lines(told)
    drawn = alerts_html.render(told)
    on_page = said.replace("`for: 10m`", "<code>for: 10m</code>").replace("`for: 1m`", "<code>for: 1m</code>")
    assert f'<tr><th scope="row">Cause</th><td>{on_page}</td></tr>' in drawn


def test_where_no_other_setting_does_better_that_is_said_only_where_some_were_tried() -> None:
    trial = Trial(("rules.yml", 4, "Cause"), 0, "for", 600.0, True, True, 100.0, 0, 0.0)
    for tried in (True, False):
        told = report((), (replace(WORLD, trials=(trial,) if tried else ()),))
        assert ("  None of those tried does better." in _lines(told)) == tried
        assert ("<p>None of those tried does better.</p>" in alerts_html.render(told)) == tried


@pytest.mark.parametrize(("flaps", "said"), [(0, []), (1, ["It came back once."]), (3, ["It came back 3 times."])])
def test_how_often_an_alert_came_back_stands_on_the_page(flaps: int, said: list[str]) -> None:
    one = replace(verdict("A", "symptom", fired("symptom", 1100, 1200)), flaps=flaps)
    assert re.findall(r"It came back [^.]+\.", alerts_html.render(report((), (_outage(one),)))) == said


def test_alerts_of_one_name_are_told_apart_on_the_page() -> None:
    pages, waits = verdict("A", "symptom", fired("symptom", 1100, 1200)), replace(verdict("A", "quiet"), line=9)
    drawn = alerts_html.render(report((), (_outage(pages, waits, verdict("B", "quiet")), CALM)))
    assert "<strong>A (line 4)</strong>" in drawn  # of those that fired
    assert drawn.count('<th scope="row">A (line 4)</th>') == 1  # in the table over all worlds
    assert drawn.count('<th scope="row">A (line 9)</th>') == 2  # there, and among those that did not fire
    assert "A (line 4), " in drawn  # in the drawing
    assert '<th scope="row">B</th>' in drawn
