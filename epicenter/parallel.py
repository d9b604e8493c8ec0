"""Much work at once, on several cores, with its results in the order in which it was given."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from .collector.errors import WorkerKilled

Result = TypeVar("Result")
_KILLED = (
    "a process that shared the work was killed before this was done, for want of memory as a rule: "
    "fewer at a time (--jobs) need less"
)
_INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, by the shells' convention."""


def run_all(
    tasks: Sequence[Callable[[], Result]], *, jobs: int, progress: Callable[[float], None] | None = None
) -> list[Future[Result]]:
    """Do the tasks in so many processes, the first ones first; futures that are done, of the tasks in their order.

    A task that fails leaves the others alone, and its error in its future. One job stays in this process. Where one of
    several is killed, all that was not done holds WorkerKilled.
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
    executor = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _end_on_signals)
    try:
        # a worker inherits the block: Ctrl-C does not meet it before it can end in order
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            futures = [executor.submit(_in_worker, task) for task in tasks]
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        for number, _ in enumerate(as_completed(futures), 1):
            told(number / len(tasks))
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    return [_told(future) for future in futures]


def _told(future: Future[Result]) -> Future[Result]:
    if not isinstance(future.exception(), BrokenProcessPool):
        return future
    killed: Future[Result] = Future()
    killed.set_exception(WorkerKilled(_KILLED))
    return killed


def _end_on_signals() -> None:
    """Ctrl-C ends a worker, and so does the pool where another worker has ended; both may come at once."""
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        if not ended:  # once is enough: what is begun is cleared away now
            ended = True
            sys.exit(_INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _in_worker(task: Callable[[], Result]) -> Result:
    try:
        return task()
    except SystemExit:  # else the pool takes it for the task's error, and gives the worker the next task
        os._exit(_INTERRUPTED)


def _here(task: Callable[[], Result]) -> Future[Result]:
    future: Future[Result] = Future()
    try:
        future.set_result(task())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told where the result is asked for
        future.set_exception(error)
    return future
