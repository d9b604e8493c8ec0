"""Writers of records that get into each other's way, from change telemetry alone: weaker signs than a race.

None of them says that a record is wrong, only that it may soon be: two writers that put their own answers back again
and again; a writer whose plan is far behind those of its peers on other records; the deletion of what nobody saw
written; and a writer that never gets a lock which its peers get. The last two stood at the beginning of the race of
October 2025 (AWS post-event summary; AWS re:Invent 2025, DAT453).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding
from .queries import sql
from .record_writes import STORY_S, SWAP_S, Write, by_target, in_use, writes

KIND = "record_writers"

TURNS = 4
"""Each has overwritten the other twice. A planned change of writers overwrites once, one that is rolled back twice, and
one that is then made again three times."""

TURN_S = 300.0
"""Controllers put back what they want every minute by default (external-dns); so long are five of their rounds."""

FAR = 10
"""So many times further behind its peers than they are apart is no delay of one pass."""

LOST = 10
"""Lost locks in a row: of those who get it every other time, one in a thousand loses so often."""


def record_writers(windows: Windows) -> list[Finding]:
    """Find records whose writers may soon leave them wrong."""
    made = writes(windows)
    found = [
        *(f for target, mine in by_target(made).items() for f in _turns(windows, target, mine)),
        *_far_behind(windows, made),
        *_deleted_unseen(windows, made),
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


def _far_behind(windows: Windows, made: list[Write]) -> Iterator[Finding]:
    """The first numbered write of a record, where it is far behind what others have put on other records.

    Only plans that several share are numbered alike: two other writers must have put them on one and the same record.
    """
    newest: dict[str, Write] = {}
    shared: dict[str, set[str]] = {}
    open_: dict[str, tuple[Write, Write]] = {}
    for write in made:
        if write.deletes or write.by_hand or write.generation == -1:
            continue
        if write.target in open_ and write.generation >= open_[write.target][1].generation:
            yield _behind(windows, *open_.pop(write.target), write.time)
        if write.target not in newest:
            slowest = _left_behind(write, newest, shared)
            if slowest is not None:
                open_[write.target] = write, slowest
        newest[write.target] = write
        shared.setdefault(write.target, set()).add(write.actor)
    for write, slowest in open_.values():
        yield _behind(windows, write, slowest, None)


def _left_behind(write: Write, newest: dict[str, Write], shared: dict[str, set[str]]) -> Write | None:
    """Of what others put last on other records within the hour the oldest plan, where this one is far older."""
    others = [one for one in newest.values() if one.actor != write.actor and one.time > write.time - STORY_S]
    if len(others) < 2 or not any(len(shared[one.target] - {write.actor}) > 1 for one in others):
        return None
    slowest, fastest = (pick(others, key=lambda one: one.generation) for pick in (min, max))
    apart = max(fastest.generation - slowest.generation, 1)
    return slowest if slowest.generation - write.generation > FAR * apart else None


def _behind(windows: Windows, write: Write, slowest: Write, end: float | None) -> Finding:
    said = (
        f"{write.actor} put generation {write.generation} on {write.target}, while other writers had put "
        f"{slowest.generation} and above on other records"
    )
    told = said, float(write.generation), float(slowest.generation)
    return _found(windows, write.target, write.time, end, told, write.time)


def _deleted_unseen(windows: Windows, made: list[Write]) -> Iterator[Finding]:
    """The deletion of a plan that was written before anybody looked, and of which nobody tells what it left.

    It is cleaning up where a newer plan is known of, on whatever record, and a replacement where the next write follows
    at once.
    """
    newest, seen = -1, set[str]()
    suspicious: list[Write] = []
    for write in made:
        untold = write.answers == -1 and write.generation > newest
        if write.deletes and untold and write.target not in seen and in_use(windows, write.target, write.time):
            suspicious.append(write)
        newest = max(newest, write.generation)
        seen.add(write.target)
    for gone in suspicious:
        back = (w.time for w in made if w.target == gone.target and not w.deletes and w.time >= gone.time)
        end = next(back, None)
        if (float(windows.end) if end is None else end) < gone.time + SWAP_S:
            continue
        said = f"{gone.actor} deleted generation {gone.generation} of {gone.target}, and no newer one is known of"
        yield _found(windows, gone.target, gone.time, end, (said, 0.0, 1.0), gone.time + SWAP_S)


def _locked_out(windows: Windows) -> Iterator[Finding]:
    """Writers that lose a record's lock again and again while at least two others get it.

    Where one alone gets it the rest are its reserve, and lose it all the time.
    """
    changes = windows.changes
    tried = changes[changes["Kind"] == "record.lock"].sort_values(["time", "Target", "Actor"], kind="stable")
    won = tried["Outcome"].isin(("ok", ""))
    lost = (~won).groupby([tried["Target"], tried["Actor"]]).sum()
    for target, actor in lost.index[lost >= LOST]:
        here = tried["Target"] == target
        mine, others = here & (tried["Actor"] == actor), here & (tried["Actor"] != actor)
        yield from _streaks(windows, str(target), str(actor), tried[mine], tried[others])


def _streaks(windows: Windows, target: str, actor: str, mine: pd.DataFrame, others: pd.DataFrame) -> Iterator[Finding]:
    """Stretches in which one writer lost so often, within the hour each, and won not once; others: their attempts."""
    streak: list[float] = []
    known_at: float | None = None

    def told(end: float | None) -> Iterator[Finding]:
        if known_at is not None:
            losses = len(streak)
            said = f"{actor} lost the lock of {target} {losses} times in a row, while others got it"
            yield _found(windows, target, streak[0], end, (said, float(losses), 0.0), known_at)

    for time, outcome in zip(mine["time"].tolist(), mine["Outcome"].tolist(), strict=True):
        late = bool(streak) and time - streak[-1] > STORY_S
        if late or outcome in ("ok", ""):
            yield from told(time if streak and not late else streak[-1] if streak else None)
            streak, known_at = [], None
        if outcome in ("ok", ""):
            continue
        streak.append(time)
        if known_at is None and len(streak) >= LOST and _stands_out(streak[-LOST:], others):
            known_at = time
    yield from told(None if streak and windows.end - streak[-1] <= STORY_S else streak[-1] if streak else None)


def _stands_out(losses: list[float], others: pd.DataFrame) -> bool:
    """Whether two others got the lock meanwhile, and all of them together lost it less than half as often."""
    near = others[others["time"].between(losses[0], losses[-1])]
    got = near["Outcome"].isin(("ok", ""))
    return near["Actor"][got].nunique() > 1 and 2 * int((~got).sum()) < len(losses)
