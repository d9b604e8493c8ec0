"""Folds one segment again and again, each time killed one step later, and once more after the kill.

Run with: a folder that holds `journal`; the outcome of the kill at step n is left in `step-<n>`. Each fold is a forked
process of its own, for nothing here may have started Arrow's threads before.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from epicenter.collector.wal import fold, segments
from tests.collector.journal_under_load import die_at


def killed(work: Callable[[], None]) -> bool:
    """Do it in a forked process; whether that was killed. Any other failure is one of this process too."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code <= 0, "the fold failed"
    return code < 0


def main(folder: Path) -> None:
    for step in itertools.count(1):
        copy = folder / f"step-{step:03d}"
        shutil.copytree(folder / "journal", copy / "journal")
        recording = copy / "recording"

        def fold_all(journal: Path = copy / "journal", recording: Path = recording) -> None:
            for segment in segments(journal)[:-1]:
                fold(segment, recording, print)

        def fold_until(step: int = step, fold_all: Callable[[], None] = fold_all) -> None:
            die_at(step)
            fold_all()

        was_killed = killed(fold_until)
        # whoever reads the recording meanwhile must find nothing that is half
        if recording.exists():
            shutil.copytree(recording, copy / "as-killed")
        assert not killed(fold_all)
        if not was_killed:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
