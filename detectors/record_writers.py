"""Writers of records that get into each other's way, from change telemetry alone: weaker signs than a race.

None of them says that a record is wrong, only that it may soon be: two writers that put their own answers back again
and again, a writer that never gets a lock which its peers get by turns, and one that still tries an old plan when its
peers are far ahead. The latter two stood at the beginning of the race of October 2025 (AWS post-event summary; AWS
re:Invent 2025, DAT453).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding
from .fences import OUTER
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

BEHIND = 10
"""Plans that others put on a record while somebody still tries an older one: as many as LOST."""

_TRIES = ("record.upsert", "record.lock")


def record_writers(windows: Windows) -> list[Finding]:
    """Find records whose writers may soon leave them wrong."""
    found = [
        *(f for target, mine in by_target(writes(windows)).items() for f in _turns(windows, target, mine)),
        *_locked_out(windows),
        *_far_behind(windows),
    ]
    return _joined(sorted(found, key=lambda f: (f.started_at, f.component, f.evidence[0].statement)))


def _joined(found: Iterable[Finding]) -> list[Finding]:
    """Findings in order of their start; what tells of one writer of a record, and overlaps, is one finding."""
    joined: list[Finding] = []
    last: dict[tuple[str, str], int] = {}
    for one in found:
        whose = one.component, str(one.facts["writer"])
        place = last.get(whose, -1)
        before = joined[place] if place >= 0 else one
        if place < 0 or (before.ended_at is not None and before.ended_at < one.started_at):
            last[whose] = len(joined)
            joined.append(one)
            continue
        end = None if before.ended_at is None or one.ended_at is None else max(before.ended_at, one.ended_at)
        known_at = min(float(before.facts["alarm_at"]), float(one.facts["alarm_at"]))
        facts = before.facts | {"alarm_at": known_at}
        joined[place] = replace(before, ended_at=end, evidence=(*before.evidence, *one.evidence), facts=facts)
    return joined


def _found(
    windows: Windows,
    named: tuple[str, str],
    start: float,
    end: float | None,
    said: tuple[str, float, float],
    known_at: float,
) -> Finding:
    """named: the record and its writer; said: the statement, what was observed and what was expected."""
    target, writer = named
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
        facts={"alarm_at": known_at, "writer": writer},
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
        named = target, f"{one} and {other}"
        yield _found(windows, named, turns[0].time, end, (said, float(len(turns)), 0.0), turns[TURNS - 1].time)

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
        yield _found(windows, named, start, end if end <= windows.end else None, told, known_at)


def _stands_out(first: Floats, last: Floats, time: Floats, won: Flags, code: Indices, actor: int) -> Flags:
    """[stretches] Whether others got the lock by turns from `first` to `last`, and all of them together lost it less
    than half as often as the writer."""
    won_at, lost_at = time[(code != actor) & won], time[(code != actor) & ~won]
    turned = np.cumsum(np.diff(code[(code != actor) & won], prepend=-1) != 0)  # winners in order of time
    begin, end = np.searchsorted(won_at, first, "left"), np.searchsorted(won_at, last, "right")
    turns = np.where(end > begin, turned[end - 1] - turned[np.minimum(begin, len(turned) - 1)], 0)
    losses = np.searchsorted(lost_at, last, "right") - np.searchsorted(lost_at, first, "left")
    return (turns >= TURNS) & (2 * losses < LOST)


def _far_behind(windows: Windows) -> Iterator[Finding]:
    """Writers that try to put a plan which is far older than what others have put on the record since.

    A put that succeeds so is a `record_race`; here are those that were refused, and lost locks for which it is told
    what they were to be taken for, twice or more, of writers that put their plans on the record before. How far whoever
    tries is behind has a fence of the record's own past.
    """
    changes = windows.changes
    if changes.empty:
        return
    told = changes[changes["Kind"].isin(_TRIES) & changes["Generation"].notna()]
    rows = told.sort_values(["time", "Target", "Actor", "Kind", "Generation"], kind="stable")
    rows = rows.assign(won=rows["Outcome"].isin(("ok", "")))
    rows = rows[~rows["won"] | (rows["Kind"] == "record.upsert")]
    columns = (
        rows["Target"].astype(str),
        rows["time"],
        rows["Actor"].astype(str),
        rows["Generation"].astype(int),
        rows["won"],
    )
    tries: dict[str, list[_Try]] = {}
    for target, *one in zip(*(column.tolist() for column in columns), strict=True):
        tries.setdefault(target, []).append(_Try(*one))
    for target, made in sorted(tries.items()):
        for late, over in _late(made):
            if len(late) > 1:  # one refusal tells of no writer that is behind and goes on
                yield _behind(windows, target, late, over)


def _behind(windows: Windows, target: str, late: list[_Try], over: float) -> Finding:
    last = late[-1]
    said = (
        f"{last.actor} tried to put plan {last.generation} on {target} when others had put {last.behind} newer ones, "
        f"where attempts on it are usually at most {last.usual:.0f} behind"
    )
    told = said, float(last.behind), last.usual
    end = over if over <= windows.end else None
    return _found(windows, (target, last.actor), late[0].time, end, told, late[1].time)


@dataclass(frozen=True)
class _Try:
    """One writer's attempt to put a plan on a record.

    behind: how many newer plans others had put on it until then, whatever their numbers are steps of; usual: the fence
    of how many there were at attempts before.
    """

    time: float
    actor: str
    generation: int
    done: bool
    behind: int = 0
    usual: float = 0.0


def _late(made: Iterable[_Try]) -> Iterator[tuple[list[_Try], float]]:
    """Runs of one writer's attempts that are far behind, each with the moment when that is over.

    It is when the writer tries a newer plan, or puts the old one, or has tried nothing for an hour.
    """
    everybody: list[int] = []  # the plans that were put, sorted, as those of each writer
    put: dict[str, list[int]] = {}
    newest: dict[str, int] = {}
    lags: list[int] = []  # as each newer plan was first tried: who repeats old ones makes nothing usual
    late: dict[str, list[_Try]] = {}
    for one in made:
        own = put.get(one.actor, [])
        tried = replace(one, behind=_after(everybody, one.generation) - _after(own, one.generation))
        if own and not tried.done and tried.behind >= BEHIND:
            tried = replace(tried, usual=_fence(lags))
        run = late.get(tried.actor, [])
        far = bool(own) and not tried.done and tried.usual < tried.behind >= BEHIND
        if run and (not far or tried.time > run[-1].time + STORY_S):
            yield late.pop(tried.actor), min(tried.time, run[-1].time + STORY_S)
        if far:
            late.setdefault(tried.actor, []).append(tried)
        if tried.generation > newest.get(tried.actor, -1):
            newest[tried.actor] = tried.generation
            insort(lags, tried.behind)
        if tried.done:
            insort(everybody, tried.generation)
            insort(put.setdefault(tried.actor, []), tried.generation)
    yield from ((run, run[-1].time + STORY_S) for run in late.values())


def _after(plans: list[int], generation: int) -> int:
    return len(plans) - bisect_right(plans, generation)


def _fence(lags: list[int]) -> float:
    """Tukey's outer fence of sorted values; quartiles that are nearer than one plan are one plan apart."""
    if not lags:
        return 0.0
    low, high = (lags[int(share * (len(lags) - 1))] for share in (0.25, 0.75))
    return high + OUTER * max(1, high - low)
