"""`epicenter backtest` as a user runs it, over a real Prometheus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from epicenter.cli import cli
from epicenter.rules.schema import PATH, schema_json
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


def verdicts_of(told: Any) -> dict[str, Any]:
    return {one["name"]: one for one in told["scenarios"][0]["verdicts"]}


def test_every_verdict_of_a_small_file(tmp_path: Path) -> None:
    require("prometheus")
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES, encoding="utf-8")
    out = tmp_path / "out.json"
    done = CliRunner().invoke(cli, ["backtest", str(rules), "--scenario", "dns-root-no-storm", "--json", str(out)])
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    jsonschema.validate(told, json.loads(PATH.read_text(encoding="utf-8")))
    pages = told["scenarios"][0]["pages"]
    assert (pages["on_cause"], pages["first_s"]) == (1.0, verdicts_of(told)["NameDoesNotAnswer"]["to_detect_s"])
    verdicts = verdicts_of(told)
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


def test_the_shipped_schema_and_the_code_agree_and_a_wrong_verdict_does_not_validate() -> None:
    assert PATH.read_text(encoding="utf-8") == schema_json()
    schema = json.loads(schema_json())
    jsonschema.Draft202012Validator.check_schema(schema)
    kind = {"$ref": "#/$defs/Judged/properties/kind", "$defs": schema["$defs"]}
    jsonschema.validate("cause", kind)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate("gremlins", kind)


def test_a_scenario_that_does_not_exist_is_said_before_any_work(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES, encoding="utf-8")
    done = CliRunner().invoke(cli, ["backtest", str(rules), "--scenario", "dns-rot"])
    assert "did you mean" in str(done.exception)
