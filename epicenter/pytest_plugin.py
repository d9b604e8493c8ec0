"""The pytest plugin: a fixture with which a team holds its alert rules to outages whose cause is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .rules.alert import Alert
    from .rules.cache import Cache
    from .rules.files import Rule
    from .rules.results import Backtest

_ASKED = pytest.StashKey[list["Alert"]]()
Play = Callable[[str, str, int], "Backtest"]


@dataclass(frozen=True)
class Tested:
    """Rules in one world; `asked` collects the alerts that a test asked for."""

    world: Backtest
    asked: list[Alert]

    def alert(self, name: str) -> Alert:
        """The alert of that name; UsageError where the rules have none."""
        from .rules.alert import alert_in

        found = alert_in(self.world, name)
        self.asked.append(found)
        return found


@pytest.fixture(scope="session")
def epicenter_play(pytestconfig: pytest.Config) -> Play:
    """Plays rules over a world, once in a session for all tests that ask the same."""

    @cache
    def play(rules: str, world: str, seed: int) -> Backtest:
        from .rules.cache import Cache, usual_folder
        from .rules.files import read_rules

        root = pytestconfig.rootpath
        read = read_rules([str(root / rules)])
        folder = usual_folder(os.environ)
        played = _played(read.rules, world, root, seed, None if folder is None else Cache(folder))
        return replace(played, scenario=world, problems=(*read.problems, *played.problems))

    return play


def _played(rules: Sequence[Rule], world: str, root: Path, seed: int, cache: Cache | None) -> Backtest:
    """A scenario where there is one of that name, else the recording at that path; UsageError where neither is."""
    from .collector.errors import UsageError
    from .rules.plays import backtest
    from .rules.recordings import backtest_recording
    from .synthetic import SCENARIOS

    if world in SCENARIOS or not (root / world).exists():
        return backtest(rules, world, seed=seed, cache=cache)
    if seed:
        raise UsageError(f"seed={seed}: varies scenarios, and {world} is a recording")
    return backtest_recording(rules, root / world, cache=cache)


@pytest.fixture
def backtest(request: pytest.FixtureRequest, epicenter_play: Play) -> Callable[..., Tested]:
    """`backtest(rules, world, seed=0)`: rules over a scenario by its name, or over a recording by its path.

    Rules are a file, folder or glob; paths start at pytest's root.
    """
    asked = request.node.stash.setdefault(_ASKED, [])

    def run(rules: str, world: str | Path, *, seed: int = 0) -> Tested:
        return Tested(epicenter_play(rules, str(world), seed), asked)

    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the timeline of the alerts that a failed test asked for into its report."""
    made = yield
    if made.when == "call" and made.failed:
        told = dict.fromkeys(alert.timeline() for alert in item.stash.get(_ASKED, []))
        if told:
            made.sections.append(("epicenter backtest", "\n\n".join(told)))
    return made
