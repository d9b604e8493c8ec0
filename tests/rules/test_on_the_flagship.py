"""The shipped alerts over the simulated outage of October 2025: which fire, when, and on what."""

from __future__ import annotations

import pytest

from epicenter.synthetic import History
from tests.prometheus import Prometheus
from tests.rules.replay import Alert, Firing, alerts, replay

MINUTE, HOUR = 60.0, 3600.0
NAME = "dynamodb.us-east-1.amazonaws.com"


def find(name: str, group: str = "", reads: str = "") -> Alert:
    (found,) = (alert for alert in alerts() if alert.name == name and group in alert.group and reads in alert.expr)
    return found


@pytest.fixture(scope="module")
def no_addresses(flagship: History, flagship_prometheus: Prometheus) -> list[Firing]:
    return replay(find("EpicenterEndpointWithoutAddresses"), flagship_prometheus, flagship.start, flagship.end)


@pytest.fixture(scope="module")
def first_spikes(flagship: History, flagship_prometheus: Prometheus) -> list[Firing]:
    end = flagship.truth.trigger[0] + HOUR / 2
    return replay(find("EpicenterDownstreamFailureSpike", "epicenter-calls"), flagship_prometheus, flagship.start, end)


def test_the_empty_record_is_named_within_three_minutes(flagship: History, no_addresses: list[Firing]) -> None:
    """Scrapes are a minute apart, groups run each 30 s, and the alert waits for 30 s."""
    assert 0 < no_addresses[0].start - flagship.truth.trigger[0] <= 180
    assert {firing.labels["instance"] for firing in no_addresses} == {NAME}


def test_it_ends_with_the_repair(flagship: History, no_addresses: list[Firing]) -> None:
    """Resolvers that remember the empty answer have it for 15 minutes at most (RFC 2308)."""
    repaired = flagship.truth.trigger[1]
    assert all(-60 <= firing.end - repaired <= 900 for firing in no_addresses)


def test_the_cause_is_told_before_any_symptom(no_addresses: list[Firing], first_spikes: list[Firing]) -> None:
    assert first_spikes
    assert no_addresses[0].start < min(firing.start for firing in first_spikes)


def test_the_spike_begins_at_the_name_that_failed(flagship: History, first_spikes: list[Firing]) -> None:
    first = min(firing.start for firing in first_spikes)
    assert NAME in {firing.labels["server_address"] for firing in first_spikes if firing.start == first}
    assert 0 < first - flagship.truth.trigger[0] <= 300


def test_the_lease_managers_collapse_is_a_storm_after_recovery(
    flagship: History, flagship_prometheus: Prometheus
) -> None:
    repaired, over = flagship.truth.trigger[1], flagship.truth.storm_end
    assert over is not None
    alert = find("EpicenterRetryStormAfterRecovery", "epicenter-storms", reads="_attempts_total")
    (storm,) = replay(alert, flagship_prometheus, flagship.start, flagship.end)
    assert storm.labels == {"job": "ec2-dwfm"}
    assert repaired < storm.start < storm.end <= over


def test_clients_that_retry_an_empty_name_are_no_storm(flagship: History, flagship_prometheus: Prometheus) -> None:
    alert = find(
        "EpicenterRetryStormAfterRecovery", "epicenter-storms", reads="http_server_request_duration_seconds_count"
    )
    start = flagship.truth.trigger[0]
    assert replay(alert, flagship_prometheus, start - HOUR / 4, start + HOUR / 2) == []


def test_the_race_is_told_before_anybody_is_hurt(flagship: History, flagship_prometheus: Prometheus) -> None:
    """The writer that will empty the record has stood still for half an hour, and the alert ends when it is through."""
    trigger = flagship.truth.trigger[0]
    (race,) = replay(find("EpicenterRecordRace"), flagship_prometheus, flagship.start, flagship.end)
    assert race.labels == {"record": NAME, "writer": "dns-enactor-c"}
    assert race.start < trigger - 10 * MINUTE
    assert abs(race.end - trigger) <= 5 * MINUTE


def test_calls_that_fail_on_the_name_are_told_from_those_that_fail_after_it(
    flagship: History, flagship_prometheus: Prometheus, first_spikes: list[Firing]
) -> None:
    trigger, repaired = flagship.truth.trigger
    (spike,) = replay(find("EpicenterDnsFailureSpike"), flagship_prometheus, flagship.start, repaired + HOUR)
    assert spike.labels == {"server_address": NAME}
    assert trigger < spike.start <= min(firing.start for firing in first_spikes)
    assert repaired < spike.end < repaired + HOUR / 2


def test_the_leases_collapse_after_the_repair_and_before_the_storm_is_told(
    flagship: History, flagship_prometheus: Prometheus
) -> None:
    repaired, over = flagship.truth.trigger[1], flagship.truth.storm_end
    assert over is not None
    (collapse,) = replay(find("EpicenterLeaseCollapse"), flagship_prometheus, flagship.start, flagship.end)
    assert collapse.labels == {"job": "ec2-dwfm"}
    assert repaired < collapse.start < collapse.end <= over


def test_health_checks_flap_while_the_network_lags(flagship: History, flagship_prometheus: Prometheus) -> None:
    (phase,) = (phase for phase in flagship.truth.phases if phase.name == "health checks flapping")
    assert phase.end is not None
    (flapping,) = replay(find("EpicenterHealthCheckFlapping"), flagship_prometheus, flagship.start, flagship.end)
    assert flapping.labels == {"load_balancer": "nlb"}
    assert phase.start < flapping.start < flapping.end < phase.end + 10 * MINUTE


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert.name} of {alert.group}")
def test_nothing_but_the_race_is_told_in_calm(alert: Alert, flagship: History, flagship_prometheus: Prometheus) -> None:
    """The 47 minutes before the record is emptied. Epicenter is not there, and nothing fires for being absent."""
    told = replay(alert, flagship_prometheus, flagship.start, flagship.truth.trigger[0])
    assert bool(told) == (alert.name == "EpicenterRecordRace")
