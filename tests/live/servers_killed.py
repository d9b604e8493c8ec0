"""Starts the live server again and again, each time kills it under load, and tells each span that was acknowledged.

Run with: the folder of the server, how often, and a seed. Each server is a forked process, which need not import what
takes most of a start; so nothing here may have started threads of Arrow's, DuckDB's or gRPC's before. Its segments and
its keeping of windows are made to be over in parts of a second, so that kills fall into folding as well.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import CollectorRegistry

from epicenter.collector.wal import Limits
from epicenter.live import loop
from epicenter.live import watch as live
from epicenter.live.config import Config, Listen, Windows
from epicenter.live.memory import resident_bytes
from epicenter.live.store import Store
from epicenter.rules.prometheus import free_port
from tests.collector.journals import one_span

CALLERS, PAUSE_S = 4, 0.004
"""Some hundred requests a second: enough that each kill finds some under way."""
SHORT = Limits(segment_age_s=0.2)
KEEP_EVERY_S, LATENESS_S = 0.1, 2
PATIENCE_S = 60.0
FOLDS_EVERY = 7
"""Kills from one that waits for a fold to the next."""


def serve(config: Config) -> None:
    """Be the server."""
    with patch.object(loop, "_KEEP_EVERY_S", KEEP_EVERY_S), patch.object(live, "Store", partial(Store, limits=SHORT)):
        asyncio.run(
            live.watch(
                config,
                registry=CollectorRegistry(),
                clock=time.time,
                monotonic=time.monotonic,
                resident=resident_bytes,
                files=None,
                say=lambda line: print(line, file=sys.stderr),
            )
        )


def started(config: Config) -> int:
    """The process of a new server."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        serve(config)
        code = 0
    finally:
        os._exit(code)


def served(number: int) -> bytes:
    """A request served just now, a trace of its own."""
    now = time.time_ns()
    kind, trace = Span.SPAN_KIND_SERVER, number.to_bytes(16, "big")
    return one_span(number, trace_id=trace, kind=kind, start_time_unix_nano=now, end_time_unix_nano=now + 1)


class Load:
    """Callers that each send one span after another until the server is gone."""

    def __init__(self, port: int, first: int) -> None:
        self._port, self._next = port, first
        self._guard = threading.Lock()
        self.acknowledged: list[int] = []
        self.gone = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        try:
            self._connect(connection)
            while not self.gone.is_set():
                with self._guard:
                    self._next += 1
                    number = self._next
                body = served(number)
                connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.acknowledged.append(number)
                self.gone.wait(PAUSE_S)
        except (OSError, http.client.HTTPException):
            return  # killed
        finally:
            connection.close()

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        while not self.gone.is_set():
            try:
                connection.connect()
            except ConnectionRefusedError:
                self.gone.wait(0.005)
            else:
                return

    def join(self) -> None:
        """Wait until all have noticed that it is gone."""
        self.gone.set()
        for thread in self._threads:
            thread.join()


def wait_for_a_fold(recordings: Path) -> None:
    """Until there is a part more of a recording: the server may be about to write the next one."""
    before, deadline = len(list(recordings.glob("*/*.parquet"))), time.monotonic() + PATIENCE_S
    while len(list(recordings.glob("*/*.parquet"))) == before:
        assert time.monotonic() < deadline, "the server folds nothing"
        time.sleep(0.01)


def main(data: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    for kill in range(kills):
        port = free_port()
        listen = Listen(grpc="", http=f"127.0.0.1:{port}", page=f"127.0.0.1:{free_port()}")
        server = started(Config(data=str(data), listen=listen, windows=Windows(window_s=1, lateness_s=LATENESS_S)))
        load = Load(port, kill * 1_000_000)
        if kill % FOLDS_EVERY == FOLDS_EVERY - 1:
            wait_for_a_fold(data / "recordings")
        load.gone.wait(chance.uniform(0.0, 0.7))  # within its start, or soon after it
        os.kill(server, signal.SIGKILL)
        _, status = os.waitpid(server, 0)
        load.join()
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "the server ended by itself"
        print(*load.acknowledged, sep="\n", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
