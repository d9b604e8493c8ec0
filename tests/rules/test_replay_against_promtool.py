"""The oracle: Prometheus' own rule code, as `promtool test rules` runs it, on the same small fleet."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import yaml

from epicenter.rules.files import read_rules
from epicenter.rules.prometheus import Prometheus, private
from epicenter.rules.replay import replay
from epicenter.rules.write import Series
from tests.programs import require

BEGIN, STEP_S, STEPS = 1_700_000_040.0, 60.0, 60
"""A whole number of minutes; promtool's own time begins at 0."""
RULES = """groups:
  - name: first
    interval: 1m
    rules:
      - {record: "job:errors:rate5m", expr: "sum by (job) (rate(errors_total[5m]))", labels: {by: rule}}
      - {alert: Errors, expr: "job:errors:rate5m > 0.5", for: 3m, labels: {severity: page, on: "x-{{ $labels.job }}"}}
      - {alert: Down, expr: up == 0, keep_firing_for: 4m}
      - {alert: Slow, expr: up == 0, for: 2m, keep_firing_for: 3m}
      - {alert: Gone, expr: 'absent(up{job="c"})', for: 1m}
  - name: second
    interval: 1m
    rules:
      - {alert: Many, expr: 'count(ALERTS{alertstate="firing",alertname="Down"}) > 1', for: 1m}
      - {alert: Earlier, expr: "up offset 10m == 0"}
      - {alert: Peak, expr: "max_over_time(job:errors:rate5m[10m:1m]) > 1.2"}
"""
ALERTS = ("Errors", "Down", "Slow", "Gone", "Many", "Earlier", "Peak")
Told = set[tuple[str, tuple[tuple[str, str], ...], int]]
"""(alert, labels, minute) in which it fires."""


def fleet() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    made: dict[str, np.ndarray] = {}
    for job in "ab":
        for pod in range(3):
            labels = f'job="{job}",pod="{pod}"'
            made[f"up{{{labels}}}"] = np.repeat(generator.integers(0, 2, STEPS // 3), 3).astype(float)
            made[f"errors_total{{{labels}}}"] = np.cumsum(
                generator.integers(0, 60, STEPS) * generator.integers(0, 2, STEPS)
            ).astype(float)
    gone = np.full(STEPS, np.nan)
    gone[5:25] = 1.0
    return {**made, 'up{job="c"}': gone}


def labels_of(series: str) -> dict[str, str]:
    return {"__name__": series.split("{")[0], **dict(re.findall(r'(\w+)="([^"]*)"', series))}


def load(prometheus: Prometheus) -> None:
    times = BEGIN + STEP_S * np.arange(STEPS, dtype=np.float64)
    found = [(labels_of(name), ~np.isnan(values), values) for name, values in fleet().items()]
    prometheus.write([Series(labels, times[there], values[there]) for labels, there, values in found])


def ours(path: str) -> Told:
    told: Told = set()
    with private() as prometheus:
        load(prometheus)
        for one in replay(read_rules([path]).rules, prometheus, BEGIN, BEGIN + STEP_S * (STEPS - 1)):
            assert one.refused is None
            for firing in one.firings:
                minutes = range(round((firing.start - BEGIN) / 60), round((firing.end - BEGIN) / 60) + 1)
                told |= {(one.rule.name, tuple(sorted(firing.labels.items())), minute) for minute in minutes}
    return told


def theirs(path: str, folder: Path) -> Told:
    """Nothing is expected at every minute, so that promtool says what it got instead."""
    values = {name: " ".join("_" if np.isnan(v) else f"{v:g}" for v in row) for name, row in fleet().items()}
    test = {
        "rule_files": [path],
        "evaluation_interval": "1m",
        "group_eval_order": ["first", "second"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": row} for name, row in values.items()],
                "alert_rule_test": [
                    {"eval_time": f"{minute}m", "alertname": name} for minute in range(STEPS) for name in ALERTS
                ],
            }
        ],
    }
    file = folder / "oracle.test.yml"
    file.write_text(yaml.safe_dump(test), encoding="utf-8")
    done = subprocess.run([require("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    told: Told = set()
    found = re.findall(r"alertname: (\w+), time: (\w+),(.*?)(?=alertname: |\Z)", done.stdout + done.stderr, re.DOTALL)
    for name, at, body in found:
        minutes = sum(int(number) * {"h": 60, "m": 1, "s": 0}[unit] for number, unit in re.findall(r"(\d+)([hms])", at))
        for labels in re.findall(r"Labels:\{(.*?)\}", body.split("got:")[1]):
            pairs = {key: text for key, text in re.findall(r'(\w+)="([^"]*)"', labels) if key != "alertname"}
            told.add((name, tuple(sorted(pairs.items())), minutes))
    return told


def test_every_alert_fires_at_the_same_minutes_with_the_same_labels(tmp_path: Path) -> None:
    require("prometheus")
    path = tmp_path / "rules.yml"
    path.write_text(RULES, encoding="utf-8")
    expected = theirs(str(path), tmp_path)
    assert {name for name, _, _ in expected} == set(ALERTS)  # no part of the comparison is empty
    assert ours(str(path)) == expected
