"""Real servers on loopback, for the tests that talk to them."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

READY_S = 30.0
"""Patience with a server that starts on a busy machine; it takes 0.2 s on an idle one."""


@contextmanager
def running(command: Sequence[str | Path], url: str, log: Path) -> Generator[None]:
    """Run a server that says at `url`/-/ready when it is ready, until the block ends."""
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            _wait_until_ready(url, server, log)
            yield
        finally:
            server.terminate()


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
                return
        except OSError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start: {log.read_text()}") from error
            time.sleep(0.05)
