"""A real Alertmanager on loopback with the shipped configuration."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epicenter.rules.alertmanager import serving
from epicenter.rules.prometheus import free_port
from tests.deploy.test_configs import ALERTMANAGER
from tests.programs import find, require
from tests.servers import READY_S

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Alertmanager:
    """A server to tell of alerts and to ask about them."""

    url: str

    def post(self, alerts: list[Labels]) -> None:
        body = json.dumps([{"labels": labels, "annotations": {}} for labels in alerts]).encode()
        request = urllib.request.Request(
            f"{self.url}/api/v2/alerts", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200

    def alerts(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=30) as answer:
            return json.load(answer)

    def groups(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts/groups", timeout=30) as answer:
            return json.load(answer)

    def status(self, labels: Labels) -> dict[str, Any]:
        found = [alert["status"] for alert in self.alerts() if alert["labels"] == dict(labels)]
        return found[0] if found else {"state": "unknown", "inhibitedBy": []}

    def status_once_processed(self, labels: Labels, state: str) -> dict[str, Any]:
        """The status as soon as it is the one awaited (alerts are taken in behind the answer), or the last one seen."""
        deadline = time.monotonic() + READY_S
        while (status := self.status(labels))["state"] != state and time.monotonic() < deadline:
            time.sleep(0.05)
        return status


@contextmanager
def serve(folder: Path, port: int | None = None) -> Generator[Alertmanager]:
    """Run one with its data in `folder` until the block ends."""
    if find("alertmanager") is None:
        require("prometheus-alertmanager")  # its name in Debian
    with serving(ALERTMANAGER, folder, port or free_port()) as url:
        yield Alertmanager(url)
