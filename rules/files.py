"""Rule files as users have them -> rules: Prometheus files, PrometheusRule resources, mixins, folders and globs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser

from ..collector.errors import EpicenterError, UnreadableInput, UsageError
from .documents import LINE, documents
from .mixins import ENTRY, SUFFIXES, rendered

DEFAULT_INTERVAL_S = 60.0
"""`evaluation_interval` of Prometheus where a group names none."""
_NOTHING = re.compile(r"(0(ms|[smhdwy])?)*")


@dataclass(frozen=True)
class Rule:
    """One rule: `alert` tells whether `name` is an alert's or a recorded metric's; `line` is 0 in jsonnet."""

    name: str
    alert: bool
    expr: str
    for_s: float
    keep_s: float
    labels: Mapping[str, str]
    file: str
    group: str
    line: int
    interval_s: float
    limit: int

    @property
    def where(self) -> str:
        """File, line, group and name, as sentences about the rule begin."""
        line = f", line {self.line}" if self.line else ""
        return f"{self.file}{line}: group {self.group}, rule {self.name}"


@dataclass(frozen=True)
class RuleSet:
    """All rules in the order in which they are evaluated, and a sentence for each that is left out or doubtful."""

    rules: tuple[Rule, ...]
    problems: tuple[str, ...]


def read_rules(paths: Sequence[str]) -> RuleSet:
    """The rules of files, folders (`*.yml`, `*.yaml` and a mixin's entry) and globs.

    A file or rule that cannot be used is a problem, and does not stop the others. UsageError where a path leads to no
    file; where nothing is left, the error of the first file.
    """
    rules: list[Rule] = []
    problems: list[str] = []
    errors: list[EpicenterError] = []
    for path in _files(paths):
        try:
            _read(path, rules, problems)
        except EpicenterError as error:
            errors.append(error)
    if errors and not rules:
        raise errors[0]
    problems += [str(error) for error in errors]
    seen: dict[tuple[object, ...], Rule] = {}
    for rule in rules:
        key = (rule.name, rule.alert, rule.expr, tuple(sorted(rule.labels.items())))
        if key in seen:
            problems.append(f"{rule.where}: is the same as the one in {seen[key].file}, line {seen[key].line}")
        seen.setdefault(key, rule)
    return RuleSet(tuple(rules), tuple(problems))


def _files(paths: Sequence[str]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        place = Path(path)
        if place.is_dir():
            inside = sorted(
                file
                for file in place.rglob("*")
                if file.suffix in (".yml", ".yaml") or (file.name == ENTRY and "vendor" not in file.parts)
            )
            # promtool's unit tests stand beside the rules that they test
            here = [file for file in inside if not file.name.endswith((".test.yml", ".test.yaml"))]
        else:
            here = (
                [place]
                if place.is_file()
                else sorted(Path(place.anchor).glob(os.fspath(place.relative_to(place.anchor))))
            )
        if not here:
            raise UsageError(f"{path}: there is no rule file")
        found.update(dict.fromkeys(here))
    return list(found)


def _read(path: Path, rules: list[Rule], problems: list[str]) -> None:
    held = [rendered(path)] if path.suffix in SUFFIXES else documents(path)
    groups = [group for document in held for group in _groups(path, document)]
    if not groups:
        raise UnreadableInput(path, "holds no groups of rules")
    for group in groups:
        for entry in group.get("rules") or ():
            try:
                rules.append(_rule(path, group, entry))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                line = (entry if isinstance(entry, dict) else group).get(LINE, 0)
                where = f"{path}, line {line}" if line else path
                problems.append(f"{where}: group {group.get('name', '')}: left out, for {_why(error)}")


def _why(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _groups(path: Path, document: Any) -> list[dict[str, Any]]:
    """Groups of a rule file, of a PrometheusRule, or of a List of them."""
    if document is None:
        return []
    if isinstance(document, list):
        return [group for item in document for group in _groups(path, item)]
    if not isinstance(document, dict):
        raise UnreadableInput(path, "a rule file is a mapping with `groups`")
    if document.get("kind") in ("List", "PrometheusRuleList"):
        return [group for item in document.get("items") or () for group in _groups(path, item)]
    if document.get("kind") == "PrometheusRule":
        document = document.get("spec") or {}
    groups = document.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise UnreadableInput(path, "`groups` is a list of mappings", line=document.get(LINE))
    return groups


def _rule(path: Path, group: Mapping[str, Any], entry: Mapping[str, Any]) -> Rule:
    alert = "alert" in entry
    labels = {str(key): str(value) for key, value in (entry.get("labels") or {}).items() if key != LINE}
    return Rule(
        name=str(entry["alert"] if alert else entry["record"]),
        alert=alert,
        expr=str(entry["expr"]).strip(),
        for_s=seconds(entry.get("for")),
        keep_s=seconds(entry.get("keep_firing_for")),
        labels=labels,
        file=str(path),
        group=str(group.get("name", "")),
        line=entry.get(LINE, 0),
        interval_s=seconds(group.get("interval")) or DEFAULT_INTERVAL_S,
        limit=int(group.get("limit") or 0),
    )


def seconds(text: object) -> float:
    """A duration in Prometheus' spelling, of which `0m` is one that promql-parser does not take; ValueError."""
    if text is None or _NOTHING.fullmatch(str(text)):
        return 0.0
    return promql_parser.parse_duration(str(text)).total_seconds()
