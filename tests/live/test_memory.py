"""Both processes of the server have Arrow take memory from what gives it back: it asks once, when it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

POOL = "ARROW_DEFAULT_MEMORY_POOL"

WATCH = """
import asyncio

def run(serving):
    import pyarrow
    serving.close()
    print(pyarrow.default_memory_pool().backend_name)

asyncio.run = run
from epicenter.cli import main
main()
"""
"""The command in full, but what it serves."""

FOLD = """
import io, os, pickle, sys
from types import SimpleNamespace
from epicenter.live.folding import main
sys.stdin = SimpleNamespace(buffer=io.BytesIO(pickle.dumps([])), fileno=lambda: os.pipe()[0])
main()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""
"""The process that folds, with nothing due."""


@pytest.mark.parametrize(("code", "words"), [(WATCH, ["watch"]), (FOLD, [])])
@pytest.mark.parametrize(("set_by_user", "pool"), [({}, "system"), ({POOL: "mimalloc"}, "mimalloc")])
def test_arrow_takes_the_pool_that_gives_back_unless_the_user_set_another(
    tmp_path: Path, code: str, words: list[str], set_by_user: dict[str, str], pool: str
) -> None:
    around = {name: value for name, value in os.environ.items() if name != POOL}
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=tmp_path, env=around | set_by_user, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [pool], done.stderr
