"""The shipped rules, read and tested by Prometheus's own promtool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.programs import require
from tests.rules.shipped import FILES, FOLDER, groups

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
UNIT_TESTS = sorted(FOLDER.glob("*.test.yml"))

ALL: list[dict[str, Any]] = [rule for group in groups() for rule in group["rules"]]
RECORDED: list[dict[str, Any]] = [rule for rule in ALL if "record" in rule]
ALERTS: list[dict[str, Any]] = [rule for rule in ALL if "alert" in rule]
NAMES = sorted({alert["alert"] for alert in ALERTS})

every_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["annotations"]["summary"])
every_unit_test = pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run([require("promtool"), *arguments], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_every_file_is_among_those_that_are_tested() -> None:
    assert set(FILES) == set(FOLDER.glob("*.yml")) - set(UNIT_TESTS)
    tested = {rules for path in UNIT_TESTS for rules in yaml.safe_load(path.read_text(encoding="utf-8"))["rule_files"]}
    assert tested == {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_promtool_finds_nothing_wrong(path: Path) -> None:
    # It exits with 0 on findings of its lint, and says so in words alone.
    said = promtool("check", "rules", path)
    assert f"SUCCESS: {sum(len(group['rules']) for group in groups([path]))} rules found" in said
    assert not re.search("FAILED|duplicate|error", said)


@every_unit_test
def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    said = promtool("test", "rules", path)
    assert "SUCCESS" in said
    assert "FAILED" not in said


@every_unit_test
def test_groups_are_evaluated_in_the_order_that_the_unit_tests_name(path: Path) -> None:
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert told["group_eval_order"] == [
        group["name"] for group in groups([FOLDER / name for name in told["rule_files"]])
    ]


def test_every_alert_has_a_unit_test() -> None:
    tested = "".join(path.read_text(encoding="utf-8") for path in UNIT_TESTS)
    assert [name for name in NAMES if not re.search(rf"\b{name}\b", tested)] == []


def test_recorded_names_are_level_metric_operations() -> None:
    assert [
        rule["record"] for rule in RECORDED if not re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule["record"])
    ] == []


@pytest.mark.parametrize("rule", RECORDED, ids=lambda rule: rule["record"])
def test_a_rule_reads_only_what_was_recorded_before_it(rule: dict[str, Any]) -> None:
    names = [other["record"] for other in RECORDED]
    before = set(names[: names.index(rule["record"])])
    read = set(re.findall(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule["expr"]))
    assert read <= before


def test_alerts_pages_and_the_table_are_the_same() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES
    table = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \|", table, re.MULTILINE)) == NAMES


@every_alert
def test_alert_tells_an_engineer_what_and_where(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["labels"]["stage"] in {"cause", "dependency", "recovery", "self"}
    assert "$labels." in alert["labels"]["peer"]  # by which Alertmanager can tell the cause's symptoms
    assert "$value" in alert["annotations"]["description"]
    assert "$labels." in alert["annotations"]["summary"]
    assert alert["for"]
    promql_parser.parse(alert["expr"])


@every_alert
def test_alert_leads_to_its_page(alert: dict[str, Any]) -> None:
    page = ROOT / alert["annotations"]["runbook_url"]
    assert page.name == f"{alert['alert']}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# {alert['alert']}\n")
