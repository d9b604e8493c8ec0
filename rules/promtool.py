"""A world as a unit test for `promtool test rules`, so that a pipeline without Epicenter can hold the rules to it.

promtool evaluates all groups at one interval, knows no time but its own from 0 on, and takes no expression that reads
more than 10,000 samples at once: what cannot be told to it is left out and said.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..collector.errors import EpicenterError
from .files import Rule
from .labels import unknown_templates
from .loads import written
from .order import in_order, read_by
from .played import Played
from .prometheus import program
from .results import played_over
from .write import Floats, Series, is_stale

_CLOCK = re.compile(r"\b(time|minute|hour|month|year|day_of_week|day_of_month|day_of_year|days_in_month)\s*\(|@")
_FAILS = re.compile(r"rule: (\S+), time: \S+, err: (.+)")
_NAME = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(frozen=True)
class World:
    """Samples that were all taken at start, start + every, …; Unix seconds."""

    name: str
    start: float
    end: float
    every_s: float
    series: Sequence[Series]


def export(folder: Path, rules: Sequence[Rule], world: World) -> tuple[Path, tuple[str, ...]]:
    """Write `NAME.rules.yml` and `NAME.test.yml`, which promtool has passed; the test, and a sentence a rule left out.

    Raises MissingTool, and EpicenterError with promtool's words where it does not pass for another reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step_s = min((rule.interval_s for rule in rules), default=world.every_s)
    every = in_order([replace(rule, interval_s=step_s) for rule in rules])
    unplayable = {id(rule): why for rule in every if (why := _untold(rule)) is not None}
    kept, notes = _without(every, unplayable)
    played = played_over(kept, written(world.series, world.start, world.end), world.start, world.end)
    left = {id(one.rule): one.refused for one in played if one.refused is not None}
    while True:
        kept, more = _without(kept, left)
        notes += more
        played = [one for one in played if any(one.rule is rule for rule in kept)]
        test = _write(folder, played, world, step_s)
        failed = _run(test)
        if not failed:
            return test, tuple(notes)
        left = {id(rule): failed[rule.name] for rule in kept if rule.name in failed}


def _untold(rule: Rule) -> str | None:
    """Why promtool would see something else than was seen here, if it would."""
    if _CLOCK.search(rule.expr):
        return "it reads the clock, and promtool's starts at 0"
    names = ", ".join(unknown_templates(rule))
    return f"promtool fills in the template of its label {names}, which is not done here" if names else None


def _without(rules: Sequence[Rule], left: Mapping[int, str]) -> tuple[list[Rule], list[str]]:
    """The rules without these, id -> why, and without those that read what they make; a sentence a rule left out."""
    reads = read_by(rules)
    out = {place: left[id(rule)] for place, rule in enumerate(rules) if id(rule) in left}
    grew = True
    while grew:
        found = {
            place: f"it reads what {rules[lacks[0]].name} makes, which is not"
            for place, others in enumerate(reads)
            if place not in out and (lacks := [other for other in others if other in out])
        }
        out.update(found)
        grew = bool(found)
    # what replay refuses it tells in a whole sentence
    said = [
        why if why.startswith(rule.where) else f"{rule.where}: is not exported: {why}"
        for place, rule in enumerate(rules)
        if (why := out.get(place)) is not None
    ]
    return [rule for place, rule in enumerate(rules) if place not in out], said


def _run(test: Path) -> Mapping[str, str]:
    """Names of the rules that promtool cannot evaluate, with its words; empty where the test passes."""
    done = subprocess.run(
        [program("promtool"), "test", "rules", str(test)], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return {}
    told = done.stdout + done.stderr
    failed = dict(_FAILS.findall(told))
    if not failed:
        raise EpicenterError(f"{test}: promtool does not pass it: {' '.join(told.split())[:500]}")
    return failed


def _write(folder: Path, played: Sequence[Played], world: World, step_s: float) -> Path:
    name = _NAME.sub("-", world.name).strip("-")
    rules, test = folder / f"{name}.rules.yml", folder / f"{name}.test.yml"
    # a group has one limit for all of its rules
    groups = [
        {
            "name": f"rules-{number}",
            "interval": _duration(step_s),
            "limit": limit,
            "rules": [_rule(one.rule) for one in some],
        }
        for number, (limit, some) in enumerate(groupby(played, key=lambda one: one.rule.limit), 1)
    ]
    rules.write_text(yaml.safe_dump({"groups": groups}, sort_keys=False), encoding="utf-8")
    content = {
        "rule_files": [rules.name],
        "evaluation_interval": _duration(step_s),
        "group_eval_order": [group["name"] for group in groups],
        "tests": [
            {
                "name": world.name,
                "interval": _duration(world.every_s),
                "input_series": [
                    {"series": _selector(one.labels), "values": _values(one, world)} for one in world.series
                ],
                "alert_rule_test": list(_expected(played, world, step_s)),
            }
        ],
    }
    test.write_text(yaml.safe_dump(content, sort_keys=False, width=10**9), encoding="utf-8")
    return test


def _rule(rule: Rule) -> dict[str, Any]:
    kind = {"alert": rule.name} if rule.alert else {"record": rule.name}
    waits = {"for": rule.for_s, "keep_firing_for": rule.keep_s}
    made = {**kind, "expr": rule.expr, **{name: _duration(value) for name, value in waits.items() if value}}
    return {**made, "labels": dict(rule.labels)} if rule.labels else made


def _expected(played: Sequence[Played], world: World, step_s: float) -> Iterable[dict[str, Any]]:
    """Each alert at the evaluations around every change, and at the end."""
    by_name: dict[str, list[Played]] = defaultdict(list)
    for one in played:
        if one.rule.alert:
            by_name[one.rule.name].append(one)
    last = int((world.end - world.start) / step_s) * step_s
    for name, same in by_name.items():
        firings = [firing for one in same for firing in one.firings]
        changes = {at for one in firings for at in (one.start - step_s, one.start, one.end, one.end + step_s)}
        for at in sorted({min(max(change - world.start, 0.0), last) for change in changes} | {last}):
            now = [one for one in firings if one.start <= world.start + at <= one.end]
            expected = [{"exp_labels": dict(one.labels)} for one in now]
            yield {"eval_time": _duration(at), "alertname": name, "exp_alerts": expected}


def _values(one: Series, world: World) -> str:
    """In promtool's notation, runs of the same value or of none together."""
    values: Floats = np.full(int((world.end - world.start) / world.every_s + 1e-9) + 1, np.nan)
    values[np.round((one.times - world.start) / world.every_s).astype(np.int64)] = one.values
    texts = [
        "stale" if ends else "_" if np.isnan(value) else repr(float(value)).removesuffix(".0")
        for value, ends in zip(values, is_stale(values), strict=True)
    ]
    runs = ((text, len(list(run))) for text, run in groupby(texts))
    return " ".join(
        text if count == 1 else f"_x{count}" if text == "_" else f"{text}x{count - 1}" for text, count in runs
    )


def _selector(labels: Mapping[str, str]) -> str:
    # JSON escapes as PromQL does, but for what is beyond ASCII
    pairs = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if name != "__name__")
    return f"{labels['__name__']}{{{', '.join(pairs)}}}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds % 1 else f"{seconds:.0f}s"
