"""Every command, detector and scenario has its page, and the pages name what exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from epicenter.cli import COMMANDS
from epicenter.detectors.registry import DETECTORS
from epicenter.synthetic.scenarios import SCENARIOS

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert f"epicenter {command}" in (DOCS / "commands.md").read_text()


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_detector_has_a_page(detector: str) -> None:
    assert (DOCS / "detectors" / f"{detector}.md").read_text().startswith("# ")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_has_its_part_of_the_page_and_a_picture(scenario: str) -> None:
    assert f"\n## {scenario}\n" in (DOCS / "scenarios.md").read_text()
    assert (DOCS / "scenarios" / f"{scenario}.svg").read_text().startswith("<?xml")
