"""The pytest plugin: a fixture with which a team holds its alert rules to outages whose cause is known."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .rules.verdicts import Judged, Verdict
    from .rules.worlds import Backtest

HITS = ("cause", "loop", "symptom")
"""What an alert of an outage may fire on where a test does not say."""
KINDS = (*HITS, "early", "unattributed", "false_alarm")
_ASKED = pytest.StashKey[list["Alert"]]()
Play = Callable[[str, str, int], "Backtest"]


@dataclass(frozen=True)
class Alert:
    """All rules of one name in one world."""

    name: str
    world: Backtest
    verdicts: tuple[Verdict, ...]

    def fires(self, *, within: str | None = None, on: str | None = None) -> bool:
        """Whether it fires `on` the cause, loop or symptom (any of them if None), `within` a time like "3m".

        The time runs from the true onset. UsageError where the world cannot test it, or for what makes no sense.
        """
        from .collector.errors import UsageError

        if on is not None and on not in KINDS:
            raise UsageError(f"on={on!r}: is none of {', '.join(KINDS)}")
        latest = None if within is None else self._latest(within)
        if all(one.kind in ("untestable", "refused") for one in self.verdicts):
            raise UsageError(f"{self.name} cannot be tested in {self.world.scenario}: {self._why()}")
        kinds = HITS if on is None else (on,)
        return any(one.kind in kinds and (latest is None or one.firing.start <= latest) for one in self._firings())

    def timeline(self) -> str:
        """The outage and every firing of the alert, one a line, from the onset on."""
        onset = self.world.truth.trigger_start
        start = self.world.start if onset is None else onset
        lines = [(one.start, one.phase, f"to {_after(one.end, start)}") for one in self.world.coverage]
        for one in self._firings():
            labels = ", ".join(f'{name}="{value}"' for name, value in sorted(one.firing.labels.items()))
            told = f"to {_after(one.firing.end, start)}  {self.name} fires: {one.kind} {{{labels}}}"
            lines.append((one.firing.start, "", told))
        since = "the start of this calm world" if onset is None else "the onset"
        head = f"{self.name} in {self.world.scenario}, from {since}:"
        quiet = [] if self._firings() else [f"  {self.name} never fires"]
        return "\n".join([head, *(f"  {_after(at, start)} {text}  {what}" for at, what, text in sorted(lines)), *quiet])

    def _firings(self) -> list[Judged]:
        return [one for verdict in self.verdicts for one in verdict.firings]

    def _latest(self, within: str) -> float:
        from .collector.errors import UsageError
        from .rules.files import seconds

        if self.world.truth.trigger_start is None:
            raise UsageError(f"within={within!r}: nothing breaks in {self.world.scenario}")
        try:
            return self.world.truth.trigger_start + seconds(within)
        except ValueError as error:
            raise UsageError(f"within={within!r}: is no time such as 3m or 1h30m") from error

    def _why(self) -> str:
        refused = [one.refused for one in self.verdicts if one.refused is not None]
        needs = sorted({need for one in self.verdicts for need in one.needs})
        return refused[0] if refused else f"it has no {', '.join(needs)}"


@dataclass(frozen=True)
class Tested:
    """Rules in one world; `asked` collects the alerts that a test asked for."""

    world: Backtest
    asked: list[Alert]

    def alert(self, name: str) -> Alert:
        """The alert of that name; UsageError where the rules have none."""
        from .collector.errors import UsageError

        verdicts = tuple(one for one in self.world.verdicts if one.name == name)
        if not verdicts:
            known = ", ".join(sorted({one.name for one in self.world.verdicts}))
            left_out = "".join(f"; {problem}" for problem in self.world.problems)
            raise UsageError(f"there is no alert {name}; there are {known or 'none'}{left_out}")
        found = Alert(name, self.world, verdicts)
        self.asked.append(found)
        return found


@pytest.fixture(scope="session")
def epicenter_play(pytestconfig: pytest.Config) -> Play:
    """Plays rules over a world, once in a session for all tests that ask the same."""

    @cache
    def play(rules: str, scenario: str, seed: int) -> Backtest:
        from .rules.files import read_rules
        from .rules.worlds import backtest

        read = read_rules([str(pytestconfig.rootpath / rules)])
        played = backtest(read.rules, scenario, seed=seed)
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


def _after(at: float, start: float) -> str:
    """As +h:mm:ss, so that lines line up."""
    sign = "-" if at < start else "+"
    minutes, seconds = divmod(round(abs(at - start)), 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
