"""What Prometheus says of rules when it loads them, before it evaluates any: `promtool check rules`."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .documents import LINE, whole
from .prometheus import program

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PLACE = re.compile(
    rf"^\s*(?:(?:yaml: unmarshal errors:|line \d+:|\d+:\d+:|group {_QUOTED}, rule \d+, {_QUOTED}:)\s*)*"
)
"""Where it stands in a file that the user never sees."""
_EXPRESSION = "could not parse expression"
"""Told where the rule is played, as what else is wrong with an expression."""
_NUMBERS = ("limit",)


def refusals(files: Sequence[Sequence[Mapping[str, Any]]]) -> list[str | None]:
    """Why Prometheus does not load a file with these groups, for each of the files, in its own words.

    Raises MissingTool without promtool.
    """
    told = ([line for line in lines if _EXPRESSION not in line] for lines in _said(files))
    return ["; ".join(lines) if lines else None for lines in told]


def refused_expressions(exprs: Sequence[str]) -> list[str | None]:
    """Why Prometheus takes no rule with each of the expressions, in its own words, as far as it knows without samples.

    Raises MissingTool without promtool.
    """
    files = [[{"name": "rule", "rules": [{"record": "rule", "expr": expr}]}] for expr in exprs]
    told = ([line.partition(_EXPRESSION)[2] for line in lines if _EXPRESSION in line] for lines in _said(files))
    return ["; ".join(line.lstrip(": ") for line in lines) if lines else None for lines in told]


def _said(files: Sequence[Sequence[Mapping[str, Any]]]) -> list[list[str]]:
    """What promtool says of a file with these groups, for each of the files."""
    if not files:
        return []
    with tempfile.TemporaryDirectory(prefix="epicenter-") as folder:
        names = [f"{number}.yml" for number in range(len(files))]
        for name, groups in zip(names, files, strict=True):
            Path(folder, name).write_text(_json({"groups": list(groups)}), encoding="utf-8")
        # rules that are the same are told of with the places of both, and loaded
        command = [program("promtool"), "check", "rules", "--lint=none", *names]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found: dict[str, dict[str, None]] = {}
    name = ""
    for line in done.stderr.splitlines():
        starts, _, rest = line.partition(": ")
        name, said = (starts, rest) if starts in names else (name, line)
        told = _PLACE.sub("", said)
        if told and told != "FAILED:":
            found.setdefault(name, {})[told] = None
    return [list(found.get(name, ())) for name in names]


def _json(value: Any) -> str:
    """As YAML takes it too; numbers, which the documents hold as text, where Prometheus wants them."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        made = {key: _plain(one) for key, one in value.items() if key != LINE}
        return {key: whole(one) if key in _NUMBERS else one for key, one in made.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
