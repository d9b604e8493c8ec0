"""Changes of records that were made, in order of time, as the detectors of their writers read them."""

from __future__ import annotations

from dataclasses import dataclass

from ..collector.model import Windows

STORY_S = 3600.0
"""How far back writes and lost locks are counted: long enough for any back-off, short enough to be the same story."""

SWAP_S = 10.0
"""Providers that cannot replace a record delete it and create it anew, two requests of one pass: seconds apart."""

_KINDS = ("record.upsert", "record.delete", "manual")
_COLUMNS = ["time", "Target", "Actor", "Kind", "Generation"]


@dataclass(frozen=True)
class Write:
    """One successful change of a record.

    generation, answers: -1 where untold; answers are the addresses behind it afterwards.
    """

    target: str
    time: float
    actor: str
    generation: int
    answers: int
    deletes: bool
    by_hand: bool

    @property
    def empties(self) -> bool:
        """Whether it is told that it left no addresses."""
        return self.answers == 0


def writes(windows: Windows) -> list[Write]:
    """All of them, by time and then by target, writer, kind and generation."""
    changes = windows.changes
    if changes.empty:
        return []
    done = changes[changes["Kind"].isin(_KINDS) & changes["Outcome"].isin(("ok", ""))]
    rows = done.sort_values(_COLUMNS, kind="stable")
    known = (rows[name].astype("float64").fillna(-1).astype("int64") for name in ("Generation", "Answers"))
    columns = (rows["Target"].astype(str), rows["time"], rows["Actor"], *known, rows["Kind"])
    told = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Write(target, time, actor, generation, answers, kind == "record.delete", kind == "manual")
        for target, time, actor, generation, answers, kind in told
    ]


def by_target(made: list[Write]) -> dict[str, list[Write]]:
    """The writes of each record, records by name."""
    found: dict[str, list[Write]] = {}
    for write in made:
        found.setdefault(write.target, []).append(write)
    return dict(sorted(found.items()))


def in_use(windows: Windows, target: str, before: float) -> bool:
    """Whether callers addressed the name before (Unix seconds); so it may be where nobody tells whom they address."""
    names = windows.edges.names["peer"]
    early = (windows.calls["window"] < before).to_numpy(bool)
    told = windows.edges.any(early) & (names != "").to_numpy(bool)
    return not told.any() or bool((told & (names == target).to_numpy(bool)).any())
