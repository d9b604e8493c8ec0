"""Templates in labels, each over many values, held to Prometheus' own as promtool runs them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from epicenter.rules.files import Rule, read_rules
from epicenter.rules.labels import labelled, unfilled
from tests.programs import require

VALUES = (
    *("0", "1", "-1", "0.5", "3", "59.94", "61.5", "999.95", "1024", "1234567", "90061", "-3725.25", "1e4", "12345678"),
    *("1e18", "123456.7", "2e-7", "0.00012345", "-0.02", "1048576", "Inf", "-Inf", "NaN"),
)
JOBS = ("web api_1", "db-07.prod:9100", "Ünïcode x")
TEMPLATES = (
    "plain",
    "a {{ $labels.job }} b{{ .Labels.nobody }}",
    "{{ $value }} {{.Value}}",
    "x  {{- $labels.job -}}  y",
    "{{ $labels.job | toUpper }}/{{ toLower $labels.job }}/{{ title .Labels.job }}",
    "{{ $value | humanize }}",
    "{{ humanize1024 .Value }}",
    "{{ $value | humanizeDuration }}",
    "{{ $value | humanizePercentage }}",
    '{{ printf "%.2f" $value }} {{ $value | printf "%f%%" }}',
    '{{ printf "%s|%8s|%-20s|" "a" $labels.job $labels.job }}{{ printf "%12.1f" $value }}',
    '{{ reReplaceAll "([a-z]+)[-_ ]?([0-9]*).*" "$2:${1}" $labels.job }}',
    '{{ $labels.job | reReplaceAll `\\W|x*` "<$0>$$" | toUpper }}',
    '{{ reReplaceAll "(?i)(?P<head>^[A-Z])" "${head}$1x-" .Labels.job }}',
    '{{ index $labels "job" }}',
    "{{ if gt $value 100.0 }}high{{ else if lt .Value 0.5 }}low{{ else }}middle{{ end }}",
    '{{ if eq $labels.job "web api_1" }}web{{ end }}{{ if ne $labels.job "x" }}!{{ end }}',
    '{{ if and (ge $value 1.0) (not (eq $labels.n "4")) }}{{ $value | humanize }}{{ else }}no{{ end }}',
    "{{ if or (le $value 0.0) (gt $value 1e3) }}{{ if $labels.job }}in{{ end }}{{ else }}out{{ end }}",
    "{{ if $labels.nobody }}a{{ else }}b{{ end }}{{ if $value }}c{{ end }}{{ true }} {{ 3 }} {{ 1.50 }}",
    "{{ with $labels.job }}<{{ . | toUpper }}{{ with $value }} {{ humanize . }}{{ end }}>{{ else }}none{{ end }}",
    "{{ with .Labels.nobody }}{{ . }}{{ else }}{{ .Value }}{{ end }}{{ if $labels.job }}{{ .Labels.n }}{{ end }}",
    "{{ with $value }}{{ if gt . 1.0 }}{{ . }} {{ $labels.n }}{{ end }}{{ end }}!",
    "{{ $value | humanize | toLower }} {{ (index .Labels `job`) | title | printf `<%s>` }}",
)
OTHER = (
    "{{ $labels }}",
    "{{ with $labels.job }}{{ .Value }}{{ end }}",
    "{{ with $labels.job }}a{{ else if $value }}b{{ end }}",
    "{{ . }}",
    "{{ range query `up` }}{{ .Value }}{{ end }}",
    '{{ printf "%d" $value }}',
    '{{ printf "%.3s" $labels.job }}',
    "{{ if gt $value 1 }}a{{ end }}",
    "{{ $value | toUpper }}",
    "{{ $value | humanizeTimestamp }}",
    '{{ reReplaceAll "[[:alpha:]]" "x" $labels.job }}',
    "{{ if $value }}a",
    "{{ $x := 1 }}",
)


def rules(folder: Path, templates: tuple[str, ...]) -> tuple[Rule, ...]:
    made = [{"alert": f"T{n}", "expr": "v", "labels": {"made": text}} for n, text in enumerate(templates)]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": made}]}), encoding="utf-8")
    return read_rules([str(folder / "rules.yml")]).rules


def test_each_template_is_filled_in_as_prometheus_does(tmp_path: Path) -> None:
    series = [({"job": job, "n": f"{n}", "__name__": "v"}, value) for job in JOBS for n, value in enumerate(VALUES)]
    inputs = [{"series": f'v{{job="{labels["job"]}", n="{labels["n"]}"}}', "values": value} for labels, value in series]
    ours = {
        (rule.name, labels["job"], labels["n"]): labelled(rule, labels, float(value)).get("made", "")
        for rule in rules(tmp_path, TEMPLATES)
        for labels, value in series
    }
    asked = [{"expr": "ALERTS", "eval_time": "0s"}]
    test = {"rule_files": ["rules.yml"], "tests": [{"input_series": inputs, "promql_expr_test": asked}]}
    (tmp_path / "t.test.yml").write_text(yaml.safe_dump(test, allow_unicode=True), encoding="utf-8")
    command = [require("promtool"), "test", "rules", tmp_path / "t.test.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    theirs: dict[tuple[str, str, str], str] = {}
    for line in re.findall(r'{__name__="ALERTS"(.*?)} 1E', said):
        found = {name: json.loads(text) for name, text in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*")', line)}
        theirs[found["alertname"], found["job"], found["n"]] = found.get("made", "")
    assert theirs.keys() == ours.keys()
    assert {key: (ours[key], text) for key, text in theirs.items() if ours[key] != text} == {}


@pytest.mark.parametrize("text", OTHER)
def test_a_template_with_more_stays_and_is_told_of(text: str) -> None:
    rule = Rule("A", True, "up", 0.0, 0.0, {"x": text}, "a.yml", "g", 3, 60.0, 0)
    assert labelled(rule, {"job": "web"}, 1.0)["x"] == text
    (told,) = unfilled(rule)
    assert "line 3: group g, rule A: the template of its label x is not filled in here" in told
