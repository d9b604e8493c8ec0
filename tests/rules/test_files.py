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


def test_a_file_that_is_no_yaml_or_holds_no_rules_does_not_stop_the_others(tmp_path: Path) -> None:
    write(tmp_path, "groups:\n  - ]\n")
    write(tmp_path, "kind: Deployment\n", "b.yaml")
    write(tmp_path, PLAIN, "c.yml")
    read = read_rules([str(tmp_path)])
    assert [rule.name for rule in read.rules] == ["A", "a:b"]
    assert [problem.removeprefix(f"{tmp_path}/") for problem in read.problems] == [
        "a.yml, line 2: is no YAML: expected the node content, but found ']'",
        "b.yaml: holds no groups of rules",
    ]


def test_a_mixin_is_rendered_from_jsonnet(tmp_path: Path) -> None:
    """Its entry alone is read, with what jsonnet-bundler fetched for it."""
    pytest.importorskip("_jsonnet")
    (tmp_path / "vendor" / "lib").mkdir(parents=True)
    write(tmp_path / "vendor" / "lib", "{ least: 3 }\n", "lib.libsonnet")
    alerts = "{ alert: 'A', expr: 'up < ' + $._config.least, 'for': '1m' }, { alert: 'B' }"
    group = f"{{ name: 'g', interval: '30s', rules: [{alerts}] }}"
    write(tmp_path, f"{{ prometheusAlerts+:: {{ groups+: [{group}] }} }}\n", "alerts.libsonnet")
    records = "prometheusRules+:: { groups+: [{ name: 'r', rules: [{ record: 'a:b', expr: 'sum(up)' }] }] }"
    write(
        tmp_path,
        f"{{ _config+:: import 'lib/lib.libsonnet' }} + (import 'alerts.libsonnet') + {{ {records} }}\n",
        "mixin.libsonnet",
    )
    read = read_rules([str(tmp_path)])
    assert [(rule.name, rule.expr, rule.interval_s) for rule in read.rules] == [
        ("a:b", "sum(up)", 60.0),
        ("A", "up < 3", 30.0),
    ]
    (problem,) = read.problems
    assert problem == f"{tmp_path / 'mixin.libsonnet'}: group g: left out, for it has no 'expr'"


def test_what_jsonnet_does_not_render_is_told_in_its_words(tmp_path: Path) -> None:
    pytest.importorskip("_jsonnet")
    with pytest.raises(UnreadableInput, match=r"a\.jsonnet: is not rendered by jsonnet: .*1:12"):
        read_rules([write(tmp_path, "{ groups: [}\n", "a.jsonnet")])


def test_no_file_and_no_rules_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no rule file"):
        read_rules([str(tmp_path / "none*.yml")])
    with pytest.raises(UnreadableInput, match="no groups of rules"):
        read_rules([write(tmp_path, "a: 1\n")])
