"""The committed boards as Grafana reads them."""

from __future__ import annotations

import json
from typing import Any

from epicenter.dashboards import build

BOARDS: dict[str, dict[str, Any]] = {
    board.name: json.loads(build.path(board).read_text(encoding="utf-8")) for board in build.BOARDS
}
PANELS: dict[str, dict[str, Any]] = {
    f"{name}: {panel['title']}": panel
    for name, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] != "row"
}


def exprs(panel: dict[str, Any]) -> list[str]:
    """The expressions of a panel, as they are committed."""
    return [target["expr"] for target in panel["targets"]]


def variables(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A board's choices by name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}
