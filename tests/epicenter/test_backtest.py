"""`epicenter backtest` as a user runs it, over a real Prometheus."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from epicenter.cli import cli
from epicenter.collector.errors import UsageError
from epicenter.rules.schema import BACKTEST, COVERAGE, schemas
from tests.epicenter.conftest import Run
from tests.programs import require
from tests.prometheus import holding
from tests.rules.test_sources import BEGIN, END, SERIES
from tests.rules.test_sources import RULES as ON_A_SERVER

NAMED = {"failure": "failures", "error": "errors", "skipped": "skipped"}
OURS = Path(__file__).parents[2] / "rules"
RULES = """groups:
  - name: mine
    rules:
      - {alert: NameDoesNotAnswer, expr: "max by (instance) (probe_dns_answer_rrs) == 0", labels: {on: page}}
      - {alert: Nobody, expr: nobody_has_this > 0}
      - {alert: NoSuchJob, expr: 'absent(up{job="nobody"})'}
      - {alert: Wrong, expr: "sum(rate(up))"}
      - {alert: Never, expr: probe_dns_answer_rrs > 1e9}
"""


EXPECT = """expect:
  - {alert: NameDoesNotAnswer, scenario: dns-root-no-storm, on: cause, within: 3m}
  - {alert: NameDoesNotAnswer, scenario: plain-failure}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backtest")


@pytest.fixture(scope="module")
def told(folder: Path) -> Any:
    """A small file and our own rules, as users load them, over an outage with its cause in DNS and one without."""
    require("prometheus")
    (folder / "mine.yml").write_text(RULES, encoding="utf-8")
    (folder / "expect").write_text(EXPECT, encoding="utf-8")
    scenarios = ("--scenario", "dns-root-no-storm", "--scenario", "plain-failure", "--expect", str(folder / "expect"))
    outputs = [part for name in ("json", "junit", "lapilli") for part in (f"--{name}", str(folder / f"out.{name}"))]
    out = folder / "out.json"
    done = CliRunner().invoke(cli, ["backtest", str(folder), str(OURS), *scenarios, *outputs])
    assert done.exit_code == 1, done.output  # one of the two expectations does not hold
    assert "✗ plain-failure: NameDoesNotAnswer fires" in done.output
    assert done.output.startswith("2 worlds: 2 of 2 causes told; no false alarm in ")
    first = r"\n\ndns-root-no-storm: cause told after [^;]+; no false alarm\.\n  23 alerts: 5 on the cause, "
    assert re.search(first, done.output)
    return json.loads(out.read_text(encoding="utf-8"))


def test_what_is_written_validates(told: Any) -> None:
    jsonschema.validate(told, json.loads(BACKTEST.read_text(encoding="utf-8")))


def test_every_verdict_of_a_small_file(told: Any) -> None:
    verdicts = {one["name"]: one for one in told["scenarios"][0]["verdicts"] if one["group"] == "mine"}
    assert {name: one["kind"] for name, one in verdicts.items()} == {
        "NameDoesNotAnswer": "cause",
        "Nobody": "untestable",
        "NoSuchJob": "untestable",
        "Wrong": "refused",
        "Never": "quiet",
    }
    assert 0 < verdicts["NameDoesNotAnswer"]["to_detect_s"] <= 180
    assert "expected type range vector" in verdicts["Wrong"]["refused"]
    assert "mine.yml, line 7: group mine, rule Wrong" in verdicts["Wrong"]["refused"]
    assert verdicts["Nobody"]["needs"] == ["nobody_has_this"]
    assert verdicts["NoSuchJob"]["needs"] == ['up (label job="nobody")']
    assert [name for name, one in verdicts.items() if one["absence"]] == ["NoSuchJob"]


def test_junit_has_a_case_for_each_alert_and_expectation_and_only_expectations_fail(told: Any, folder: Path) -> None:
    suites = list(ElementTree.parse(folder / "out.junit").getroot())
    assert [suite.get("name") for suite in suites] == ["dns-root-no-storm", "plain-failure"]
    for suite, scenario, failures in zip(suites, told["scenarios"], (0, 1), strict=True):
        assert int(suite.get("tests", 0)) == len(suite) == len(scenario["verdicts"]) + 1
        found = Counter(child.tag for case in suite for child in case)
        assert {tag: int(suite.get(name, 0)) for tag, name in NAMED.items()} == {tag: found[tag] for tag in NAMED}
        assert (found["failure"], found["error"]) == (failures, 1)
    (failure,) = suites[1].iter("failure")
    assert "NameDoesNotAnswer never fires" in str(failure.text)


