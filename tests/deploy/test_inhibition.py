"""A real Alertmanager with the shipped configuration: the cause is told, and its symptoms are silent."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.test_configs import ALERTMANAGER
from tests.programs import find, require
from tests.servers import READY_S, free_port, running

Labels = Mapping[str, str]
CAUSE, SYMPTOM = "cause", "dependency"


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

    def status(self, labels: Labels) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=30) as answer:
            found = [alert["status"] for alert in json.load(answer) if alert["labels"] == dict(labels)]
        return found[0] if found else {"state": "unknown", "inhibitedBy": []}

    def status_once_processed(self, labels: Labels, state: str) -> dict[str, Any]:
        """The status as soon as it is the one awaited (alerts are taken in behind the answer), or the last one seen."""
        deadline = time.monotonic() + READY_S
        while (status := self.status(labels))["state"] != state and time.monotonic() < deadline:
            time.sleep(0.05)
        return status


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    program = find("alertmanager") or require("prometheus-alertmanager")  # its name in Debian
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={ALERTMANAGER}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",  # no gossip: it would listen on every interface
    ]
    with running(command, url, folder / "log"):
        yield Alertmanager(url)


def rule(name: str, stage: str, peer: str, severity: str = "critical", **more: str) -> Labels:
    return {
        "alertname": f"Epicenter{name}",
        "stage": stage,
        "peer": peer,
        "severity": severity,
        "cluster": "main",
    } | more


SILENCED = {
    "the empty record its callers' failures": (
        rule("EndpointWithoutAddresses", CAUSE, "a.example"),
        rule("DownstreamFailureSpike", SYMPTOM, "a.example", "warning"),
    ),
    "the empty record failures on its name": (
        rule("EndpointWithoutAddresses", CAUSE, "b.example"),
        rule("DnsFailureSpike", SYMPTOM, "b.example"),
    ),
    "the name that fails the failures on it": (
        rule("DnsFailureSpike", SYMPTOM, "c.example"),
        rule("DownstreamFailureSpike", SYMPTOM, "c.example", "warning"),
    ),
    "the cause of an incident the symptoms at other peers": (
        rule("Incident", CAUSE, "d.example", incident_id="i1"),
        rule("Symptom", SYMPTOM, "e.example", "warning", incident_id="i1"),
    ),
    "the collapse of leases the storm of the same job": (
        rule("LeaseCollapse", "recovery", "leases"),
        rule("RetryStormAfterRecovery", "recovery", "leases"),
    ),
    "the server that is down its other troubles": (
        rule("Down", "self", "one:9465", instance="one:9465"),
        rule("AnalysisLate", "self", "one:9465", instance="one:9465"),
    ),
}
HEARD = {
    "another peer": (
        rule("EndpointWithoutAddresses", CAUSE, "f.example"),
        rule("DownstreamFailureSpike", SYMPTOM, "g.example", "warning"),
    ),
    "another cluster": (
        rule("EndpointWithoutAddresses", CAUSE, "h.example"),
        rule("DownstreamFailureSpike", SYMPTOM, "h.example", "warning", cluster="other"),
    ),
    "another incident": (
        rule("Incident", CAUSE, "j.example", incident_id="i2"),
        rule("Symptom", SYMPTOM, "k.example", "warning", incident_id="i3"),
    ),
    "a race that has broken nothing yet": (
        rule("RecordRace", CAUSE, "l.example", "warning"),
        rule("DownstreamFailureSpike", SYMPTOM, "l.example", "warning"),
    ),
    "the storm after the repair": (
        rule("EndpointWithoutAddresses", CAUSE, "m.example"),
        rule("RetryStormAfterRecovery", "recovery", "m.example"),
    ),
    "another server": (
        rule("Down", "self", "two:9465", instance="two:9465"),
        rule("AnalysisLate", "self", "three:9465", instance="three:9465"),
    ),
}


@pytest.mark.parametrize(("cause", "symptom"), SILENCED.values(), ids=SILENCED)
def test_the_cause_silences(cause: Labels, symptom: Labels, alertmanager: Alertmanager) -> None:
    alertmanager.post([cause, symptom])
    silent = alertmanager.status_once_processed(symptom, "suppressed")
    told = alertmanager.status_once_processed(cause, "active")
    assert silent["inhibitedBy"]
    assert (told["state"], told["inhibitedBy"]) == ("active", [])


@pytest.mark.parametrize("why", HEARD)
def test_the_cause_does_not_silence(why: str, alertmanager: Alertmanager) -> None:
    cause, other = HEARD[why]
    alertmanager.post([cause, other])
    witness = rule("EndpointWithoutAddresses", CAUSE, why), rule("DownstreamFailureSpike", SYMPTOM, why)
    alertmanager.post(list(witness))
    # Alerts are taken in one after another: once the witness is silent, all before it have been judged.
    assert alertmanager.status_once_processed(witness[1], "suppressed")["inhibitedBy"]
    for labels in (cause, other):
        status = alertmanager.status_once_processed(labels, "active")
        assert (status["state"], status["inhibitedBy"]) == ("active", [])
