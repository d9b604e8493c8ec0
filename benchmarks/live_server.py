"""The servers of the benchmark of the live one, each a process of its own on free ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from epicenter.rules.prometheus import free_port

PATIENCE_S = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")
WATCH = (sys.executable, "-c", "from epicenter.cli import main; main()", "watch")


@dataclass
class Server:
    """A process that takes OTLP over HTTP; page: port of its own figures."""

    process: subprocess.Popen[bytes]
    http: int
    page: int
    begun: float
    ready_s: float = 0.0

    def cpu_s(self) -> float:
        """Seconds of the processor until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def folding_cpu_s(self) -> float:
        """The same of the processes that have folded for it, and have ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / _TICKS

    def folding_mib(self) -> float:
        """Memory of the process that folds for it now."""
        pages = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                if int(path.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    pages += int(path.with_name("statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def resident_mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.page}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def metrics(self) -> str:
        return self.get("/metrics")[1]

    def value(self, name: str, **labels: str) -> float:
        told = ",".join(f'{key}="{value}"' for key, value in labels.items())
        found = re.search(rf"^{name}{re.escape('{' + told + '}') if told else ''} (\S+)$", self.metrics(), re.M)
        return float(found[1]) if found else float("nan")

    def looks(self) -> float:
        """Looks that have ended."""
        return self.value("epicenter_analysis_duration_seconds_count")

    def first_look_s(self) -> float:
        """Seconds from the start to the end of the first analysis."""
        while not self.looks() > 0:
            time.sleep(0.05)
        return time.perf_counter() - self.begun

    def wait_until_ready(self, path: str) -> None:
        while True:
            try:
                if self.get(path)[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.perf_counter() - self.begun > PATIENCE_S:
                raise AssertionError("the server did not start")
            time.sleep(0.01)
        self.ready_s = time.perf_counter() - self.begun

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@contextmanager
def watching(data: Path, window_s: int, **settings: str) -> Generator[Server]:
    """`epicenter watch` with its defaults, but for windows of this length and these settings of the environment."""
    page, http = free_port(), free_port()
    where = [f"--listen=127.0.0.1:{page}", f"--otlp-http=127.0.0.1:{http}", f"--otlp-grpc=127.0.0.1:{free_port()}"]
    command = [*WATCH, "--data", str(data), "--window", str(window_s), *where]
    with _running(command, http, page, "/readyz", settings) as server:
        yield server


@contextmanager
def bare() -> Generator[Server]:
    """A web server of the same kind that reads requests and throws them away."""
    http = free_port()
    with _running([sys.executable, "-m", "benchmarks.live_server", str(http)], http, http, "/", {}) as server:
        yield server


@contextmanager
def _running(
    command: Sequence[str], http: int, page: int, ready: str, settings: Mapping[str, str]
) -> Generator[Server]:
    begun = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, **settings}) as process:
        server = Server(process, http, page, begun)
        try:
            server.wait_until_ready(ready)
            yield server
        finally:
            if process.poll() is None:
                process.kill()


async def _discard(request: Request) -> Response:
    await request.body()
    return Response(b"")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/v1/traces", _discard, methods=["POST"]), Route("/", _discard)])
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
