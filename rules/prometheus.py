"""A Prometheus of our own on loopback, in a temporary folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..collector.errors import MissingTool, Refused, Unreachable
from ..collector.promapi import Series as Answer
from ..collector.promapi import Server
from .links import link_tree
from .write import Series, slices

READY_S = 30.0
"""Patience with a start on a busy machine; an idle one takes 0.2 s."""
PATIENCE_S = 120.0
"""Prometheus' own with one question, and its default."""
_MARGIN_S = 30.0
"""So much longer its answer is waited for, so that it is the one that gives up, and says so."""
MAX_STEPS = 10_000
"""Prometheus refuses more than 11,000 points of a series in one answer."""
_CONFIG = "storage: {tsdb: {out_of_order_time_window: 10000d}}\n"
"""Recorded results are written back behind the newest sample."""
_BLOCK = "100y"
"""Never made: results that are written back while one is are lost, some hours of a series in one run of ten (2.42)."""
ADMIN = "--web.enable-admin-api"
_GO = {"GOGC": "200"}
"""Its garbage is collected half as often: a tenth less CPU, for some more memory."""
_WRITERS = 2
"""Requests under way at once, while the next is packed: one alone leaves cores idle at both ends."""
_TRIES = 3
_LEAVES_S = 1.0
"""Patience with a process that no longer answers; one that was killed takes a hundredth of it."""
_WORDS = 500
"""Characters of a line of its log: one can hold a whole query."""


@dataclass(frozen=True)
class Line:
    """One series of an answer: its labels, and its value at each Unix second where it has one."""

    labels: dict[str, str]
    points: dict[float, float]


class _Name(msgspec.Struct):
    name: str


class _Snapshot(msgspec.Struct):
    data: _Name


@dataclass(frozen=True)
class Prometheus(Server):
    """A server that may be written to, as nobody else's is; its data is in `folder`, and `pid` is its process."""

    timeout_s: float = PATIENCE_S + _MARGIN_S
    folder: Path = Path()
    pid: int | None = None

    def write(self, series: Iterable[Series]) -> None:
        """Remote-write the samples; Refused or Unreachable."""
        headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
        with ThreadPoolExecutor(_WRITERS) as pool:
            for bodies in slices(series):
                deque(pool.map(lambda body: self.post("/api/v1/write", body, headers), bodies), 0)

    def snapshot(self) -> Path:
        """A folder with all that was written so far, as blocks; Refused by one that was started without ADMIN."""
        made = self._decoded(self.post("/api/v1/admin/tsdb/snapshot", b"", {}), _Snapshot)
        return self.folder / "snapshots" / made.data.name


def evaluate(server: Server, expr: str, start: float, end: float, step_s: float) -> list[Line]:
    """The expression at start, start + step, … up to end, however many; Refused or Unreachable.

    A server that takes too long over it and still answers to others has refused it.
    """
    lines: dict[tuple[tuple[str, str], ...], Line] = {}
    steps = int((end - start) / step_s + 1e-9) + 1
    for first in range(0, steps, MAX_STEPS):
        begin, until = start + first * step_s, start + (min(first + MAX_STEPS, steps) - 1) * step_s
        for one in _answer(server, expr, begin, until, step_s):
            line = lines.setdefault(tuple(sorted(one.metric.items())), Line(one.metric, {}))
            line.points.update({at: float(value) for at, value in one.values})
    return list(lines.values())


def _answer(server: Server, expr: str, start: float, end: float, step_s: float) -> list[Answer]:
    try:
        return server.query_range(expr, start, end, step_s)[0]
    except Unreachable as error:
        if not error.timed_out:
            raise
        server.query_range("1", end, end, step_s)  # Unreachable: it is not the expression
        raise Refused(str(error), said=f"took longer than {server.timeout_s:g} s") from error


