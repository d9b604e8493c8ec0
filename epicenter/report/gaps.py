"""What worlds lack for alerts to be tested in them, on a terminal: the metrics with the most to gain first."""

from __future__ import annotations

from rich.console import Console

from ..rules.gaps import Gap, GapsReport
from .printer import Printer
from .words import counted, listed

_NAMES = 3
"""Alerts that are named; the rest is counted."""


def render(report: GapsReport, console: Console) -> None:
    """Print each world's count and what is missing in it, then what was left out."""
    printer = Printer(console)
    for number, world in enumerate(report.scenarios):
        if number:
            console.print()
        printer.say(f"{world.scenario}: {world.testable} of {world.alerts} alerts can be tested.", style="bold")
        if world.read:
            there = f"{world.present} of {counted(world.read, 'metric')}"
            printer.say(f"{there} that the rules read by name {'is' if world.read == 1 else 'are'} there.", indent=2)
        if world.still:
            names = listed(list(dict.fromkeys(world.still)), _NAMES)
            printer.say(f"{len(world.still)} of these read only what never changes there: {names}.", indent=2)
        for gap in world.gaps:  # names are long, and would leave no room beside them
            printer.say(gap.need, indent=2)
            printer.say(_gain(gap), indent=6)
    if report.problems:
        printer.section("Left out or doubtful")
        for problem in report.problems:
            printer.say(problem, indent=4, first="  -")


def _gain(gap: Gap) -> str:
    names = list(dict.fromkeys(gap.alerts))
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    shared = len(gap.alerts) - gap.alone
    beside = f", {shared} more with others" if shared else ""
    return f"makes {gap.alone} testable{beside}: {', '.join(names[:_NAMES])}{more}"
