"""Rule files as users have them, and what is said of those that cannot be used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from epicenter.collector.errors import UnreadableInput, UsageError
from epicenter.rules.files import read_rules
from tests.programs import require

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


@pytest.mark.parametrize("kind", ["List", "PrometheusRuleList"])
def test_a_list_of_resources_is_read_in_its_order_with_the_lines_of_its_file(kind: str, tmp_path: Path) -> None:
    first = "- kind: PrometheusRule\n  spec:\n" + "".join(f"    {line}\n" for line in PLAIN.splitlines())
    second = "- kind: PrometheusRule\n  spec: {groups: [{name: h, rules: [{alert: B, expr: up}]}]}\n"
    read = read_rules([write(tmp_path, f"kind: {kind}\nitems:\n{first}{second}")])
    assert [(rule.name, rule.group, rule.line) for rule in read.rules] == [
        ("A", "g", 9),
        ("a:b", "g", 12),
        ("B", "h", 14),
    ]


def test_a_folder_is_read_without_its_unit_tests(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    write(tmp_path, "rule_files: []\n", "a.test.yml")
    assert len(read_rules([str(tmp_path)]).rules) == 2
    assert len(read_rules([str(tmp_path / "[a].yml")]).rules) == 2
    write(tmp_path, PLAIN, "b.rules")
    assert len(read_rules([str(tmp_path)]).rules) == 4


def test_a_rule_without_an_expression_does_not_stop_the_others(tmp_path: Path) -> None:
    read = read_rules([write(tmp_path, PLAIN + "      - alert: C\n")])
    assert len(read.rules) == 2
    problem = read.problems[-1]
    assert "line 9: group g" in problem
    assert "'expr'" in problem


BAD = """groups:
  - name: g
    rules:
      - {alert: Misspelt, expr: up == 0, fro: 10m}
      - {alert: Label, expr: up == 0, labels: {foo-bar: x}}
      - {alert: Template, expr: up == 0, labels: {x: "{{ $labels.job "}}
      - {record: bad-name, expr: up}
      - {record: "a:b", expr: up, for: 5m}
      - {alert: Both, record: "a:b", expr: up == 0}
      - {alert: Annotated, expr: up == 0, annotations: {x: "{{ $labels.job | shout }}"}}
      - {alert: Longer, expr: up == 0, for: 10x}
      - {alert: Good, expr: up == 0, labels: {severity: 1}, annotations: {x: "{{ $value }}"}}
      - {alert: Expression, expr: "sum(rate(up))"}
  - {name: later, limit: 3, rules: [{alert: Other, expr: up == 0}]}
  - {name: later, rules: [{alert: Again, expr: up > 0}]}
  - {name: keyed, intreval: 1m, rules: [{alert: Keyed, expr: up > 1}]}
"""
SAID = {
    "line 4: group g, rule Misspelt": "field fro not found in type rulefmt.RuleNode",
    "line 5: group g, rule Label": "invalid label name: foo-bar",
    "line 6: group g, rule Template": 'label "x": template: __alert_Template:1: unclosed action',
    "line 7: group g, rule bad-name": "invalid recording rule name: bad-name",
    "line 8: group g, rule a:b": "invalid field 'for' in recording rule",
    "line 9: group g, rule Both": "only one of 'record' and 'alert' must be set",
    "line 10: group g, rule Annotated": 'annotation "x": template: __alert_Annotated:1: function "shout" not defined',
    "line 11: group g, rule Longer": 'not a valid duration string: "10x"',
    "line 15: group later": 'groupname: "later" is repeated in the same file',
    "line 16: group keyed": "field intreval not found in type rulefmt.RuleGroup",
}


def test_what_prometheus_does_not_load_is_told_in_its_words_and_the_others_go_on(tmp_path: Path) -> None:
    """But for expressions, of which it is told when they are played."""
    require("promtool")
    path = write(tmp_path, BAD)
    read = read_rules([path])
    assert [rule.name for rule in read.rules] == ["Good", "Expression", "Other"]
    assert list(read.problems) == [
        f"{path}, {where}: left out, for Prometheus refuses it: {said}" for where, said in SAID.items()
    ]


UNUSUAL = """groups:
  - {name: none, limit: -1, rules: [null, {alert: A, expr: up == 0}]}
  - {name: hex, limit: 0x10, rules: [{alert: B, expr: up == 0}]}
  - {name: octal, limit: 010, rules: [{alert: C, expr: up == 0}]}
  - {name: empty, rules: [null]}
