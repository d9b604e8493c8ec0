"""A world exported as a unit test: promtool passes it, and does not once the rules are others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from epicenter.rules.files import read_rules
from epicenter.rules.promtool import World, export
from epicenter.rules.write import STALE, Series
from tests.programs import require
from tests.rules.test_sources import BEGIN, RULES, SERIES, TIMES

MORE = """      - {alert: AtNight, expr: "hour() < 6 and on () failing == 1"}
      - {alert: Ends, expr: "odd > 0"}
      - {alert: Wrong, expr: "sum(rate(failing))"}
      - {record: "greedy:calm", expr: 'count(count_over_time(calm[50m:200ms]))'}
      - {alert: OnGreedy, expr: "greedy:calm > 0"}
      - {record: "clock:failing", expr: "sum(failing) * (hour() < 24)"}
      - {alert: OnClock, expr: "clock:failing > 1"}
      - {alert: OnOnClock, expr: 'ALERTS{alertname="OnClock"} == 1'}
      - {alert: Filled, expr: "failing > 0", labels: {seen: "{{ with $x := $value }}{{ $x }}{{ end }}"}}
      - {alert: OnFilled, expr: 'ALERTS{alertname="Filled"} == 1'}
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    require("promtool")
    folder = tmp_path_factory.mktemp("promtool")
    (folder / "mine.yml").write_text(RULES + MORE, encoding="utf-8")
    values = np.array([*TIMES[5:8] / 7, STALE])
    odd = Series({"__name__": "odd", "said": 'a "quoted" \\ ü'}, TIMES[5:9], values)
    world = World("a/world", BEGIN, float(TIMES[-1]), 30.0, [*SERIES, odd])
    return export(folder / "out", read_rules([str(folder / "mine.yml")]).rules, world)


def test_it_passes_and_says_what_it_leaves_out(exported: tuple[Path, tuple[str, ...]]) -> None:
    test, notes = exported
    assert (test.name, passes(test)) == ("a-world.test.yml", True)
    told = {note.split("rule ")[1].split(": ")[0]: note for note in notes}
    on_greedy, on_clock = {"greedy:calm", "OnGreedy"}, {"clock:failing", "OnClock", "OnOnClock"}
    assert told.keys() == {"AtNight", "Wrong", "Filled", "OnFilled", *on_greedy, *on_clock}
    assert "reads the clock" in told["AtNight"]
    assert told["Filled"].endswith("promtool fills in the template of its label seen, which is not done here")
    assert "expected type range vector" in told["Wrong"]
    assert "too many samples" in told["greedy:calm"]
    assert told["OnGreedy"].endswith("is not exported: it reads what greedy:calm makes, which is not")
    assert told["OnOnClock"].endswith("is not exported: it reads what OnClock makes, which is not")


def test_it_fails_once_an_alert_waits_longer(exported: tuple[Path, tuple[str, ...]]) -> None:
    test, _ = exported
    rules = test.with_name("a-world.rules.yml")
    rules.write_text(rules.read_text(encoding="utf-8").replace("for: 60s", "for: 90s"), encoding="utf-8")
    assert not passes(test)


def passes(test: Path) -> bool:
    return (
        subprocess.run([require("promtool"), "test", "rules", test], capture_output=True, check=False).returncode == 0
    )
