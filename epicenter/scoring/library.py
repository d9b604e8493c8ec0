"""Many worlds at once, on several cores, always reported in the same order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from ..parallel import run_all
from ..synthetic import scenario
from .cases import Row, World, run_world


def run_worlds(worlds: Sequence[World], *, jobs: int, progress: Callable[[float], None] | None = None) -> list[Row]:
    """Score the worlds in so many processes; rows in the order of the worlds, whichever was done first.

    A world that crashes makes rows that say so, and that are right in nothing: the others are still worth knowing.
    progress: is told the share that is done, from 0 to 1.
    """
    # the longest first, lest one of them be alone at the end
    longest = sorted(worlds, key=lambda world: -scenario(world.scenario, world.seed).duration_s)
    futures = run_all([partial(run_world, world) for world in longest], jobs=jobs, progress=progress)
    done = dict(zip(longest, futures, strict=True))
    return [row for world in worlds for row in _rows(world, done[world])]


def _rows(world: World, future: Future[list[Row]]) -> list[Row]:
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    told = f"{type(error).__name__}: {error}"
    return [Row(world.scenario, world.seed, mix, why=(f"crashed: {told}",), crashed=told) for mix in world.mixes]
