"""What docs/backtest.md and the README show of `epicenter backtest` is what it prints, at 100 columns.

All but what is played with public mixins, which are not in this repository.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from epicenter.cli import cli
from epicenter.rules.files import read_rules
from epicenter.rules.recordings import backtest_recording
from tests.programs import require

ROOT = Path(__file__).parents[2]
PAGE, README = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/backtest.md", "README.md"))
BLOCK = re.compile(r"```text\n\$ epicenter (backtest (?:rules\.yml|rules/|--coverage)[^\n]*)\n(.*?)```", re.DOTALL)
SHOWN: list[tuple[str, str]] = [block for text in (PAGE, README) for block in re.findall(BLOCK, text)]
TUNED = "With `for: 10m` in `NameDoesNotAnswer`"
"""What is said of the rules before they are tuned."""


def _rules(command: str) -> str:
    """The rules of the walk through, as the page has them where the command stands."""
    found = re.search(r"```yaml\n(groups:\n.*?)```", PAGE, re.DOTALL)
    assert found is not None
    assert TUNED in " ".join(PAGE.split())
    return found[1].replace("for: 1m", "for: 10m") if "--tune" in command else found[1]


def test_each_way_to_use_it_is_shown() -> None:
    assert [" ".join(command.split()[:2]) for command, _ in SHOWN] == [
        *["backtest rules.yml", "backtest --coverage", "backtest rules.yml"],
        "backtest rules/",
    ]


@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=[command for command, _ in SHOWN])
def test_the_page_shows_what_it_prints(
    command: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("prometheus")
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
