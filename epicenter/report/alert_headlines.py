"""The first line on a backtest and on each of its worlds, and the names of alerts that it and all else tell them by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..rules.pages import told_once
from ..rules.results import Backtest, calm_s
from ..rules.totals import RuleTotals
from ..rules.verdicts import DETECTS, Kind, Verdict
from .words import counted, elide, span

_BY: Mapping[Kind, str] = {
    "cause": "told by the cause",
    "early": "told before the impact",
    "loop": "told by another part alone",
    "symptom": "told by another part alone",
    "unattributed": "told without naming anybody",
}
_HOW = tuple(dict.fromkeys((*_BY.values(), "not told at all", "not tested")))
"""How an outage was told of, the best first."""
NAME_CHARACTERS = 30
"""So long are the names of worlds; a path may be longer, and a headline has 80 columns."""


def overall(results: Sequence[Backtest]) -> str:
    """One line over all worlds: how many outages were told by their cause, and what cried wolf."""
    told = Counter(_told(result) for result in results)
    worlds = counted(len(results), "world")
    if told["not judged"] == len(results):
        return f"{worlds}: {_fired(results)}."
    outages = sum(told[how] for how in _HOW)
    caught = f": {told[_HOW[0]] or 'none'} of {counted(outages, 'cause')} told" if outages else ""
    calm = sum(calm_s(result) for result in results)
    cried = f"; {_false_alarms(results)} in {span(calm)} of calm" if calm else ""
    return f"{worlds}{caught}{cried}."


def others(results: Sequence[Backtest]) -> str:
    """One sentence on the outages that `overall` counts and does not tell of, and on what is not judged; or ""."""
    told = Counter(_told(result) for result in results)
    parts = [f"{told[how]} {how}" for how in _HOW[1:] if told[how]]
    unjudged = told["not judged"] if told["not judged"] < len(results) else 0
    parts += [f"{counted(unjudged, 'world')} not judged"] if unjudged else []
    return f"Of the rest: {', '.join(parts)}." if parts else ""


def headline(result: Backtest) -> str:
    """One line on one world: how soon its cause was told, or what was told instead, and what cried wolf."""
    name = elide(result.scenario, NAME_CHARACTERS)
    if result.truth is None:
        return f"{name}: {_fired([result])}."
    cried = _false_alarms([result])
    if result.truth.incident is None:
        return f"{name}: nothing breaks; {cried}."
    first = first_on_cause(result)
    how = _told(result) if first is None else f"cause told after {span(first[0])}"
    return f"{name}: {how}; {cried}."


def _fired(results: Sequence[Backtest]) -> str:
    """Of what is not judged: how many alerts fired in any of the worlds, which are played with the same."""
    alerts = list(zip(*(result.verdicts for result in results), strict=False))
    fired = sum(any(one.kind == "fired" for one in told) for told in alerts)
    return f"{fired or 'none'} of {counted(len(alerts), 'alert')} fired; nothing is judged"


def _false_alarms(results: Iterable[Backtest]) -> str:
    """Those that a rule gives twice, as it stands in two files, count once."""
    count = sum(one.kind == "false_alarm" for result in results for one in told_once(result.verdicts))
    return counted(count, "false alarm") if count else "no false alarm"


def _told(result: Backtest) -> str:
    """How the outage was told, by the best of all verdicts; "" where there was none."""
    kinds = {one.kind for one in result.verdicts}
    if result.truth is None:
        return "not judged"
    if result.truth.incident is None:
        return ""
    if kinds <= {"untestable", "refused"}:
        return "not tested"
    return next((how for kind, how in _BY.items() if kind in kinds), "not told at all")


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
