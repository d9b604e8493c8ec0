"""Rule files as users have them, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from epicenter.collector.errors import UnreadableInput, UsageError
from epicenter.rules.files import read_rules

PLAIN = """groups:
  - name: g
    interval: 30s
    rules:
      - alert: A
        expr: up == 0
        for: 1h30m
      - {record: "a:b", expr: "sum(up)", labels: {x: y}}
"""


def write(folder: Path, text: str, name: str = "a.yml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_prometheus_file_keeps_order_durations_and_lines(tmp_path: Path) -> None:
    alert, record = read_rules([write(tmp_path, PLAIN)]).rules
    assert (alert.name, alert.alert, alert.for_s, alert.interval_s, alert.line) == ("A", True, 5400.0, 30.0, 5)
    assert (record.name, record.alert, record.labels) == ("a:b", False, {"x": "y"})


def test_a_resource_and_several_documents_in_one_file(tmp_path: Path) -> None:
    resource = "kind: PrometheusRule\nspec:\n" + "".join(f"  {line}\n" for line in PLAIN.splitlines())
    other = "---\ngroups: [{name: h, rules: [{alert: B, expr: up}]}]\n"
    assert [rule.name for rule in read_rules([write(tmp_path, resource + other)]).rules] == ["A", "a:b", "B"]


def test_a_folder_is_read_without_its_unit_tests(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    write(tmp_path, "rule_files: []\n", "a.test.yml")
    assert len(read_rules([str(tmp_path)]).rules) == 2
    assert len(read_rules([str(tmp_path / "[a].yml")]).rules) == 2


def test_a_rule_without_an_expression_does_not_stop_the_others(tmp_path: Path) -> None:
    read = read_rules([write(tmp_path, PLAIN + "      - alert: C\n")])
    assert len(read.rules) == 2
    (problem,) = read.problems
    assert "line 9: group g" in problem
    assert "'expr'" in problem


def test_duplicates_are_named_with_both_places(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN + "      - {alert: A, expr: up == 0}\n")
    assert read_rules([path]).problems == (
        f"{path}, line 9: group g, rule A: is the same as the one in {path}, line 5",
    )


def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"a\.yml, line 2: is no YAML"):
        read_rules([write(tmp_path, "groups:\n  - ]\n")])


def test_no_file_and_no_rules_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no rule file"):
        read_rules([str(tmp_path / "none*.yml")])
    with pytest.raises(UnreadableInput, match="no groups of rules"):
        read_rules([write(tmp_path, "a: 1\n")])
