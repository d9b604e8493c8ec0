"""Writers of records that get into each other's way, from change telemetry alone: weaker signs than a race.

None of them says that a record is wrong, only that it may soon be: two writers that put their own answers back again
and again, and a writer that never gets a lock which its peers get by turns. The latter stood at the beginning of the
race of October 2025 (AWS post-event summary; AWS re:Invent 2025, DAT453).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding
from .queries import sql
from .record_writes import STORY_S, Write, by_target, writes
from .series import Flags, Floats, Indices

KIND = "record_writers"

TURNS = 4
"""Each has overwritten the other twice. A planned change of writers overwrites once, one that is rolled back twice, and
one that is then made again three times."""

TURN_S = 300.0
"""Controllers put back what they want every minute by default (external-dns); so long are five of their rounds."""

LOST = 10
"""Lost locks in a row: of those who get it every other time, one in a thousand loses so often."""


def record_writers(windows: Windows) -> list[Finding]:
    """Find records whose writers may soon leave them wrong."""
    found = [
        *(f for target, mine in by_target(writes(windows)).items() for f in _turns(windows, target, mine)),
        *_locked_out(windows),
    ]
    return sorted(found, key=lambda f: (f.started_at, f.component, f.evidence[0].statement))


def _found(
    windows: Windows, target: str, start: float, end: float | None, said: tuple[str, float, float], known_at: float
) -> Finding:
    """said: the statement, what was observed and what was expected."""
    until = float(windows.end) if end is None else end
    columns = '"Kind", "Actor", "Generation", "Answers", "Outcome"'
    query = sql("changes", columns, (start - STORY_S, until + 1), Target=target)
    statement, observed, expected = said
    return Finding(
        detector="record_writers",
        kind=KIND,
        component=target,
        started_at=start,
        ended_at=end,
        score=0.25,
        evidence=(Evidence(statement, query, (start, until), observed, expected),),
        facts={"alarm_at": known_at},
    )


def _turns(windows: Windows, target: str, made: Iterable[Write]) -> Iterator[Finding]:
    """Two writers without numbered plans, each of which puts its own answers over the other's, by turns."""
    turns: list[Write] = []
    last: Write | None = None
    own: dict[str, int] = {}

    def told(end: float | None) -> Iterator[Finding]:
        if len(turns) < TURNS:
            return
        one, other = sorted({turn.actor for turn in turns})
        said = f"{one} and {other} overwrote each other's answers on {target} {len(turns)} times, by turns"
        yield _found(windows, target, turns[0].time, end, (said, float(len(turns)), 0.0), turns[TURNS - 1].time)

    for write in made:
        plain = not write.deletes and not write.by_hand and write.generation == -1 and write.answers > 0
        again = last is not None and write.time - last.time <= TURN_S
        same = own.get(write.actor, write.answers) == write.answers
        if not (plain and again and same and len(own.keys() | {write.actor}) <= 2):
            yield from told(turns[-1].time if turns else None)
            turns, own = [], {}
        elif last is not None and last.actor != write.actor and last.answers != write.answers:
            turns.append(write)
        last = write if plain else None
        own |= {write.actor: write.answers} if plain else {}
    lasts = last is not None and windows.end - last.time <= TURN_S
    yield from told(None if lasts else turns[-1].time if turns else None)


def _locked_out(windows: Windows) -> Iterator[Finding]:
    """Writers that lose a record's lock again and again while others get it by turns.

    Where one alone gets it the rest are its reserve, and lose it all the time, before a change of leaders and after it.
    """
    changes = windows.changes
    if changes.empty:
        return
    tried = changes[changes["Kind"] == "record.lock"].sort_values(["time", "Target", "Actor"], kind="stable")
    won = tried["Outcome"].isin(("ok", ""))
    for target, rows in tried.assign(won=won).groupby(tried["Target"].astype(str)):
        time, got = rows["time"].to_numpy(np.float64), rows["won"].to_numpy(np.bool_)
        code, names = pd.factorize(rows["Actor"].astype(str), sort=True)
        winners = set(code[got].tolist())
        lost = np.bincount(code[~got], minlength=len(names))
        for actor in np.flatnonzero(lost >= LOST).tolist():
            if len(winners - {actor}) > 1:
                yield from _streaks(windows, (str(target), str(names[actor])), time, got, code, actor)


def _streaks(
    windows: Windows, named: tuple[str, str], time: Floats, won: Flags, code: Indices, actor: int
) -> Iterator[Finding]:
    """Stretches in which one writer lost so often, within the hour each, and won not once.

    named: the record and the writer; time, won, code: [attempts] of all writers of the record; actor: code of this one.
    """
    target, name = named
    mine, got = time[code == actor], won[code == actor]
    streak = np.cumsum(got | (np.diff(mine, prepend=mine[:1]) > STORY_S))[~got]
    lost, wins = mine[~got], mine[got]
    first, last = lost[: -LOST + 1], lost[LOST - 1 :]
    out = (streak[: -LOST + 1] == streak[LOST - 1 :]) & _stands_out(first, last, time, won, code, actor)
    hits, streak = np.flatnonzero(out), streak[LOST - 1 :][out]
    for places in np.split(hits, np.flatnonzero(np.diff(streak)) + 1) if len(hits) else []:
        losses = int(places[-1] - places[0]) + LOST
        over = float(last[places[-1]])
        end = min([over + STORY_S, *wins[wins > over].tolist()])
        said = f"{name} lost the lock of {target} {losses} times in a row, while others got it by turns"
        start, known_at = float(first[places[0]]), float(last[places[0]])
        told = said, float(losses), 0.0
        yield _found(windows, target, start, end if end <= windows.end else None, told, known_at)


def _stands_out(first: Floats, last: Floats, time: Floats, won: Flags, code: Indices, actor: int) -> Flags:
    """[stretches] Whether others got the lock by turns from `first` to `last`, and all of them together lost it less
    than half as often as the writer."""
    won_at, lost_at = time[(code != actor) & won], time[(code != actor) & ~won]
    turned = np.cumsum(np.diff(code[(code != actor) & won], prepend=-1) != 0)  # winners in order of time
    begin, end = np.searchsorted(won_at, first, "left"), np.searchsorted(won_at, last, "right")
    turns = np.where(end > begin, turned[end - 1] - turned[np.minimum(begin, len(turned) - 1)], 0)
    losses = np.searchsorted(lost_at, last, "right") - np.searchsorted(lost_at, first, "left")
    return (turns >= TURNS) & (2 * losses < LOST)
