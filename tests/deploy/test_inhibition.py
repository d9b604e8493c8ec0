"""A real Alertmanager with the shipped configuration: the cause is told, and its symptoms are silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.alertmanager import Alertmanager, Labels, serve

CAUSE, SYMPTOM = "cause", "dependency"


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with serve(tmp_path_factory.mktemp("alertmanager")) as alertmanager:
        yield alertmanager


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
    "the server that is blind the Prometheus that it cannot ask": (
        rule("Blind", "self", "four:9465", instance="four:9465"),
        rule("PrometheusUnreachable", "self", "four:9465", "warning", instance="four:9465"),
    ),
    "the full disk the telemetry that is lost": (
        rule("DiskFull", "self", "five:9465", instance="five:9465"),
        rule("LosesTelemetry", "self", "five:9465", "warning", instance="five:9465"),
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
