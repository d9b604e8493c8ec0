"""`epicenter backtest` as a user runs it, over a real Prometheus."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from epicenter.cli import cli
from tests.programs import require

RULES = """groups:
  - name: mine
    rules:
      - {alert: NameDoesNotAnswer, expr: "max by (instance) (probe_dns_answer_rrs) == 0", labels: {on: page}}
      - {alert: Nobody, expr: nobody_has_this > 0}
      - {alert: NoSuchJob, expr: 'absent(up{job="nobody"})'}
      - {alert: Wrong, expr: "sum(rate(up))"}
      - {alert: Never, expr: probe_dns_answer_rrs > 1e9}
"""


def test_every_verdict_of_a_small_file(tmp_path: Path) -> None:
    require("prometheus")
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES, encoding="utf-8")
    out = tmp_path / "out.json"
    done = CliRunner().invoke(cli, ["backtest", str(rules), "--scenario", "dns-root-no-storm", "--json", str(out)])
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    verdicts = {one["name"]: one for one in told["scenarios"][0]["verdicts"]}
    assert {name: one["kind"] for name, one in verdicts.items()} == {
        "NameDoesNotAnswer": "cause",
        "Nobody": "untestable",
        "NoSuchJob": "untestable",
        "Wrong": "refused",
        "Never": "quiet",
    }
    assert 0 < verdicts["NameDoesNotAnswer"]["to_detect_s"] <= 180
    assert "expected type range vector" in verdicts["Wrong"]["refused"]
    assert f"{rules}, line 7: group mine, rule Wrong" in verdicts["Wrong"]["refused"]
    assert verdicts["Nobody"]["needs"] == ["nobody_has_this"]
    summary = "dns-root-no-storm: 5 alerts: 1 on the cause, 1 quiet, 2 untestable, 1 refused; first on the cause: Name"
    assert " ".join(done.output.split()).startswith(summary)


def test_a_scenario_that_does_not_exist_is_said_before_any_work(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES, encoding="utf-8")
    done = CliRunner().invoke(cli, ["backtest", str(rules), "--scenario", "dns-rot"])
    assert "did you mean" in str(done.exception)
