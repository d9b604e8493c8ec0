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

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules" / "epicenter.yml"
UNIT_TESTS = RULES.with_name("epicenter.test.yml")

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
ALL: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
RECORDED: list[dict[str, Any]] = [rule for rule in ALL if "record" in rule]
ALERTS: list[dict[str, Any]] = [rule for rule in ALL if "alert" in rule]

every_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["annotations"]["summary"])


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run([require("promtool"), *arguments], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_promtool_finds_nothing_wrong() -> None:
    # It exits with 0 on findings of its lint, and says so in words alone.
    said = promtool("check", "rules", RULES)
    assert f"SUCCESS: {len(ALL)} rules found" in said
    assert not re.search("FAILED|duplicate|error", said)


def test_alerts_fire_when_they_should_and_only_then() -> None:
    said = promtool("test", "rules", UNIT_TESTS)
    assert "SUCCESS" in said
    assert "FAILED" not in said


def test_groups_are_evaluated_in_the_order_that_the_unit_tests_name() -> None:
    order = yaml.safe_load(UNIT_TESTS.read_text(encoding="utf-8"))["group_eval_order"]
    assert order == [group["name"] for group in GROUPS]


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


def test_there_are_three_alerts() -> None:
    assert {alert["alert"] for alert in ALERTS} == {
        "EpicenterEndpointWithoutAddresses",
        "EpicenterDownstreamFailureSpike",
        "EpicenterRetryStormAfterRecovery",
    }


@every_alert
def test_alert_tells_an_engineer_what_and_where(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["labels"]["stage"] in {"cause", "dependency", "recovery"}
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