def program(*names: str) -> str:
    """Where it is under any of its names, on PATH or in `.tools/bin`; MissingTool with the way to get it."""
    places = (None, str(Path(".tools", "bin").absolute()))
    found = next((path for place in places for name in names if (path := shutil.which(name, path=place))), None)
    if found is None:
        alertmanager = {"alertmanager", "amtool"} & {*names}
        package = "prometheus-alertmanager" if alertmanager else "prometheus"
        moved = "usr/bin/prom* usr/bin/amtool" if alertmanager else "usr/bin/prom*"
        raise MissingTool(
            f"{names[0]} was found neither on PATH nor in .tools/bin; as root: apt-get install --no-install-recommends "
            f"prometheus prometheus-alertmanager; without: apt-get download {package} && dpkg -x {package}_*.deb . && "
            f"mkdir -p .tools/bin && mv {moved} .tools/bin/; in a checkout `make system-tools` does the latter"
        )
    return found


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def private(
    *flags: str, config: str = _CONFIG, port: Callable[[], int] = free_port, blocks: Path | None = None
) -> Generator[Prometheus]:
    """A server until the block ends, however it ends; empty, or with the samples of these blocks.

    flags: more of Prometheus' own. config: its file. port: gives one to listen on; it is asked again where another
    program has taken it. blocks: as `snapshot` makes them; they are linked, for Prometheus never writes into a block.
    Raises MissingTool, and Unreachable where it does not start.
    """
    binary = program("prometheus")
    with tempfile.TemporaryDirectory(prefix="epicenter-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        if blocks is not None:
            link_tree(blocks, folder / "data")
        for attempt in range(_TRIES):
            # another program may take the port between our asking for it and the server's start
            listens = port()
            with (folder / "log").open("wb") as log:
                command = [*_command(binary, folder, listens), *flags]
                # not of the terminal's group: at Ctrl-C it would refuse what is still asked of it, and be blamed for it
                server = subprocess.Popen(command, stdout=log, stderr=log, env={**_GO, **os.environ}, process_group=0)
            try:
                if ready(server, f"http://127.0.0.1:{listens}"):
                    yield Prometheus(f"http://127.0.0.1:{listens}", folder=folder / "data", pid=server.pid)
                    return
            except Unreachable as error:
                if not _ended(server):
                    raise
                said = _last_words(folder / "log") + _signal(server)
                raise Unreachable(f"Prometheus died: {said}", said=said, during=error.during) from error
            finally:
                stop(server)
            told = _last_words(folder / "log")
            if attempt == _TRIES - 1 or "address already in use" not in told:
                raise Unreachable(f"Prometheus did not start: {told}")


def _command(binary: str, folder: Path, port: int) -> list[str]:
    return [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",  # the outage is older than the default of 15 days
        *(f"--storage.tsdb.{bound}-block-duration={_BLOCK}" for bound in ("min", "max")),
        "--web.enable-remote-write-receiver",
        f"--query.timeout={PATIENCE_S:.0f}s",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def ready(server: subprocess.Popen[bytes], url: str) -> bool:
    """Whether it says so; False where it ended, or took too long."""
    deadline = time.monotonic() + READY_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=0.5):
                return server.poll() is None
        except OSError:
            time.sleep(0.01)
    return False


def _ended(server: subprocess.Popen[bytes]) -> bool:
    """Whether it is gone, or about to be: it refuses to be asked a moment before."""
    try:
        server.wait(_LEAVES_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _signal(server: subprocess.Popen[bytes]) -> str:
    return f" (ended by signal {-server.returncode})" if (server.returncode or 0) < 0 else ""


def _last_words(log: Path) -> str:
    """Why Go gave up, where it says so above its stacks, else the last line."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    gave_up = [line for line in lines if line.startswith(("panic:", "fatal error:"))]
    return (gave_up[:1] or lines[-1:] or ["none"])[0][:_WORDS]


def stop(server: subprocess.Popen[bytes]) -> None:
    """At once: its data is thrown away."""
    server.kill()
    server.wait()
