"""Much work at once, on several cores, with its results in the order in which it was given."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import TypeVar

Result = TypeVar("Result")


def run_all(
    tasks: Sequence[Callable[[], Result]], *, jobs: int, progress: Callable[[float], None] | None = None
) -> list[Future[Result]]:
    """Do the tasks in so many processes, the first ones first; futures that are done, of the tasks in their order.

    A task that fails leaves the others alone, and its error in its future. One job stays in this process.
    progress: is told the share that is done, from 0 to 1.
    """
    told = progress or (lambda _: None)
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        done: list[Future[Result]] = []
        for task in tasks:
            done.append(_here(task))
            told(len(done) / len(tasks))
        return done
    # processes that start anew: DuckDB's and Arrow's threads do not survive a fork
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as executor:
        futures = [executor.submit(task) for task in tasks]
        try:
            for number, _ in enumerate(as_completed(futures), 1):
                told(number / len(tasks))
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    return futures


def _here(task: Callable[[], Result]) -> Future[Result]:
    future: Future[Result] = Future()
    try:
        future.set_result(task())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told where the result is asked for
        future.set_exception(error)
    return future
