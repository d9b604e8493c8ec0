"""Mixins: alert rules in jsonnet, rendered as `jsonnet` and `mixtool` render them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..collector.errors import MissingTool, UnreadableInput

ENTRY = "mixin.libsonnet"
"""The file of a mixin's folder from which the others are imported (monitoring.mixins.dev)."""
SUFFIXES = (".jsonnet", ".libsonnet")
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
