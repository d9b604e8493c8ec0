"""The oracle: Prometheus' own rule code, as `promtool test rules` runs it, on the same small fleet, sample by sample.

promtool evaluates all groups at one interval whatever theirs is, so each interval is a run of its own.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from epicenter.rules.files import read_rules
from epicenter.rules.played import Played
from epicenter.rules.prometheus import Prometheus, evaluate
from epicenter.rules.replay import replay
from epicenter.rules.write import Series
from tests.programs import require
from tests.prometheus import holding

BEGIN, SCRAPE_S, SCRAPES = 1_700_000_040.0, 60.0, 60
"""A whole number of minutes; promtool's own time begins at 0."""
END_S = SCRAPE_S * (SCRAPES - 1)
RULES = """groups:
  - name: first
    interval: {interval}
    rules:
      - {{record: "job:errors:rate5m", expr: "sum by (job) (rate(errors_total[5m]))", labels: {{by: rule}}}}
      - {{alert: Errors, expr: "job:errors:rate5m > 0.5", for: 3m, labels: {{on: "x-{{{{ $labels.job }}}}"}}}}
      - {{alert: Down, expr: up == 0, keep_firing_for: 4m}}
      - {{alert: Slow, expr: up == 0, for: 2m, keep_firing_for: 3m}}
      - {{alert: Gone, expr: 'absent(up{{job="c"}})', for: 1m}}
      - {{alert: Valued, expr: "sum by (job) (up) / 4", labels: {{is: "{{{{ .Value }}}} {{{{ .Labels.job }}}}"}}}}
  - name: second
    interval: {interval}
    rules:
      - {{alert: Many, expr: 'count(ALERTS{{alertstate="firing",alertname="Slow"}}) > 1', for: 1m}}
      - {{alert: Long, expr: 'time() - ALERTS_FOR_STATE{{alertname="Slow"}} > 300'}}
      - {{alert: Earlier, expr: "up offset 10m == 0", for: 2m}}
      - {{alert: Peak, expr: "max_over_time(job:errors:rate5m[10m:1m]) > 1.2"}}
      - {{record: "job:errors:max", expr: "max_over_time(job:errors:rate5m[7m])"}}
      - {{record: "pod:up:last", expr: up}}
      - {{record: "all:up:share", expr: "sum(up) / count(up) or vector(0)"}}
      - {{alert: Patterned, expr: '{{__name__=~"job:errors:ra.*"}} > 0.5'}}
      - {{alert: Unparsed, expr: "holt_winters(job:errors:rate5m[10m], 0.5, 0.5) > 0.5"}}
      - {{alert: Third, expr: 'count(ALERTS{{alertname="Many"}}) > 0'}}
"""
NAMES = (
    *("Errors", "Slow", "Gone", "Valued", "Many", "Long", "Earlier", "Peak", "job:errors:max", "all:up:share"),
    *("Patterned", "Unparsed", "Third"),
)
KNOTTED = """groups:
  - name: past
    interval: 60s
    rules:
      - {record: "job:up:sum", expr: "sum by (job) (up)"}
      - {alert: Hysteresis, expr: 'job:up:sum > 2 or (job:up:sum > 1 and on (job) ALERTS{alertname="Hysteresis"} == 1)'}
      - {record: "self:up:total", expr: "sum(up) + (self:up:total offset 1m or vector(0))"}
      - {alert: Total, expr: "self:up:total > 60", for: 2m}
  - name: later
    interval: 60s
    rules:
      - {alert: OfB, expr: 'count(ALERTS{alertname="OfC",alertstate="firing"}) > 0', keep_firing_for: 2m}
      - {alert: OfA, expr: 'count(ALERTS{alertname="OfB",alertstate="firing"}) > 0'}
      - {alert: OfC, expr: 'up{pod="0"} == 0', labels: {value: "{{ $value }}"}}
      - {alert: Early, expr: "all:up:count > 2"}
      - {record: "all:up:count", expr: "count(up == 1)"}
  - name: one
    interval: 60s
    rules:
      - {record: "one:up:sum", expr: "sum(up) - (other:up:sum or vector(0)) / 2"}
      - {alert: Any, expr: 'count(ALERTS{alertstate="firing"}) > 4', for: 1m}
  - name: other
    interval: 60s
    rules:
      - {record: "other:up:sum", expr: "one:up:sum"}
      - {alert: Nameless, expr: 'count by (job) ({job="a"}) > 10'}
"""
KNOTTED_NAMES = ("Hysteresis", "self:up:total", "Total", "OfB", "OfA", "OfC", "Early", "one:up:sum", "Any", "Nameless")
OFTEN = """groups:
  - name: often
    interval: 30s
    rules:
      - {record: "job:up:sum", expr: "sum by (job) (up)"}
      - {alert: Low, expr: "job:up:sum < 2", for: 1m}
"""
SELDOM = """groups:
  - name: seldom
    interval: 120s
    rules:
      - {record: "job:up:max", expr: "max_over_time(job:up:sum[3m]) and on (job) ALERTS{alertname='Low'}"}
      - {alert: Lasting, expr: 'count by (job) (ALERTS{alertname="Low",alertstate="firing"})', for: 2m}
"""
AGAIN = """groups:
  - name: again
    interval: 30s
    rules:
      - {alert: Both, expr: 'job:up:max - job:up:sum > 1', for: 30s}
      - {alert: OfLasting, expr: 'ALERTS{alertname="Lasting"} unless on (job) (job:up:sum > 2)'}
"""
UNITS = {"h": 3600, "m": 60, "s": 1}
TOLD = '{__name__=~".+:.+|ALERTS|ALERTS_FOR_STATE"}'
Told = dict[tuple[tuple[tuple[str, str], ...], float], float]
"""(labels, second) -> value of everything that rules write."""


