"""The pytest plugin: a fixture with which a team holds its alert rules to outages whose cause is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .rules.alert import Alert
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
    def play(rules: str, scenario: str, seed: int) -> Backtest:
        from .rules.cache import Cache, usual_folder
        from .rules.files import read_rules
        from .rules.plays import backtest

        read = read_rules([str(pytestconfig.rootpath / rules)])
        folder = usual_folder(os.environ)
        played = backtest(read.rules, scenario, seed=seed, cache=None if folder is None else Cache(folder))
        return replace(played, problems=(*read.problems, *played.problems))

    return play


@pytest.fixture
def backtest(request: pytest.FixtureRequest, epicenter_play: Play) -> Callable[..., Tested]:
    """`backtest(rules, scenario, seed=0)`: rules (file, folder or glob from pytest's root) over a simulated world."""
    asked = request.node.stash.setdefault(_ASKED, [])

    def run(rules: str, scenario: str, *, seed: int = 0) -> Tested:
        return Tested(epicenter_play(rules, scenario, seed), asked)

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
