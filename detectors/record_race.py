"""Two writers on one record, from change telemetry alone, before or at the second of impact.

Signs: a generation that goes backwards on one target (a check that was stale by the time of the
write), the deletion of the generation that is live, a change that leaves no addresses, and one
writer that loses the lock far more often than its peers. They are the public account of the race
of October 2025 (AWS post-event summary; AWS re:Invent 2025, DAT453) and hold for any
planners and writers that number their plans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding, Stretch
from .queries import sql

LOCK_STORY_S = 3600.0
"""How far back lost locks are counted: long enough for any back-off, short enough to be the same story."""


@dataclass(frozen=True)
class _Write:
    """One successful change of a record: generation -1 where it was not told; empties: it left no addresses."""

    time: float
    actor: str
    generation: int
    deletes: bool
    by_hand: bool
    empties: bool


@dataclass(frozen=True)
class _Race:
    """newest: the best write so far; stale: the older one put over it; emptied: what left no addresses, if anything."""

    newest: _Write | None
    stale: _Write | None
    emptied: _Write | None
    mended_at: float | None


def record_race(windows: Windows) -> list[Finding]:
    """Find records that a stale writer put back, or that a change left without addresses."""
    changes = windows.changes
    written = changes["Kind"].isin(("record.upsert", "record.delete", "manual"))
    done = changes[written & changes["Outcome"].isin(("ok", ""))].sort_values(
        ["time", "Target", "Actor", "Kind", "Generation"], kind="stable"
    )
    found = [
        _finding(windows, str(target), race)
        for target, rows in done.groupby("Target", sort=True)
        for race in _races(_writes(rows))
    ]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _writes(rows: pd.DataFrame) -> Iterator[_Write]:
    generations = rows["Generation"].astype("float64").fillna(-1).astype("int64")
    empties = rows["Answers"].astype("float64") == 0
    columns = (rows["time"], rows["Actor"], generations, rows["Kind"], empties)
    for time, actor, generation, kind, empty in zip(*(column.tolist() for column in columns), strict=True):
        yield _Write(time, actor, generation, kind == "record.delete", kind == "manual", empty)


def _races(writes: Iterable[_Write]) -> Iterator[_Race]:
    """Walk one target's changes in order of time; `live` is the write that stands."""
    newest = live = stale = emptied = None
    for write in writes:
        if write.deletes:
            removes_live = live is not None and write.generation == live.generation != -1
            emptied = emptied or (write if write.empties or removes_live else None)
            continue
        backwards = newest is not None and -1 < write.generation < newest.generation and not write.by_hand
        mended = not write.empties if emptied else stale is not None and not backwards
        if mended:
            yield _Race(newest, stale, emptied, write.time)
            stale = emptied = None
        if write.empties and live is not None and not live.empties:
            emptied = emptied or write
        if backwards:
            stale = stale or write
        elif write.generation != -1:
            newest = write
        live = write
    if stale is not None or emptied is not None:
        yield _Race(newest, stale, emptied, None)


def _finding(windows: Windows, target: str, race: _Race) -> Finding:
    start = min(write.time for write in (race.stale, race.emptied) if write is not None)
    lasted = Stretch(start, race.mended_at)
    facts: dict[str, float | str] = {"failure": "nodata"} if race.emptied else {}
    if race.stale and race.newest:
        facts |= {"writer": race.stale.actor, "generation": race.stale.generation}
        facts |= {"other_writer": race.newest.actor, "other_generation": race.newest.generation}
    if race.emptied:
        facts |= {"emptied_by": race.emptied.actor, "emptied_at": race.emptied.time}
    return Finding(
        detector="record_race",
        kind="record_race",
        component=target,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0 if race.emptied else 0.5,
        evidence=tuple(_evidence(windows, target, race, lasted.up_to(windows.end))),
        facts=facts,
    )


def _evidence(windows: Windows, target: str, race: _Race, window: tuple[float, float]) -> Iterator[Evidence]:
    columns = '"Kind", "Actor", "Generation", "Answers", "Outcome"'
    query = sql("changes", columns, (window[0] - LOCK_STORY_S, window[1] + 1), Target=target)
    if race.stale and race.newest:
        stale, newest = race.stale, race.newest
        yield Evidence(
            statement=f"{stale.actor} put generation {stale.generation} back on {target}, "
            f"over generation {newest.generation} of {newest.actor}",
            query=query,
            window=(stale.time, window[1]),
            observed=float(stale.generation),
            expected=float(newest.generation),
        )
        yield from _lost_locks(windows, target, stale)
    if race.emptied:
        gone = race.emptied
        yield Evidence(
            statement=_emptied(target, gone),
            query=query,
            window=(gone.time, window[1]),
            observed=0.0,
            expected=_answers_before(windows, target, gone.time),
        )


def _emptied(target: str, gone: _Write) -> str:
    if not gone.deletes:
        return f"{gone.actor} left no addresses on {target}"
    what = target if gone.generation == -1 else f"generation {gone.generation} of {target}"
    return f"{gone.actor} deleted {what} while it was live: no addresses were left"


def _lost_locks(windows: Windows, target: str, stale: _Write) -> Iterator[Evidence]:
    """The stale writer's lost locks, where they stand out: more than twice the next writer's."""
    changes = windows.changes
    window = (stale.time - LOCK_STORY_S, stale.time + 1)
    tried = changes[(changes["Kind"] == "record.lock") & (changes["time"] >= window[0]) & (changes["time"] < window[1])]
    lost = tried[~tried["Outcome"].isin(("ok", ""))].groupby("Actor").size()
    mine, peers = int(lost.get(stale.actor, 0)), lost.drop(stale.actor, errors="ignore")
    most = int(peers.max()) if len(peers) else 0
    if mine > 2 * most:
        others = f"others at most {most} times" if most else "no other writer once"
        yield Evidence(
            statement=f"{stale.actor} had lost the lock {mine} times in the hour before, {others}",
            query=sql("changes", '"Target", "Outcome"', window, Kind="record.lock", Actor=stale.actor),
            window=window,
            observed=float(mine),
            expected=float(most),
        )


def _answers_before(windows: Windows, target: str, time: float) -> float:
    """Addresses behind the record before; 1 where nobody told, since a record in use has one at the least."""
    changes = windows.changes
    before = changes[(changes["Target"] == target) & (changes["time"] < time)]["Answers"].dropna()
    return float(before.iloc[-1]) if len(before) else 1.0
