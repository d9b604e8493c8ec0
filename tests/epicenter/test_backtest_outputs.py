"""What `epicenter backtest` writes for other readers: a page, a unit test, and what Alertmanager makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from epicenter.cli import cli
from tests.programs import find, require
from tests.rules.test_promtool import passes

ERRORS = """
            sum by (job) (rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[5m]))
              / sum by (job) (rate(http_server_request_duration_seconds_count[5m])) > 0.05"""
RULES = f"""groups:
  - name: team
    interval: 30s
    rules:
      - alert: ServerErrors
        expr: |{ERRORS}
        for: 2m
        labels: {{severity: page}}
      - alert: Flaps
        expr: |{ERRORS}
              and on () (minute() % 4 < 2)
"""
CONFIG = """route: {receiver: team, group_by: [alertname]}
receivers: [{name: team}]
"""


def need_alertmanager() -> None:
    """With amtool, which holds its configuration first; the running test is skipped where one of them is not there."""
    require("amtool")
    if find("alertmanager") is None:
        require("prometheus-alertmanager")  # its name in Debian


def backtested(folder: Path, *options: object) -> tuple[Any, str]:
    """Over a small world: what is written as JSON, and what is printed, without its line ends."""
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    command = ("backtest", folder / "rules.yml", "--scenario", "plain-failure", "--json", folder / "out.json")
    done = CliRunner().invoke(cli, [str(part) for part in (*command, *options)])
    assert done.exit_code == 0, done.output
    return json.loads((folder / "out.json").read_text(encoding="utf-8")), " ".join(done.output.split())


def test_the_page_shows_what_really_happened_how_often_an_alert_came_back_and_what_else_could_be_set(
    tmp_path: Path,
) -> None:
    require("prometheus")
    told, _ = backtested(tmp_path, "--tune", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<text" in page.partition(">What really happened</text>")[2]
    assert set(re.findall(r">(trigger|cascade|loop|recovery)</text>", page)) == {"trigger", "cascade", "recovery"}
    flaps = {one["name"]: one["flaps"] for one in told["scenarios"][0]["verdicts"]}
    assert (flaps["ServerErrors"], flaps["Flaps"] > 1) == (0, True)
    assert re.findall(r"It came back [^.]+\.", page) == [f"It came back {flaps['Flaps']} times."]
    assert ("ServerErrors", "for") in {(one["rule"][2], one["setting"]) for one in told["advice"]}
    advised = page.partition('<h2 id="advice">What other settings would have done</h2>')[2]
    assert '<th scope="row">ServerErrors</th><td><code>for: 2m</code> cost 2 min; at <code>for: 0s</code> no' in advised


def test_without_tune_no_other_setting_is_spoken_of(tmp_path: Path) -> None:
    require("prometheus")
    _, said = backtested(tmp_path, "--html", tmp_path / "page.html")
    assert "other setting" not in (tmp_path / "page.html").read_text(encoding="utf-8") + said


def test_a_scenario_becomes_a_unit_test_that_promtool_passes(tmp_path: Path) -> None:
    require("prometheus")
    require("promtool")
    told, said = backtested(tmp_path, "--promtool", tmp_path / "tests")
    names = ["plain-failure.rules.yml", "plain-failure.test.yml"]
    assert sorted(path.name for path in (tmp_path / "tests").iterdir()) == names
    rules, test = (yaml.safe_load((tmp_path / "tests" / name).read_text(encoding="utf-8")) for name in names)
    assert [rule["alert"] for group in rules["groups"] for rule in group["rules"]] == ["ServerErrors"]
    (expected,) = (one["alert_rule_test"] for one in test["tests"])
    fired = {alert["exp_labels"]["job"] for one in expected for alert in one["exp_alerts"]}
    (verdict, _) = told["scenarios"][0]["verdicts"]
    assert fired == {one["firing"]["labels"]["job"] for one in verdict["firings"]} != set()
    assert passes(tmp_path / "tests" / names[1])
    assert "rule Flaps: is not exported: it reads the clock" in said


def test_a_users_alertmanager_makes_fewer_notifications_of_the_firings(tmp_path: Path) -> None:
    require("prometheus")
    need_alertmanager()
    (tmp_path / "alertmanager.yml").write_text(CONFIG, encoding="utf-8")
    told, said = backtested(tmp_path, "--alertmanager", tmp_path / "alertmanager.yml")
    (one,) = told["notifications"]
    firings = sum(len(verdict["firings"]) for verdict in told["scenarios"][0]["verdicts"])
    assert (one["scenario"], one["firings"], one["by_receiver"]) == ("plain-failure", firings, {"team": one["sent"]})
    assert 0 < one["sent"] < firings
    assert f"Alertmanager makes {one['sent']} notifications of {firings} firings and " in said
