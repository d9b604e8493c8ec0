"""Tasks done together: results in their order, each error where its own result is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from epicenter.collector.errors import WorkerKilled
from epicenter.parallel import run_all
from tests.servers import READY_S

SIX = """
import sys
import threading
from functools import partial
from pathlib import Path

from epicenter.parallel import run_all


def task(folder, number):
    try:
        (folder / f"begun {number}").touch()
        threading.Event().wait(600.0)
    finally:
        (folder / f"cleared {number}").touch()


if __name__ == "__main__":
    try:
        run_all([partial(task, Path(sys.argv[1]), number) for number in range(6)], jobs=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_keep_their_order_and_an_error_leaves_the_others_alone(jobs: int) -> None:
    told: list[float] = []
    done = run_all([partial(divmod, 7, n) for n in (2, 0, 3)], jobs=jobs, progress=told.append)
    assert (done[0].result(), done[2].result()) == ((3, 1), (2, 1))
    with pytest.raises(ZeroDivisionError):
        done[1].result()
    assert told == [pytest.approx(n / 3) for n in (1, 2, 3)]


def test_a_worker_that_is_killed_is_told_in_one_sentence() -> None:
    done = run_all([partial(signal.raise_signal, signal.SIGKILL)] * 2, jobs=2)
    for one in done:
        with pytest.raises(WorkerKilled, match="was killed before this was done"):
            one.result()


def test_nothing_to_do_is_done() -> None:
    assert run_all([], jobs=2) == []


def test_ctrl_c_clears_away_what_is_begun_and_begins_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "six.py").write_text(SIX, encoding="utf-8")
    told = tmp_path / "told"
    told.mkdir()
    command = [sys.executable, str(tmp_path / "six.py"), str(told)]
    # a group of its own, as a terminal gives to a command: Ctrl-C reaches all of it
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + READY_S
        while len(list(told.iterdir())) < 2 and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGINT)
        try:
            _, said = running.communicate(timeout=READY_S)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
    assert (running.returncode, said.decode()) == (130, "")
    assert sorted(file.name for file in told.iterdir()) == ["begun 0", "begun 1", "cleared 0", "cleared 1"]
