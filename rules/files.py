"""Rule files as users have them -> rules: Prometheus files, PrometheusRule resources, mixins, folders and globs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser

from ..collector.errors import EpicenterError, MissingTool, UnreadableInput, UsageError
from .checks import refusals
from .documents import LINE, documents, whole
from .mixins import ENTRY, SUFFIXES, is_vendored, left_out, rendered

DEFAULT_INTERVAL_S = 60.0
"""`evaluation_interval` of Prometheus where a group names none."""
_UNPLAYED = ("labels", "query_offset")
"""What groups may have in Prometheus 3."""
_ENDINGS = (".yml", ".yaml", ".rules")
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
    """The rules of files, folders (`*.yml`, `*.yaml`, `*.rules` and a mixin's entry) and globs.

    A file or rule that cannot be used is a problem, and does not stop the others. UsageError where a path leads to no
    file; where nothing is left, the error of the first file.
    """
    held: list[_Held] = []
    errors: list[EpicenterError] = []
    files, problems = _files(paths)
    for path in files:
        try:
            held += _held(path)
        except EpicenterError as error:
            errors.append(error)
    rules, refused = _loaded(held)
    if errors and not held:
        raise errors[0]
    problems += [*refused, *map(str, errors)]
    seen: dict[tuple[object, ...], Rule] = {}
    for rule in rules:
        key = (rule.name, rule.alert, rule.expr, tuple(sorted(rule.labels.items())))
        if key in seen:
            first = seen[key]
            place = f"line {first.line}" if first.line else f"group {first.group}"
            problems.append(f"{rule.where}: is the same as the one in {first.file}, {place}")
        seen.setdefault(key, rule)
    return RuleSet(tuple(rules), tuple(problems))


def _files(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The files, and a sentence for each folder of which some are left out."""
    found: dict[Path, None] = {}
    problems: list[str] = []
    for path in paths:
        place = Path(path)
        jsonnet = left_out(place) if place.is_dir() else ""
        if place.is_dir():
            inside = sorted(
                file
                for file in place.rglob("*")
                if file.is_file() and (file.suffix in _ENDINGS or (file.name == ENTRY and not is_vendored(file, place)))
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
            raise UsageError(f"{path}: there is no rule file{jsonnet and '; '}{jsonnet}")
        found.update(dict.fromkeys(here))
        problems += [f"{path}: {jsonnet}"] if jsonnet else []
    return list(found), problems


class _Held(NamedTuple):
    """A group as it stands in a file; twins: those of its name before it."""

    path: Path
    group: Mapping[str, Any]
    twins: Sequence[Mapping[str, Any]]

    @property
    def listed(self) -> bool:
        return isinstance(self.group.get("rules") or [], list)

    @property
    def rules(self) -> Sequence[Any]:
        """Without empty entries, which Prometheus passes over."""
        return [entry for entry in self.group.get("rules") or () if entry is not None] if self.listed else ()

    @property
    def head(self) -> Mapping[str, Any]:
        return {key: value for key, value in self.group.items() if key != "rules"}

    def where(self, entry: object = None) -> str:
        line = (entry if isinstance(entry, dict) else self.group).get(LINE, 0)
        name = (entry.get("alert") or entry.get("record")) if isinstance(entry, dict) else None
        place = f"{self.path}, line {line}" if line else f"{self.path}"
        return f"{place}: group {self.group.get('name', '')}{f', rule {name}' if name else ''}"


def _held(path: Path) -> list[_Held]:
    found: list[_Held] = []
    mixin = path.suffix in SUFFIXES  # what it has of rules and of alerts goes into files of their own
    for document in [rendered(path)] if mixin else documents(path):
        groups = _groups(path, document)
        for number, group in enumerate(groups):
            twins = [{"name": one["name"]} for one in groups[:number] if one.get("name") == group.get("name", "")]
            found.append(_Held(path, group, () if mixin else twins))
    if not found:
        raise UnreadableInput(path, "holds no groups of rules")
    return found


def _loaded(held: Sequence[_Held]) -> tuple[list[Rule], list[str]]:
    """The rules that Prometheus loads, and a sentence for each that it does not."""
    rules: list[Rule] = []
    problems: list[str] = []
    heads = [[*one.twins, one.head] for one in held]
    entries = [[{"name": "rule", "rules": [entry]}] for one in held for entry in one.rules]
    try:
        said = refusals([*heads, *entries])
    except MissingTool as error:
        said = [None] * (len(heads) + len(entries))
        problems.append(f"it is not known which rules Prometheus would not load: {error}")
    about_rules = iter(said[len(heads) :])
    for one, refused in zip(held, said[: len(heads)], strict=True):
        of_this = list(islice(about_rules, len(one.rules)))
        if refused is not None:
            problems.append(f"{one.where()}: left out, for Prometheus refuses it: {refused}")
            continue
        if not one.listed:
            problems.append(f"{one.where()}: left out, for its `rules` are no list")
            continue
        unplayed = [key for key in _UNPLAYED if key in one.group]
        problems += (f"{one.where()}: its {key} is not played" for key in unplayed)
        for entry, why in zip(one.rules, of_this, strict=True):
            try:
                if why is not None:
                    raise ValueError(f"Prometheus refuses it: {why}")
                rules.append(_rule(one.path, one.group, entry))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                problems.append(f"{one.where(entry)}: left out, for {_why(error)}")
    return rules, problems


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
        thanos = "partial_response_strategy"  # which the operator tells to Thanos alone
        document = {"groups": [_less(group, thanos) for group in document.get("groups") or ()]}
    groups = document.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise UnreadableInput(path, "`groups` is a list of mappings", line=document.get(LINE))
    return groups


def _less(group: Any, key: str) -> Any:
    return {name: value for name, value in group.items() if name != key} if isinstance(group, dict) else group


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
        limit=int(whole(group.get("limit") or 0)),
    )


def seconds(text: object) -> float:
    """A duration in Prometheus' spelling, of which `0m` is one that promql-parser does not take; ValueError."""
    if text is None or _NOTHING.fullmatch(str(text)):
        return 0.0
    return promql_parser.parse_duration(str(text)).total_seconds()
