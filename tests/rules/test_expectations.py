"""Expectations of a team in YAML: what holds, what does not and why, and what makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from epicenter.collector.errors import UnreadableInput, UsageError
from epicenter.rules.expectations import about_played, check, read_expectations
from epicenter.rules.pages import coverage_of, pages_of
from epicenter.rules.results import Backtest
from tests.rules.verdicts import OUTAGE, fired, verdict

VERDICTS = (verdict("Cause", "cause", fired("cause", 1120, 1300)), verdict("Unseen", "untestable", needs=("m",)))
WORLD = Backtest(
    *("made-by-hand", 0.0, 3000.0, OUTAGE),
    pages=pages_of(VERDICTS, OUTAGE),
    coverage=coverage_of(VERDICTS, OUTAGE, 3000.0),
    verdicts=VERDICTS,
    problems=(),
)


def write(folder: Path, text: str) -> Path:
    path = folder / "expect.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_holds_and_what_does_not(tmp_path: Path) -> None:
    text = """expect:
  - {alert: Cause, on: cause, within: 2m}
  - {alert: Cause, within: 1m, scenario: made-by-hand}
  - {alert: Cause, fires: false, on: false_alarm}
  - {alert: Cause, fires: no}
  - {alert: Unseen, fires: false}
  - {alert: Missspelt}
"""
    with pytest.raises(UnreadableInput, match="line 5: `fires` is true or false"):
        read_expectations(write(tmp_path, text))
    checked = check(read_expectations(write(tmp_path, text.replace("no}", "false}"))), [WORLD])
    assert [one.held for one in checked] == [True, False, True, False, False, False]
    assert "+0:02:00 to +0:05:00  Cause fires: cause" in checked[1].why
    assert checked[1].expectation == "Cause fires within 1m"
    assert checked[4].why == "Unseen cannot be tested in made-by-hand: it has no m"
    assert checked[5].why == "there is no alert Missspelt; there are Cause, Unseen"


def test_a_world_that_is_not_played_is_said(tmp_path: Path) -> None:
    expected = read_expectations(write(tmp_path, "expect: [{alert: Cause, scenario: another}]\n"))
    with pytest.raises(UsageError, match="Cause fires: its scenario another is not played"):
        about_played(expected, [WORLD.scenario])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\n", "is a mapping whose `expect` is a list"),
        ("expect: []\n", "expects nothing"),
        ("expect: [x]\n", "each expectation is a mapping with `alert`"),
        ("expect:\n  - {alert: A, after: 3m}\n", "line 2: 'after' is none of alert, scenario"),
        ("expect:\n  - {alert: A, on: couse}\n", "line 2: `on` is one of cause, loop"),
        ("expect:\n  - {alert: A, within: soon}\n", "line 2: `within` is a time such as 3m"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=said):
        read_expectations(write(tmp_path, text))