def test_lapilli_is_given_both_outages(told: Any, folder: Path) -> None:
    text = (folder / "out.lapilli").read_text(encoding="utf-8")
    incidents = yaml.safe_load(text)["incidents"]
    for one, scenario in zip(incidents, told["scenarios"], strict=True):
        truth = scenario["truth"]
        assert one["id"].startswith(scenario["scenario"])
        assert one["start"].timestamp() == round(truth["incident"][0])
        assert {truth["root_component"], *truth["affected"]} <= set(one["labels"]["service"])
    assert re.search(r"start: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", text)


@pytest.mark.parametrize(("number", "dns"), [(0, True), (1, False)])
def test_our_rules_name_the_cause_and_cry_for_nothing_else(told: Any, number: int, dns: bool) -> None:
    scenario = told["scenarios"][number]
    ours = [one for one in scenario["verdicts"] if one["group"] != "mine"]
    assert not {one["kind"] for one in ours} & {"false_alarm", "refused", "unattributed"}
    on_cause = {one["name"] for one in ours if one["kind"] == "cause"}
    assert "EpicenterDownstreamFailureSpike" in on_cause
    assert ("EpicenterEndpointWithoutAddresses" in on_cause) == dns
    about_dns = {"EpicenterEndpointWithoutAddresses", "EpicenterDnsFailureSpike", "EpicenterRecordRace"}
    assert dns or not [one for one in ours if one["name"] in about_dns and one["firings"]]
    assert scenario["pages"]["before_cause"] == (0 if dns else None)  # failures without DNS are warnings of ours


def test_the_shipped_schemas_and_the_code_agree_and_a_wrong_verdict_does_not_validate() -> None:
    for path, content in schemas().items():
        assert path.read_text(encoding="utf-8") == content
        jsonschema.Draft202012Validator.check_schema(json.loads(content))
    schema = json.loads(BACKTEST.read_text(encoding="utf-8"))
    kind = {"$ref": "#/$defs/Judged/properties/kind", "$defs": schema["$defs"]}
    jsonschema.validate("cause", kind)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate("gremlins", kind)


def test_a_scenario_that_does_not_exist_is_said_before_any_work(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES, encoding="utf-8")
    done = CliRunner().invoke(cli, ["backtest", str(rules), "--scenario", "dns-rot"])
    assert "did you mean" in str(done.exception)


def test_coverage_does_not_count_what_prometheus_refuses_and_lacks_what_it_would_have_recorded(tmp_path: Path) -> None:
    require("promtool")
    # promql-parser takes this pattern, RE2 does not
    records = "      - {record: 'a:b', expr: 'count(up{job=~\"(?P>x)\"})'}\n"
    alerts = "      - {alert: Refused, expr: 'up{job=~\"(?P>x)\"} == 0'}\n      - {alert: OnIt, expr: 'a:b > 0'}\n"
    unloaded = "      - {alert: Unloaded, expr: up == 0, labels: {'bad-name!': x}}\n"
    (tmp_path / "rules.yml").write_text(RULES + records + alerts + unloaded, encoding="utf-8")
    out = tmp_path / "out.json"
    command = ["backtest", "--coverage", str(tmp_path / "rules.yml"), "--scenario", "plain-failure", "--json", str(out)]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text(encoding="utf-8"))
    (world,) = told["scenarios"]
    assert (world["alerts"], world["testable"]) == (5, 2)
    assert [gap["alerts"] for gap in world["gaps"] if gap["need"] == "a:b"] == [["OnIt"]]
    refused = [problem.partition(": Prometheus refuses it: ") for problem in told["problems"]]
    assert [where.rpartition(" ")[2] for where, refuses, _ in refused if refuses] == ["Wrong", "a:b", "Refused"]
    assert "error parsing regexp" in refused[-1][2]
    assert any("rule Unloaded: left out, for Prometheus refuses it" in problem for problem in told["problems"])


def test_coverage_tells_what_is_missing_and_plays_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("PATH", "")  # no Prometheus is needed, nor is there one in .tools/
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out.json"
    scenario = ("--scenario", "plain-failure", "--json", str(out))
    done = CliRunner().invoke(cli, ["backtest", "--coverage", str(tmp_path / "rules.yml"), *scenario])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("plain-failure: 2 of 5 alerts can be tested.")
    assert " metrics that the rules read by name are there." in done.output.splitlines()[1]
    assert "group mine, rule Wrong: promql-parser does not take its expression" in " ".join(done.output.split())
    told = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(told, json.loads(COVERAGE.read_text(encoding="utf-8")))
    (world,) = told["scenarios"]
    assert {gap["need"]: gap["alone"] for gap in world["gaps"]} == {"nobody_has_this": 1, 'up (label job="nobody")': 1}


