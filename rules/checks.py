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
    if not files:
        return []
    with tempfile.TemporaryDirectory(prefix="epicenter-") as folder:
        names = [f"{number}.yml" for number in range(len(files))]
        for name, groups in zip(names, files, strict=True):
            Path(folder, name).write_text(_json({"groups": list(groups)}), encoding="utf-8")
        # rules that are the same are told of with the places of both, and loaded
        command = [program("promtool"), "check", "rules", "--lint=none", *names]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found: dict[str, list[str]] = {}
    name = ""
    for line in done.stderr.splitlines():
        starts, _, rest = line.partition(": ")
        name, said = (starts, rest) if starts in names else (name, line)
        told = _PLACE.sub("", said)
        if told and told != "FAILED:" and _EXPRESSION not in told:
            found.setdefault(name, []).append(told)
    return ["; ".join(dict.fromkeys(found[name])) if name in found else None for name in names]


def _json(value: Any) -> str:
    """As YAML takes it too; numbers, which the documents hold as text, where Prometheus wants them."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        made = {key: _plain(one) for key, one in value.items() if key != LINE}
        return {key: whole(one) if key in _NUMBERS else one for key, one in made.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
