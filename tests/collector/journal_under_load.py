"""A process that appends and folds as fast as it can until it is killed, and tells each span that was acknowledged.

Run with: journal, recording, first span's number, and at which step of folding it is to kill itself (0: never).
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

from epicenter.collector.wal import Limits, Wal, fold, last_folded
from tests.collector.journals import TRACES, one_span

CALLERS = 8
FOLD_EACH = 50
"""Spans after which somebody looks for segments to fold: about two segments."""

_STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")


def die_at(step: int) -> None:
    """Die, as by SIGKILL from outside, at the given step that this thread takes in the file system."""
    me, steps = threading.get_ident(), itertools.count(1)

    def count(event: str, _: object) -> None:
        if event in _STEPS and threading.get_ident() == me and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def main(journal: Path, recording: Path, first: int, step: int) -> None:
    numbers = itertools.count(first)
    limits = Limits(segment_bytes=10_000)
    enough = threading.Semaphore(0)
    wal = Wal(journal, clock=time.monotonic, report=print, limits=limits, at_least=last_folded(recording) + 1)

    def append() -> None:
        for number in numbers:
            wal.append(TRACES, one_span(number))
            os.write(1, b"%d\n" % number)
            if number % FOLD_EACH == 0:
                enough.release()

    for _ in range(CALLERS):
        threading.Thread(target=append, daemon=True).start()
    if step:
        die_at(step)
    while enough.acquire():
        for segment in wal.roll():
            fold(segment, recording, print)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
