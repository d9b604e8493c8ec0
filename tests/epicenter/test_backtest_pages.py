"""What docs/backtest.md and the README show of `epicenter backtest` is what it prints, at 100 columns.

All but what is played with public mixins, which are not in this repository.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from epicenter.cli import cli
from epicenter.rules.files import read_rules
from epicenter.rules.recordings import backtest_recording
from tests.epicenter.test_backtest_outputs import need_alertmanager
from tests.programs import require

ROOT = Path(__file__).parents[2]
PAGE, README = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/backtest.md", "README.md"))
BLOCK = re.compile(r"```text\n\$ epicenter (backtest (?:rules\.yml|rules/|--coverage)[^\n]*)\n(.*?)```", re.DOTALL)
SHOWN: list[tuple[str, str]] = [block for text in (PAGE, README) for block in re.findall(BLOCK, text)]
CI = re.findall(r"\n(GitHub Actions|GitLab):\n\n```yaml\n(.*?)```", PAGE, re.DOTALL)
TUNED = "With `for: 10m` in `NameDoesNotAnswer`"
"""What is said of the rules before they are tuned."""


def _rules(command: str) -> str:
    """The rules of the walk through, as the page has them where the command stands."""
    assert TUNED in " ".join(PAGE.split())
    shown = _yaml("groups:\n")
    return shown.replace("for: 1m", "for: 10m") if "--tune" in command else shown


def _yaml(begins: str) -> str:
    """The first file on the page that begins so."""
    found = re.search(rf"```yaml\n({begins}.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_each_way_to_use_it_is_shown() -> None:
    assert [" ".join(command.split()[:2]) for command, _ in SHOWN] == [
        *["backtest rules.yml", "backtest --coverage", "backtest rules.yml", "backtest rules.yml"],
        "backtest rules/",
    ]


@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=[command for command, _ in SHOWN])
def test_the_page_shows_what_it_prints(
    command: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("prometheus")
    if "--alertmanager" in command:
        need_alertmanager()
        (tmp_path / "alertmanager.yml").write_text(_yaml("route:"), encoding="utf-8")
    (tmp_path / "rules.yml").write_text(_rules(command), encoding="utf-8")
    monkeypatch.chdir(ROOT if "rules/" in command else tmp_path)
    done = CliRunner().invoke(cli, command.split(), env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.output
    lines = ("(?:.*\n)+" if line.strip() == "…" else re.escape(f"{line}\n") for line in shown.splitlines())
    assert re.fullmatch("".join(lines), done.output), done.output


def test_the_truth_by_hand_is_one(tmp_path: Path) -> None:
    require("prometheus")
    found = re.search(r"```json\n(.*?)```", PAGE.partition("\n### A truth by hand\n")[2], re.DOTALL)
    assert found is not None
    (tmp_path / "truth.json").write_text(found[1], encoding="utf-8")
    samples = (
        f'failing{{host="checkout.example"}} {int(at >= 1760943030)} {at}\n'
        for at in range(1_760_942_400, 1_760_944_500, 30)
    )
    (tmp_path / "samples.om").write_text("".join((*samples, "# EOF\n")), encoding="utf-8")
    (tmp_path / "rules.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: failing > 0}]}]", encoding="utf-8")
    (verdict,) = backtest_recording(read_rules([str(tmp_path / "rules.yml")]).rules, tmp_path).verdicts
    assert (verdict.kind, [one.component for one in verdict.firings]) == ("symptom", ["checkout"])


def test_what_is_shown_for_ci_is_yaml_that_installs_prometheus_and_then_runs_pytest() -> None:
    told = {service: yaml.safe_load(text) for service, text in CI}
    steps = told["GitHub Actions"]["jobs"]["alerts"]["steps"]
    job = told["GitLab"]["alerts"]
    github = [step["run"] for step in steps if "run" in step]
    gitlab = [*job["before_script"], *job["script"]]
    (cloned,) = (step["with"]["path"] for step in steps if "path" in step.get("with", {}))
    assert cloned == "epicenter"
    assert any(re.match(r"git clone .*/epicenter\.git$", command) for command in gitlab)
    for commands in (github, gitlab):
        (system,) = (place for place, command in enumerate(commands) if "apt-get install" in command)
        assert "prometheus" in commands[system].split()
        assert "apt-get update && " in commands[system]
        pip = commands.index("pip install ./epicenter pytest")
        assert system < pip < commands.index("pytest tests/alerts") == len(commands) - 1