def fleet() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    made: dict[str, np.ndarray] = {}
    for job in "ab":
        for pod in range(3):
            labels = f'job="{job}",pod="{pod}"'
            made[f"up{{{labels}}}"] = np.repeat(generator.integers(0, 2, SCRAPES // 3), 3).astype(float)
            made[f"errors_total{{{labels}}}"] = np.cumsum(
                generator.integers(0, 60, SCRAPES) * generator.integers(0, 2, SCRAPES)
            ).astype(float)
    gone = np.full(SCRAPES, np.nan)
    gone[5:25] = 1.0
    return {**made, 'up{job="c"}': gone}


def labels_of(series: str) -> dict[str, str]:
    return {"__name__": series.split("{")[0], **dict(re.findall(r'(\w+)="([^"]*)"', series))}


def load() -> list[Series]:
    times = BEGIN + SCRAPE_S * np.arange(SCRAPES, dtype=np.float64)
    found = [(labels_of(name), ~np.isnan(values), values) for name, values in fleet().items()]
    return [Series(labels, times[there], values[there]) for labels, there, values in found]


def written(prometheus: Prometheus, step_s: float) -> Told:
    return {
        (tuple(sorted(line.labels.items())), at - BEGIN): _since(line.labels, value)
        for line in evaluate(prometheus, TOLD, BEGIN, BEGIN + END_S, step_s)
        for at, value in line.points.items()
    }


def _since(labels: dict[str, str], value: float) -> float:
    return value - BEGIN if labels["__name__"] == "ALERTS_FOR_STATE" else value


def ours(paths: list[str], step_s: float) -> tuple[list[Played], Told]:
    with holding(load()) as prometheus:
        # what nobody reads is not written back: here, all of it is read
        rules = read_rules([*paths, reader(Path(paths[0]).parent, paths)]).rules
        played = replay(rules, prometheus, BEGIN, BEGIN + END_S)
        return played, written(prometheus, step_s)


def reader(folder: Path, paths: list[str]) -> str:
    text = "".join(Path(path).read_text(encoding="utf-8") for path in paths)
    everything = " or ".join([*re.findall(r'record: "(\S+?)"', text), "ALERTS", "ALERTS_FOR_STATE"])
    (folder / "reader.yml").write_text(
        f"groups: [{{name: reader, interval: 5m, rules: [{{alert: Reader, expr: '({everything}) == -1'}}]}}]",
        encoding="utf-8",
    )
    return str(folder / "reader.yml")


def promtool(path: str, folder: Path, step_s: float, recorded: Mapping[str, str] | None = None) -> str:
    """Nothing is expected at every evaluation, so that promtool says what it got instead.

    recorded: series at each half of a scrape, of rules that were evaluated before.
    """
    values = {name: " _ ".join("_" if np.isnan(v) else f"{v:g}" for v in row) for name, row in fleet().items()}
    evaluations = np.arange(0, END_S + 1, step_s)
    text = Path(path).read_text(encoding="utf-8")
    test = {
        "rule_files": [path],
        "evaluation_interval": f"{step_s:.0f}s",
        "group_eval_order": re.findall(r"- name: (\w+)", text),
        "tests": [
            {
                "interval": f"{SCRAPE_S / 2:.0f}s",
                "input_series": [
                    {"series": name, "values": row} for name, row in {**values, **(recorded or {})}.items()
                ],
                "promql_expr_test": [{"expr": TOLD, "eval_time": f"{at:.0f}s"} for at in evaluations],
            }
        ],
    }
    file = folder / "oracle.test.yml"
    file.write_text(yaml.safe_dump(test), encoding="utf-8")
    command = [require("promtool"), "test", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def theirs(said: str) -> Told:
    told: Told = {}
    for at, got in re.findall(r"time: (\S+),\s+exp: nil\s+got: (.*)\n", said):
        second = sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", at))
        for labels, value in re.findall(r"\{(.*?)\} ([^\s,]+)", got):
            told[tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels))), second] = float(value)
    return told


