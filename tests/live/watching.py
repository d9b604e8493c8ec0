"""`epicenter watch` as a process of its own, and a small outage to send to it."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from epicenter.live.config import Keep
from epicenter.live.store import Store
from epicenter.rules.prometheus import free_port
from epicenter.synthetic.telemetry.record import record
from tests.synthetic.toy_history import TICK_S, toy_history

PATIENCE_S = 60.0
TICKS, NOW_TICK = 164, 140
"""Now is within the outage; what comes after it is of the near future."""

COMMAND = (sys.executable, "-c", "from epicenter.cli import main; main()", "watch")
TOML = """
[windows]
window_s = 5
lateness_s = 7200
"""


@dataclass
class Watching:
    """A server that runs, with its addresses on 127.0.0.1."""

    process: subprocess.Popen[str]
    page: int
    http: int
    grpc: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    tls: ssl.SSLContext | None = None

    def get(self, path: str, port: int | None = None) -> tuple[int, str]:
        request = urllib.request.Request(f"{self._at(port or self.page)}{path}", headers=dict(self.headers))
        return self._answer(request)

    def post(self, signal: str, body: bytes, **more: str) -> tuple[int, str]:
        """POST a body; of header names _ stands for -."""
        headers = {"content-type": "application/json", **self.headers}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        return self._answer(urllib.request.Request(f"{self._at(self.http)}/v1/{signal}", body, headers))

    def _at(self, port: int) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{port}"

    def _answer(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.tls) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """Name -> its series."""
        found: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    def incident(self) -> dict[str, str]:
        """The labels of the first open incident, once there is one whose cause is known."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            told = [labels for labels, _ in self.metrics().get("epicenter_incident_info", []) if labels["trigger"]]
            if told:
                return told[0]
            time.sleep(0.2)
        raise AssertionError(f"there was no incident: {self.get('/metrics')[1]}")

    def stop(self) -> tuple[int, str]:
        """End it as a service manager does; its exit code and what it said."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, errors


@contextmanager
def watching(
    data: Path,
    toml: str = TOML,
    *options: str,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    files: int | None = None,
) -> Generator[Watching]:
    """A server on free ports, ready; it is killed at the end of the block if it runs still.

    files: how many it may have open.
    """
    config = data.with_suffix(".toml")
    config.write_text(toml)
    page, http, grpc = free_port(), free_port(), free_port()
    where = [f"--listen=127.0.0.1:{page}", f"--otlp-http=127.0.0.1:{http}", f"--otlp-grpc=127.0.0.1:{grpc}"]
    bounded = ("sh", "-c", f'ulimit -n {files}; exec "$0" "$@"') if files else ()
    command = [*bounded, *COMMAND, "--config", str(config), "--data", str(data), *where, *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        server = Watching(process, page, http, grpc, headers or {}, tls)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            if process.poll() is None:
                process.kill()


def _wait_until_ready(server: Watching) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if server.get("/healthz")[0] == 200:
                return
        except OSError:
            pass
        if server.process.poll() is not None or time.monotonic() > deadline:
            server.process.kill()
            raise AssertionError(f"the server did not start: {server.process.communicate()[1]}")
        time.sleep(0.05)


def once(true: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def folded(data: Path) -> list[Path]:
    """The recordings of a server that has stopped, with all that its journal still holds."""
    with closing(Store(data, Keep(), monotonic=time.monotonic, report=print)) as store:
        store.wal.roll(force=True)
        store.fold(store.wal.next_sequence)
    return sorted(store.recordings.iterdir())


def left_to_replay(data: Path) -> list[int]:
    """Records of the journal that the next server would read again, after one with the windows of TOML."""
    with closing(Store(data, Keep(), monotonic=time.monotonic, report=print)) as store:
        state = store.read_state(5)
        return [sequence for sequence, _ in store.replay(state.replay_from if state is not None else 0)]


def outage(folder: Path, now: float) -> list[tuple[str, bytes]]:
    """Signal and body of requests in JSON that tell of a name that lost its addresses and has not got them back."""
    history = toy_history(ticks=TICKS)
    record(history, folder, seed=0, file_format="otlp-json", spans_per_second=8)
    shift = round((now - history.start - NOW_TICK * TICK_S) * 1e9)

    found: list[tuple[str, bytes]] = []
    for signal in ("traces", "logs"):
        found += [(signal, moved(line, shift)) for line in (folder / f"{signal}.jsonl").read_text().splitlines()]
    return found


def moved(body: str, shift_ns: int) -> bytes:
    """A request in JSON with all its times later by so much."""
    return re.sub(r'"(\d{19})"', lambda time: f'"{int(time[1]) + shift_ns}"', body).encode()


def spans_of(body: bytes) -> int:
    """Spans in a request."""
    groups = json.loads(body).get("resourceSpans", [])
    return sum(len(scope["spans"]) for group in groups for scope in group["scopeSpans"])
