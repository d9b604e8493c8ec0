"""The first line on a backtest and on each of its worlds, and the names of alerts that it and all else tell them by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..rules.results import Backtest, calm_s
from ..rules.totals import RuleTotals
from ..rules.verdicts import DETECTS, TRUE, Verdict
from .words import counted, elide, span

_HOW = ("told by the cause", "told by another part alone", "told without naming anybody", "not told at all")
"""How an outage was told of, the best first."""
NAME_CHARACTERS = 30
"""So long are the names of worlds; a path may be longer, and a headline has 100 columns."""


def overall(results: Sequence[Backtest]) -> str:
    """One line over all worlds: how many outages were told by their cause, and what cried wolf."""
    told = Counter(_told(result) for result in results)
    outages = sum(told[how] for how in _HOW)
    caught = f": of {counted(outages, 'outage')} {told[_HOW[0]] or 'none'} told by the cause" if outages else ""
    calm = sum(calm_s(result) for result in results)
    cried = f"; {_false_alarms(results)} in {span(calm)} of calm" if calm else ""
    return f"{counted(len(results), 'world')}{caught}{cried}."


def others(results: Sequence[Backtest]) -> str:
    """One sentence on the outages that `overall` counts and does not tell of, and on what is not judged; or ""."""
    told = Counter(_told(result) for result in results)
    parts = [f"{told[how]} {how}" for how in _HOW[1:] if told[how]]
    unjudged = counted(told["not judged"], "world")
    parts += [f"{unjudged} not judged"] if told["not judged"] else []
    return f"Of the rest: {', '.join(parts)}." if parts else ""


def headline(result: Backtest) -> str:
    """One line on one world: how soon its cause was told, or what was told instead, and what cried wolf."""
    name = elide(result.scenario, NAME_CHARACTERS)
    if result.truth is None:
        fired = sum(one.kind == "fired" for one in result.verdicts)
        return f"{name}: {fired or 'none'} of {counted(len(result.verdicts), 'alert')} fired; nothing is judged."
    cried = _false_alarms([result])
    if result.truth.incident is None:
        return f"{name}: nothing breaks; {cried}."
    first = first_on_cause(result)
    how = _told(result) if first is None else f"the cause is told {span(first[0])} after the onset"
    return f"{name}: {how}; {cried}."


def _false_alarms(results: Iterable[Backtest]) -> str:
    verdicts = (verdict for result in results for verdict in result.verdicts)
    count = sum(one.kind == "false_alarm" for verdict in verdicts for one in verdict.firings)
    return counted(count, "false alarm") if count else "no false alarm"


def _told(result: Backtest) -> str:
    """How the outage was told, by the best of all verdicts; "" where there was none."""
    kinds = {one.kind for one in result.verdicts}
    if result.truth is None:
        return "not judged"
    if result.truth.incident is None:
        return ""
    if "cause" in kinds:
        return _HOW[0]
    return _HOW[1] if kinds & set(TRUE) else _HOW[2] if "unattributed" in kinds else _HOW[3]


def first_on_cause(result: Backtest) -> tuple[float, str] | None:
    """Seconds from the onset to the first alert on the cause, and which it was; None where there is none."""
    apart = told_apart(result.verdicts)
    told = [
        (at, apart[one.file, one.line, one.name])
        for one in result.verdicts
        if one.kind == "cause" and (at := detected_s(one)) is not None
    ]
    return min(told, default=None)


def detected_s(one: Verdict) -> float | None:
    """Seconds from the onset to the first firing on what the verdict says; one on a lesser part may have come before.

    That of a forewarning is of what came after it; None where nothing did.
    """
    if one.to_detect_s is None or one.kind not in DETECTS:
        return one.to_detect_s
    starts = [(found.firing.start, found.kind) for found in one.firings if found.kind in DETECTS]
    return one.to_detect_s + min(at for at, kind in starts if kind == one.kind) - min(starts)[0]


def told_apart(rules: Iterable[Verdict | RuleTotals]) -> Mapping[tuple[str, int, str], str]:
    """(file, line, name) of an alert -> its name, with where it stands if alerts of that name stand elsewhere too."""
    places: dict[str, set[tuple[str, int]]] = {}
    for one in rules:
        places.setdefault(one.name, set()).add((one.file, one.line))
    told: dict[tuple[str, int, str], str] = {}
    for name, found in places.items():
        files = {file for file, _ in found}
        short = len({Path(file).name for file in files}) == len(files)
        for file, line in found:
            told_file = Path(file).name if short else file
            place = f"line {line}" if len(files) == 1 else f"{told_file}:{line}" if line else told_file
            told[file, line, name] = f"{name} ({place})" if len(found) > 1 else name
    return told
