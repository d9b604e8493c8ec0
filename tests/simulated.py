"""Worlds of the library, each simulated once in a run of the tests, by the worker that needs it first."""

from __future__ import annotations

import fcntl
import os
import pickle
from functools import lru_cache
from pathlib import Path

from epicenter.synthetic import History, simulate

FOLDER = "EPICENTER_TEST_WORLDS"
"""The environment's name for the folder that the workers share; `conftest` makes it."""


@lru_cache(maxsize=4)
def simulated(name: str, seed: int = 0) -> History:
    """The scenario as `simulate` gives it, read from the shared folder if it has been simulated before."""
    kept = Path(os.environ[FOLDER]) / f"{name}-{seed}"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            history = pickle.loads(kept.read_bytes())
            assert isinstance(history, History)
            return history
        history = simulate(name, seed=seed)
        kept.write_bytes(pickle.dumps(history, pickle.HIGHEST_PROTOCOL))
        return history
