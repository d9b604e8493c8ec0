"""A team's tests of its rules, run by pytest as the team would run them."""

from __future__ import annotations

import pytest

from tests.programs import require

pytest_plugins = ["pytester"]

RULES = """groups:
  - name: team
    interval: 30s
    rules:
      - {alert: NameDoesNotAnswer, expr: "max by (instance) (probe_dns_answer_rrs) == 0"}
      - {alert: Nobody, expr: nobody_has_this > 0}
"""
TESTS = """
WORLD = "dns-root-no-storm"

def test_fires(backtest):
    alert = backtest("*.yml", WORLD).alert("NameDoesNotAnswer")
    assert alert.fires(within="3m", on="cause")
    assert not alert.fires(on="false_alarm")

def test_too_late(backtest):
    assert backtest("*.yml", WORLD).alert("NameDoesNotAnswer").fires(within="1s")

def test_untestable(backtest):
    assert not backtest("*.yml", WORLD).alert("Nobody").fires()

def test_misspelt(backtest):
    assert backtest("*.yml", WORLD).alert("NameDoesNotAnwser").fires()

def test_no_such_kind(backtest):
    assert backtest("*.yml", WORLD).alert("NameDoesNotAnswer").fires(on="couse")

def test_no_such_time(backtest):
    assert backtest("*.yml", WORLD).alert("NameDoesNotAnswer").fires(within="soon")
"""


@pytest.mark.parametrize("folder", ["kept", ""])
def test_worlds_are_kept_unless_the_variable_is_empty(
    folder: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("prometheus")
    monkeypatch.setenv("EPICENTER_CACHE", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "usual"))
    pytester.makefile(".yml", rules=RULES)
    pytester.makepyfile('def test_plays(backtest): assert backtest("*.yml", "plain-failure").world.verdicts')
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist").assert_outcomes(passed=1)
    kept = [path.relative_to(pytester.path).parts[0] for path in pytester.path.rglob("about.json")]
    assert kept == ([folder] if folder else [])


def test_a_recording_is_played_by_its_path_and_a_name_that_is_neither_is_said(pytester: pytest.Pytester) -> None:
    require("prometheus")
    pytester.makefile(".yml", rules=RULES)
    samples = "".join(f'probe_dns_answer_rrs{{instance="db"}} 0 {1_700_000_010 + 30 * n}\n' for n in range(20))
    recording = pytester.mkdir("outage")
    (recording / "samples.om").write_text(f"{samples}# EOF\n", encoding="utf-8")
    pytester.makepyfile(
        """
from pathlib import Path

def test_fires(backtest):
    alert = backtest("*.yml", Path("outage")).alert("NameDoesNotAnswer")
    assert alert.fires(on="fired") and alert.world.scenario == "outage"
    assert alert.world is backtest("*.yml", "outage").world

def test_seed(backtest):
    backtest("*.yml", "outage", seed=2)

def test_neither(backtest):
    backtest("*.yml", "outrage")
"""
    )
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    done.assert_outcomes(passed=1, failed=2)
    done.stdout.fnmatch_lines(["*seed=2: varies scenarios, and outage is a recording"])
    done.stdout.fnmatch_lines(["*UsageError:*outrage*"])


def test_a_failure_tells_when_the_alert_fired_and_what_cannot_be_asked_is_said(pytester: pytest.Pytester) -> None:
    require("prometheus")
    pytester.makefile(".yml", rules=RULES)
    pytester.makepyfile(TESTS)
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    done.assert_outcomes(passed=1, failed=5)
    done.stdout.fnmatch_lines(
        [
            "NameDoesNotAnswer in dns-root-no-storm, from the onset:",
            "  +0:00:00 to +?:??:??  trigger",
            "  +0:0?:?? to +?:??:??  NameDoesNotAnswer fires: cause {*",
        ]
    )
    for sentence in (
        "*Nobody cannot be tested in dns-root-no-storm: it has no nobody_has_this",
        "*there is no alert NameDoesNotAnwser; there are NameDoesNotAnswer, Nobody",
        "*on='couse': is none of cause, loop, symptom, early, unattributed, false_alarm, fired",
        "*within='soon': is no time such as 3m or 1h30m",
    ):
        done.stdout.fnmatch_lines([sentence])
