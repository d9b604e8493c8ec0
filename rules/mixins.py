"""Mixins: alert rules in jsonnet, rendered as `jsonnet` and `mixtool` render them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..collector.errors import MissingTool, UnreadableInput

ENTRY = "mixin.libsonnet"
"""The file of a mixin's folder from which the others are imported (monitoring.mixins.dev)."""
SUFFIXES = (".jsonnet", ".libsonnet")
_NAMED = 3
"""So many files are named."""
_RENDERED = """
local made = import %s;
local groups(of) = if std.isObject(of) && std.objectHasAll(of, 'groups') then of.groups else [];
local hidden(name) = if std.objectHasAll(made, name) then groups(made[name]) else [];
if std.isObject(made) && (std.objectHasAll(made, 'prometheusAlerts') || std.objectHasAll(made, 'prometheusRules'))
then { groups: hidden('prometheusRules') + hidden('prometheusAlerts') }
else made
"""


def rendered(path: Path) -> Any:
    """What the file evaluates to; of a mixin, its rules and alerts as one rule file.

    Imports are looked up beside the file and in `vendor` of its folder and those above (jsonnet-bundler's place).
    Raises MissingTool without the package, UnreadableInput with jsonnet's own words.
    """
    try:
        import _jsonnet
    except ImportError as error:
        raise MissingTool(f"{path}: reading jsonnet needs the package: pip install 'epicenter[jsonnet]'") from error
    absolute = path.absolute()
    vendors = [str(folder / "vendor") for folder in absolute.parents if (folder / "vendor").is_dir()]
    try:
        text: str = _jsonnet.evaluate_snippet(
            str(path), _RENDERED % json.dumps(str(absolute)), jpathdir=[str(absolute.parent), *vendors]
        )
    except RuntimeError as error:
        raise UnreadableInput(path, f"is not rendered by jsonnet: {' '.join(str(error).split())[:500]}") from error
    return json.loads(text)


def left_out(folder: Path) -> str:
    """What is said of the jsonnet in a folder that belongs to no mixin; "" where there is none.

    Which of the files makes rules, and which only helps, its author knows.
    """
    mixins = {entry.parent for entry in folder.rglob(ENTRY) if entry.is_file()}
    found = sorted(
        file.relative_to(folder)
        for file in folder.rglob("*")
        if file.suffix in SUFFIXES
        and file.is_file()
        and not is_vendored(file, folder)
        and mixins.isdisjoint(file.parents)
    )
    if not found:
        return ""
    named = ", ".join(map(str, found[:_NAMED])) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
    # a library alone may hide its rules, and renders as nothing
    makes = next((file for file in found if file.suffix == ".jsonnet"), None)
    how = f", or render it, as by `jsonnet -J vendor {makes} > {makes.with_suffix('.yml')}`" if makes else ""
    files = f"{len(found)} file{'s' if len(found) > 1 else ''}"
    return f"{files} of jsonnet left out ({named}): name the one that makes the rules{how}"


def is_vendored(file: Path, folder: Path) -> bool:
    """Whether it stands in the folder's `vendor`, where jsonnet-bundler puts what belongs to others."""
    return "vendor" in file.relative_to(folder).parts
