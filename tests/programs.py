"""Where outside programs are, for the tests that drive real ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / ".tools" / "bin"

TEMPLATES = Path("/usr/share/prometheus/alertmanager")
"""Debian's Alertmanager reads its templates from there alone: unpacked without root it does not start."""


def find(name: str) -> Path | None:
    """The program on PATH or in .tools/bin, where `make test` unpacks it."""
    found = shutil.which(name) or shutil.which(name, path=os.fspath(TOOLS))
    whole = found is None or name != "prometheus-alertmanager" or Path(found).parent != TOOLS or TEMPLATES.exists()
    return Path(found) if found and whole else None


def require(name: str) -> Path:
    """The program, or the running test is skipped with the reason."""
    found = find(name)
    if found is None:
        pytest.skip(f"{name} was not found on PATH or whole in .tools/bin (make test unpacks it)")
    return found