"""


def test_numbers_and_empty_entries_are_what_they_are_to_prometheus(tmp_path: Path) -> None:
    promtool, path = require("promtool"), write(tmp_path, UNUSUAL)
    said = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, check=True).stdout
    assert "SUCCESS: 3 rules found" in said
    read = read_rules([path])
    assert ([(rule.name, rule.limit) for rule in read.rules], read.problems) == ([("A", -1), ("B", 16), ("C", 8)], ())


def test_rules_that_are_no_list_are_told_and_the_other_groups_go_on(tmp_path: Path) -> None:
    path = write(tmp_path, "groups:\n- {name: g, rules: {a: b}}\n- {name: h, rules: [{alert: A, expr: up}]}\n")
    read = read_rules([path])
    assert [rule.name for rule in read.rules] == ["A"]
    assert read.problems[-1] == f"{path}, line 2: group g: left out, for its `rules` are no list"


def test_a_resource_may_hold_what_only_thanos_is_told(tmp_path: Path) -> None:
    require("promtool")
    told = "kind: PrometheusRule\nspec:\n" + "".join(f"  {line}\n" for line in PLAIN.splitlines())
    read = read_rules([write(tmp_path, told.replace("interval: 30s", "partial_response_strategy: abort"))])
    assert (len(read.rules), read.problems) == (2, ())


def test_without_promtool_rules_are_read_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    read = read_rules([write(tmp_path, PLAIN.replace("interval: 30s", "query_offset: 1m"))])
    assert len(read.rules) == 2
    missing, unplayed = read.problems
    assert missing.startswith("it is not known which rules Prometheus would not load: promtool was found neither")
    assert "apt-get install" in missing
    assert unplayed.endswith("a.yml, line 2: group g: its query_offset is not played")


def test_duplicates_are_named_with_both_places(tmp_path: Path) -> None:
    require("promtool")
    path = write(tmp_path, PLAIN + "      - {alert: A, expr: up == 0}\n")
    assert read_rules([path]).problems == (
        f"{path}, line 9: group g, rule A: is the same as the one in {path}, line 5",
    )


def test_duplicates_in_jsonnet_are_named_by_their_groups(tmp_path: Path) -> None:
    pytest.importorskip("_jsonnet")
    rule = "{ alert: 'A', expr: 'up == 0' }"
    path = write(tmp_path, f"{{ groups: [{{ name: 'g', rules: [{rule}, {rule}] }}] }}", "a.jsonnet")
    assert f"{path}: group g, rule A: is the same as the one in {path}, group g" in read_rules([path]).problems


def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"a\.yml, line 2: is no YAML"):
        read_rules([write(tmp_path, "groups:\n  - ]\n")])


def test_a_file_that_is_no_yaml_or_holds_no_rules_does_not_stop_the_others(tmp_path: Path) -> None:
    require("promtool")
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
    require("promtool")
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
    entry = tmp_path / "mixin.libsonnet"
    assert problem == f"{entry}: group g, rule B: left out, for Prometheus refuses it: field 'expr' must be set in rule"


def test_what_jsonnet_does_not_render_is_told_in_its_words(tmp_path: Path) -> None:
    pytest.importorskip("_jsonnet")
    with pytest.raises(UnreadableInput, match=r"a\.jsonnet: is not rendered by jsonnet: .*1:12"):
        read_rules([write(tmp_path, "{ groups: [}\n", "a.jsonnet")])


def test_jsonnet_that_is_no_mixin_is_left_out_of_a_folder_and_said(tmp_path: Path) -> None:
    """Whatever belongs to a mixin is part of it."""
    require("promtool")
    for name in ("mixins/a/mixin.libsonnet", "mixins/a/lib/more.libsonnet", "vendor/lib/lib.libsonnet", "b.jsonnet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path, "{ groups: [] }\n", name)
    render = "`jsonnet -J vendor b.jsonnet > b.yml`"
    said = f"1 file of jsonnet left out (b.jsonnet): name the one that makes the rules, or render it, as by {render}"
    (tmp_path / "mixins" / "a" / "mixin.libsonnet").rename(tmp_path / "mixins" / "mixin.libsonnet")
    write(tmp_path, PLAIN)
    assert f"{tmp_path}: {said}" in read_rules([str(tmp_path)]).problems
    write(tmp_path / "mixins" / "a" / "lib", "{}\n", "c.jsonnet")
    (tmp_path / "mixins" / "mixin.libsonnet").unlink()
    with pytest.raises(
        UsageError, match=r"mixins: there is no rule file; 2 files of jsonnet left out \(a/lib/c.jsonnet, "
    ):
        read_rules([str(tmp_path / "mixins")])


def test_of_a_library_alone_it_is_not_said_how_to_render_it_and_a_folder_is_no_file(tmp_path: Path) -> None:
    require("promtool")
    for name in ("a.libsonnet", "mixin.libsonnet", "b.yml"):
        (tmp_path / name).mkdir()
    write(tmp_path / "a.libsonnet", "{ prometheusAlerts+:: {} }\n", "alerts.libsonnet")
    write(tmp_path / "mixin.libsonnet", PLAIN)
    said = "1 file of jsonnet left out (a.libsonnet/alerts.libsonnet): name the one that makes the rules"
    assert [one for one in read_rules([str(tmp_path)]).problems if "jsonnet" in one] == [f"{tmp_path}: {said}"]


def test_no_file_and_no_rules_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no rule file"):
        read_rules([str(tmp_path / "none*.yml")])
    with pytest.raises(UnreadableInput, match="no groups of rules"):
        read_rules([write(tmp_path, "a: 1\n")])
