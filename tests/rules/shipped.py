"""The shipped rules as their files hold them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "rules"
FILES = tuple(FOLDER / f"{name}.yml" for name in ("epicenter", "dialects", "spans", "dns", "loops", "self"))
"""The shipped rule files, each after those whose results it reads."""


def groups(files: Sequence[Path] = FILES) -> list[dict[str, Any]]:
    """The rule groups of these files, in order."""
    return [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