@pytest.mark.parametrize(
    ("options", "lacks"),
    [((), "prometheus"), (("--recording", "rules.yml"), "prometheus"), (("--alertmanager", "rules.yml"), "amtool")],
)
def test_without_its_program_one_sentence_tells_how_to_get_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], lacks: str
) -> None:
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)  # nor is there one in .tools/
    code, out, err = run("backtest", "rules.yml", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"epicenter: {lacks} was found neither on PATH nor in .tools/bin; as root: apt-get install ")


def test_the_past_of_a_users_own_server_is_told_and_what_would_have_to_be_written_there_is_said(tmp_path: Path) -> None:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(ON_A_SERVER, encoding="utf-8")
    out = tmp_path / "out.json"
    with holding(SERIES) as prometheus:
        place = ("--prometheus", prometheus.url, "--from", f"{BEGIN}", "--to", f"{END}", "--json", str(out))
        done = CliRunner().invoke(cli, ["backtest", str(tmp_path / "rules.yml"), *place])
        assert done.exit_code == 0, done.output
        assert prometheus.names(BEGIN, END) == ["calm", "failing"]
    (world,) = json.loads(out.read_text(encoding="utf-8"))["scenarios"]
    assert (world["scenario"], world["place"], world["truth"]) == (prometheus.url, "server", None)
    assert {one["name"]: one["kind"] for one in world["verdicts"]} == {
        **dict.fromkeys(("Database", "Web"), "fired"),
        **dict.fromkeys(("Recorded", "Nobody"), "untestable"),
        "Calm": "quiet",
    }
    assert "2 of 5 alerts fired; nothing is judged" in done.output
    said = "rule Recorded: reads all:failing:sum, which rules make; nothing is written to a server that is not ours"
    assert said in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            ("--coverage", "--tune", "--html", "a"),
            "with --scenario, --seed, --json, --cache, --no-cache, not with --tune, --html",
        ),
        (("--prometheus", "http://127.0.0.1:1", "--from", "2000", "--to", "1000"), "the earlier time first"),
        (("--scenario", "plain-failure", "--promtool", "rules.yml"), "is no folder"),
        (("--no-cache", "--cache", "kept"), "--no-cache keeps nothing"),
    ],
)
def test_options_that_do_not_go_together_are_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], why: str
) -> None:
    require("promtool")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["backtest", "rules.yml", *options])
    assert isinstance(done.exception, UsageError)
    assert why in str(done.exception)


def test_a_recording_that_cannot_be_read_leaves_the_others_their_results(tmp_path: Path) -> None:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    samples = "".join(
        f'probe_dns_answer_rrs{{instance="db"}} 0 {at}\n' for at in range(1_700_000_000, 1_700_000_600, 30)
    )
    (tmp_path / "good.om").write_text(f"{samples}# EOF\n", encoding="utf-8")
    (tmp_path / "bad.om").write_text("up one\n# EOF\n", encoding="utf-8")
    recordings = [part for name in ("bad", "good") for part in ("--recording", str(tmp_path / f"{name}.om"))]
    out = tmp_path / "out.json"
    command = ["backtest", str(tmp_path / "rules.yml"), *recordings, "--tune", "--json", str(out)]
    assert CliRunner().invoke(cli, command).exit_code == 2
    told = json.loads(out.read_text(encoding="utf-8"))
    assert [Path(one["scenario"]).name for one in told["scenarios"]] == ["good.om"]
    bad, untried = told["problems"][-2:]
    assert "bad.om, line 1" in bad
    assert "good.om: --tune tries nothing" in untried


def test_a_unit_test_that_cannot_be_written_leaves_the_other_outputs(tmp_path: Path) -> None:
    require("promtool")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "tests" / "plain-failure.rules.yml").mkdir(parents=True)
    out = tmp_path / "out.json"
    options = ("--scenario", "plain-failure", "--promtool", str(tmp_path / "tests"), "--json", str(out))
    assert CliRunner().invoke(cli, ["backtest", str(tmp_path / "rules.yml"), *options]).exit_code == 2
    told = json.loads(out.read_text(encoding="utf-8"))
    assert [len(one["verdicts"]) for one in told["scenarios"]] == [5]
    (failed,) = told["problems"]
    assert re.match(r"plain-failure: .*Is a directory", failed)
