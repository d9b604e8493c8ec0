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
    """The program on PATH or in .tools/bin, where `make test` unpacks it, if it can be run."""
    found = _found(name)
    return None if found is None or _wants_templates(found) else found


def _found(name: str) -> Path | None:
    found = shutil.which(name) or shutil.which(name, path=os.fspath(TOOLS))
    return Path(found) if found else None


def _wants_templates(program: Path) -> bool:
    return program == TOOLS / "prometheus-alertmanager" and not TEMPLATES.exists()


def require(name: str) -> Path:
    """The program, or the running test is skipped with the reason."""
    found = _found(name)
    if found is None:
        pytest.skip(f"{name} was not found on PATH or in .tools/bin (make test unpacks it)")
    if _wants_templates(found):
        pytest.skip(f"{found} does not start without its templates in {TEMPLATES}, where only root can put them")
    return found
