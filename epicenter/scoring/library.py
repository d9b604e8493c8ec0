"""Many worlds at once, on several cores, always reported in the same order."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed

from ..synthetic import scenario
from .cases import Row, World, run_world


def run_worlds(worlds: Sequence[World], *, jobs: int, progress: Callable[[float], None] | None = None) -> list[Row]:
    """Score the worlds in so many processes; rows in the order of the worlds, whichever was done first.

    A world that crashes makes rows that say so, and that are right in nothing: the others are still worth knowing.
    progress: is told the share that is done, from 0 to 1.
    """
    # the longest first, lest one of them be alone at the end
    longest = sorted(worlds, key=lambda world: -scenario(world.scenario, world.seed).duration_s)
    with _executor(jobs) as executor:
        futures: dict[World, Future[list[Row]]] = {world: executor.submit(run_world, world) for world in longest}
        try:
            for done, _ in enumerate(as_completed(futures.values()), 1):
                if progress is not None:
                    progress(done / len(worlds))
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    return [row for world in worlds for row in _rows(world, futures[world])]


def _executor(jobs: int) -> Executor:
    """Processes that start anew: DuckDB's and Arrow's threads do not survive a fork. One job stays in this process."""
    if jobs == 1:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


def _rows(world: World, future: Future[list[Row]]) -> list[Row]:
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    told = f"{type(error).__name__}: {error}"
    return [Row(world.scenario, world.seed, mix, why=(f"crashed: {told}",), crashed=told) for mix in world.mixes]