def as_input(told: Told, step_s: float) -> dict[str, str]:
    """What rules wrote at each step, as series for others to read."""
    rows: dict[str, dict[float, float]] = {}
    for (labels, at), value in told.items():
        own = ",".join(f'{name}="{text}"' for name, text in labels if name != "__name__")
        rows.setdefault(f"{dict(labels)['__name__']}{{{own}}}", {})[at] = value
    times = np.arange(0, END_S + 1, SCRAPE_S / 2)
    return {
        series: " ".join(
            f"{row[at]!r}" if at in row else "stale" if at - step_s in row and at % step_s == 0 else "_" for at in times
        )
        for series, row in rows.items()
    }


def rule_file(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def compare(paths: list[str], step_s: float, expected: Told, names: Collection[str]) -> None:
    seen = {dict(labels).get("alertname", dict(labels)["__name__"]) for labels, _ in expected}
    assert seen >= set(names)  # no part of the comparison is empty
    played, told = ours(paths, step_s)
    assert [one.refused for one in played if one.refused] == []
    unparsed = [one.rule.name for one in played if "promql-parser does not take its expression" in str(one.doubts)]
    assert unparsed == [name for name in names if name == "Unparsed"]
    assert told.keys() == expected.keys()
    assert {key: (told[key], value) for key, value in expected.items() if told[key] != pytest.approx(value)} == {}


@pytest.mark.parametrize("step_s", [30.0, 60.0, 120.0])
def test_all_that_rules_write_is_the_same_sample_by_sample(step_s: float, tmp_path: Path) -> None:
    require("prometheus")
    path = rule_file(tmp_path, "rules.yml", RULES.format(interval=f"{step_s:.0f}s"))
    compare([path], step_s, theirs(promtool(path, tmp_path, step_s)), NAMES)


def test_rules_that_read_their_own_past_or_one_another_write_the_same(tmp_path: Path) -> None:
    require("prometheus")
    path = rule_file(tmp_path, "rules.yml", KNOTTED)
    compare([path], 60.0, theirs(promtool(path, tmp_path, 60.0)), KNOTTED_NAMES)


def test_groups_of_different_intervals_read_one_another(tmp_path: Path) -> None:
    """To promtool each group is a run of its own, over what those before it wrote."""
    require("prometheus")
    told: Told = {}
    recorded: dict[str, str] = {}
    paths: list[str] = []
    for step_s, text in ((30.0, OFTEN), (120.0, SELDOM), (30.0, AGAIN)):
        paths.append(rule_file(tmp_path, f"{len(paths)}.yml", text))
        before = {labels for labels, _ in told}
        told = theirs(promtool(paths[-1], tmp_path, step_s, recorded))
        recorded |= as_input({key: value for key, value in told.items() if key[0] not in before}, step_s)
    compare(paths, 30.0, told, ("Low", "job:up:max", "Lasting", "Both", "OfLasting"))


@pytest.mark.parametrize(
    ("text", "limit"),
    [*((RULES.format(interval="60s"), limit) for limit in (1, 3, 5)), (KNOTTED, 1), (KNOTTED, 2)],
)
def test_a_rule_fails_where_it_goes_over_its_limit(text: str, limit: int, tmp_path: Path) -> None:
    require("prometheus")
    path = rule_file(tmp_path, "rules.yml", text.replace("interval: 60s\n", f"interval: 60s\n    limit: {limit}\n", 1))
    same_first(path, tmp_path, "exceeded limit", "went over its group's limit")


@pytest.mark.parametrize(
    "rules",
    [
        ['record: "a:b", expr: "vector(1)"', 'record: "a:b", expr: "vector(5)"'],
        ['record: "a:b", expr: "up == 1"', 'record: "a:b", expr: "up == 0"'],
        ['record: "a:b", expr: "up == 1 or a:b + 1"', 'record: "a:b", expr: "up == 0"'],
        ["alert: A, expr: up == 0", "alert: A, expr: up == 0, for: 2m", "alert: A, expr: up < 2"],
    ],
)
def test_a_rule_fails_where_another_has_written_its_series(rules: Sequence[str], tmp_path: Path) -> None:
    require("prometheus")
    text = "".join(f"      - {{{rule}}}\n" for rule in rules)
    path = rule_file(tmp_path, "rules.yml", f"groups:\n  - name: g\n    interval: 60s\n    rules:\n{text}")
    same_first(path, tmp_path, "duplicate sample for timestamp", "duplicate sample for timestamp")


def same_first(path: str, folder: Path, theirs: str, of_ours: str) -> None:
    """promtool stops at the first evaluation that fails, which must be ours too, with the same rules."""
    said = promtool(path, folder, 60.0)
    ((at, expected),) = {
        (at, tuple(re.findall(rf"rule: (\S+), time: {at}, err: .*{theirs}", said)))
        for at in re.findall(r"time: (\w+), err", said)
    }
    minutes = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", at)) // 60
    played, _ = ours([path], 60.0)
    told = [(one.rule.name, doubt) for one in played for doubt in one.doubts if of_ours in doubt]
    first = [name for name, doubt in told if f"first at {BEGIN + 60 * minutes:.0f}" in doubt]
    assert sorted(first) == sorted(expected)
    assert not [doubt for _, doubt in told if int(doubt.split("first at ")[1].split(",")[0]) < BEGIN + 60 * minutes]
