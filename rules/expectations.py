"""What a team expects of its alerts, in a small YAML file, and whether it holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..collector.errors import UnreadableInput, UsageError
from .alert import KINDS, alert_in
from .documents import LINE, documents
from .files import seconds
from .results import Backtest

_KEYS = ("alert", "scenario", "fires", "within", "on")
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class Expectation:
    """One alert, in one world or in all that are played (""), fires or does not; `on` and `within` as tests ask."""

    alert: str
    scenario: str
    fires: bool
    within: str | None
    on: str | None

    @property
    def text(self) -> str:
        """In words."""
        on = f" on {self.on}" if self.on else ""
        within = f" within {self.within}" if self.within else ""
        return f"{self.alert} {'fires' if self.fires else 'does not fire'}{on}{within}"


@dataclass(frozen=True)
class Checked:
    """An expectation in one world; why: empty where it held, else the reason or the alert's timeline."""

    scenario: str
    expectation: str
    held: bool
    why: str


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """The file's list `expect`; UnreadableInput with the line of what makes no sense."""
    found: list[Expectation] = []
    for document in documents(path):
        entries = document.get("expect") if isinstance(document, dict) else None
        if not isinstance(entries, list):
            raise UnreadableInput(path, "is a mapping whose `expect` is a list")
        found += [_expectation(path, entry) for entry in entries]
    if not found:
        raise UnreadableInput(path, "expects nothing")
    return tuple(found)


def about_played(expectations: Sequence[Expectation], played: Collection[str]) -> None:
    """UsageError for one about a world that is not played."""
    for one in expectations:
        if one.scenario and one.scenario not in played:
            raise UsageError(f"{one.text}: its scenario {one.scenario} is not played")


def check(expectations: Sequence[Expectation], results: Sequence[Backtest]) -> tuple[Checked, ...]:
    """Every expectation in every world that it is about."""
    return tuple(
        _check(one, result) for result in results for one in expectations if one.scenario in ("", result.scenario)
    )


def _check(one: Expectation, result: Backtest) -> Checked:
    try:
        alert = alert_in(result, one.alert)
        held = alert.fires(within=one.within, on=one.on) == one.fires
    except UsageError as error:
        return Checked(result.scenario, one.text, False, str(error))
    return Checked(result.scenario, one.text, held, "" if held else alert.timeline())


def _expectation(path: Path, entry: Any) -> Expectation:
    if not isinstance(entry, dict) or "alert" not in entry:
        raise UnreadableInput(path, "each expectation is a mapping with `alert`")
    line = entry[LINE]
    odd = sorted(entry.keys() - {*_KEYS, LINE})
    if odd:
        raise UnreadableInput(path, f"{odd[0]!r} is none of {', '.join(_KEYS)}", line=line)
    fires = _WORDS.get(str(entry.get("fires", "true")).lower())
    if fires is None:
        raise UnreadableInput(path, "`fires` is true or false", line=line)
    on = entry.get("on")
    if on is not None and on not in KINDS:
        raise UnreadableInput(path, f"`on` is one of {', '.join(KINDS)}", line=line)
    within = entry.get("within")
    try:
        seconds(within)
    except ValueError as error:
        raise UnreadableInput(path, "`within` is a time such as 3m or 1h30m", line=line) from error
    return Expectation(str(entry["alert"]), str(entry.get("scenario") or ""), fires, within, on)
