"""Two writers on one record, from change telemetry alone, before or at the second of impact.

Signs: a generation that goes backwards on one target (a check that was stale by the time of the write), the deletion
of the generation that is live, and a change that leaves no addresses. A writer that lost the lock far more often than
its peers is named beside a stale write of its; what its losses alone are a sign of, `record_writers` tells. They are
the public account of the race of October 2025 (AWS post-event summary; AWS re:Invent 2025, DAT453) and hold for any
planners and writers that number their plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from ..collector.model import Windows
from .base import Evidence, Finding, Stretch
from .queries import sql
from .record_writes import STORY_S, SWAP_S, Write, by_target, in_use, writes


@dataclass(frozen=True)
class _Race:
    """newest: the best write so far; stale: the older one put over it; emptied: what left no addresses, if anything;
    replaced: whether it is known that there were any."""

    newest: Write | None
    stale: Write | None
    emptied: Write | None
    replaced: bool
    mended_at: float | None


def record_race(windows: Windows) -> list[Finding]:
    """Find records that a stale writer put back, or that a change left without addresses."""
    found = [
        _finding(windows, target, race)
        for target, made in by_target(writes(windows)).items()
        for race in _races(made, partial(in_use, windows, target))
        if not _swapped(race, float(windows.end))
    ]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _races(made: Iterable[Write], used: Callable[[float], bool]) -> Iterator[_Race]:
    """Walk one target's changes in order of time; `live` is the write that stands.

    used: whether the name was in use before a moment. Of a record that nobody uses, a first write without addresses
    tells nothing: it may never have had any.
    """
    newest = live = stale = emptied = None
    replaced = True
    for write in made:
        if write.deletes:
            removes_live = live is not None and write.generation == live.generation != -1
            emptied = emptied or (write if write.empties or removes_live else None)
            continue
        backwards = newest is not None and -1 < write.generation < newest.generation and not write.by_hand
        mended = not write.empties if emptied else stale is not None and not backwards
        if mended:
            yield _Race(newest, stale, emptied, replaced, write.time)
            stale = emptied = None
            replaced = True
        if write.empties and emptied is None and (not live.empties if live is not None else used(write.time)):
            emptied, replaced = write, live is not None
        if backwards:
            stale = stale or write
        elif write.generation != -1:
            newest = write
        live = write
    if stale is not None or emptied is not None:
        yield _Race(newest, stale, emptied, replaced, None)


def _swapped(race: _Race, end: float) -> bool:
    """Whether a deletion was, or may yet be, half of a replacement: what follows it at once puts the record back."""
    gone = race.emptied
    if gone is None or not gone.deletes or race.stale is not None:
        return False
    return (end if race.mended_at is None else race.mended_at) < gone.time + SWAP_S


def _finding(windows: Windows, target: str, race: _Race) -> Finding:
    start = min(write.time for write in (race.stale, race.emptied) if write is not None)
    lasted = Stretch(start, race.mended_at)
    facts: dict[str, float | str] = {"failure": "nodata"} if race.emptied else {}
    if race.stale and race.newest:
        facts |= {"writer": race.stale.actor, "generation": race.stale.generation}
        facts |= {"other_writer": race.newest.actor, "other_generation": race.newest.generation}
    if race.emptied:
        facts |= {"emptied_by": race.emptied.actor, "emptied_at": race.emptied.time}
        if race.emptied.deletes and race.stale is None:
            facts["alarm_at"] = race.emptied.time + SWAP_S
    return Finding(
        detector="record_race",
        kind="record_race",
        component=target,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=_score(race),
        evidence=tuple(_evidence(windows, target, race, lasted.up_to(windows.end))),
        facts=facts,
    )


def _score(race: _Race) -> float:
    if race.emptied and race.replaced:
        return 1.0
    return 0.5 if race.stale else 0.25


def _evidence(windows: Windows, target: str, race: _Race, window: tuple[float, float]) -> Iterator[Evidence]:
    columns = '"Kind", "Actor", "Generation", "Answers", "Outcome"'
    query = sql("changes", columns, (window[0] - STORY_S, window[1] + 1), Target=target)
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


def _emptied(target: str, gone: Write) -> str:
    if not gone.deletes:
        return f"{gone.actor} left no addresses on {target}"
    what = target if gone.generation == -1 else f"generation {gone.generation} of {target}"
    return f"{gone.actor} deleted {what} while it was live: no addresses were left"


def _lost_locks(windows: Windows, target: str, stale: Write) -> Iterator[Evidence]:
    """The stale writer's lost locks, where they stand out: more than twice the next writer's."""
    changes = windows.changes
    window = (stale.time - STORY_S, stale.time + 1)
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
