"""A test that cannot run says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import programs


def test_a_skip_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, templates = "prometheus-alertmanager", tmp_path / "templates"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(programs, "TOOLS", tmp_path)
    monkeypatch.setattr(programs, "TEMPLATES", templates)
    with pytest.raises(pytest.skip.Exception, match="was not found on PATH"):
        programs.require(name)
    (tmp_path / name).touch(mode=0o755)
    with pytest.raises(pytest.skip.Exception, match=r"without its templates in .*templates, where only root"):
        programs.require(name)
    assert programs.find(name) is None
    templates.mkdir()
    assert programs.require(name) == programs.find(name) == tmp_path / name
