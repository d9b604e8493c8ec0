"""The services as processes under zero-code instrumentation, started and stopped by process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from .estate import PORT, SERVICES, Service
from .house import PYTHON, ROOT

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0

INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
"""The command `opentelemetry-instrument`, without the script whose first line names a path of this machine."""


class Processes:
    """Every service of the estate; `close` ends them all, whatever happened before."""

    def __init__(self, addresses: dict[str, str], sink_url: str) -> None:
        self._addresses, self._sink_url = addresses, sink_url
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_all(self) -> None:
        """Starts all services and waits until each one accepts connections."""
        for service in SERVICES:
            self._spawn(service)
        for service in SERVICES:
            self._wait(service)

    def start(self, name: str) -> None:
        """Starts one service again and waits until it accepts connections."""
        service = next(service for service in SERVICES if service.name == name)
        self._spawn(service)
        self._wait(service)

    def kill(self, name: str) -> None:
        """Ends one service as a crash would: it cannot say goodbye, and its unsent spans are lost."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def hang(self, name: str) -> None:
        """Stops one service where it stands: connections to it are made, and nothing is answered."""
        self._running[name].send_signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """Lets one that hangs go on."""
        self._running[name].send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Asks all to end, which flushes their telemetry, and insists after a while."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _spawn(self, service: Service) -> None:
        app = f"lab.services.{service.name}:app"
        address = self._addresses[service.host]
        serve = {
            "waitress": ["waitress", f"--listen={address}:{PORT}", "--threads=16", app],
            "uvicorn": ["uvicorn", f"--host={address}", f"--port={PORT}", "--log-level=warning", app],
        }[service.server]
        command = [str(PYTHON), "-c", INSTRUMENT, str(PYTHON), "-m", *serve]
        env = environment(service, self._sink_url)
        with said(service).open("ab") as log:
            self._running[service.name] = subprocess.Popen(command, cwd=ROOT / "code", env=env, stderr=log)

    def _wait(self, service: Service) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._running[service.name].poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((self._addresses[service.host], PORT), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        sys.exit(f"{service.name} did not start; it said:\n{said(service).read_text()}")


def said(service: Service) -> Path:
    """Where a service's stderr goes; gone with the house."""
    return ROOT / f"{service.name}.log"


def environment(service: Service, sink_url: str) -> dict[str, str]:
    """What a zero-code set-up sets, and nothing of the caller's own environment.

    The resource detector is "otel" alone: host and process detectors would tell of this machine.
    """
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}/packages:{ROOT}/code",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAB_PORT": str(PORT),
        "OTEL_SERVICE_NAME": service.name,
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop,deployment.environment.name=lab",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink_url,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": "10000",
    }
    return given | ({"OTEL_SEMCONV_STABILITY_OPT_IN": service.semconv} if service.semconv else {})
