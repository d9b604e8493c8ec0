"""The shipped alerts over the simulated outage of October 2025: which fire, when, and on what."""

from __future__ import annotations

import pytest

from epicenter.rules.files import Rule, read_rules
from epicenter.rules.played import Firing, Played
from epicenter.synthetic import History
from tests.rules.shipped import FILES

MINUTE, HOUR = 60.0, 3600.0
NAME = "dynamodb.us-east-1.amazonaws.com"
ALERTS = [rule for rule in read_rules([str(path) for path in FILES]).rules if rule.alert]


def find(played: list[Played], name: str, group: str = "", reads: str = "") -> tuple[Firing, ...]:
    (found,) = (one for one in played if one.rule.name == name and group in one.rule.group and reads in one.rule.expr)
    return found.firings


def named(firing: Firing) -> dict[str, str]:
    """Its labels without those that the rule gives to all of its firings, and the copy for Alertmanager."""
    return {name: value for name, value in firing.labels.items() if name not in ("severity", "stage", "peer")}


@pytest.fixture(scope="module")
def no_addresses(flagship_played: list[Played]) -> tuple[Firing, ...]:
    return find(flagship_played, "EpicenterEndpointWithoutAddresses")


@pytest.fixture(scope="module")
def first_spikes(flagship: History, flagship_played: list[Played]) -> list[Firing]:
    end = flagship.truth.trigger[0] + HOUR / 2
    spikes = find(flagship_played, "EpicenterDownstreamFailureSpike", "epicenter-calls")
    return [firing for firing in spikes if firing.start <= end]


def test_the_empty_record_is_named_within_three_minutes(flagship: History, no_addresses: tuple[Firing, ...]) -> None:
    """Scrapes are a minute apart, groups run each 30 s, and the alert waits for 30 s."""
    assert 0 < no_addresses[0].start - flagship.truth.trigger[0] <= 180
    assert {firing.labels["instance"] for firing in no_addresses} == {NAME}


def test_it_ends_with_the_repair(flagship: History, no_addresses: tuple[Firing, ...]) -> None:
    """Resolvers that remember the empty answer have it for 15 minutes at most (RFC 2308)."""
    repaired = flagship.truth.trigger[1]
    assert all(-60 <= firing.end - repaired <= 900 for firing in no_addresses)


def test_the_cause_is_told_before_any_symptom(no_addresses: tuple[Firing, ...], first_spikes: list[Firing]) -> None:
    assert first_spikes
    assert no_addresses[0].start < min(firing.start for firing in first_spikes)


def test_the_spike_begins_at_the_name_that_failed(flagship: History, first_spikes: list[Firing]) -> None:
    first = min(firing.start for firing in first_spikes)
    assert NAME in {firing.labels["server_address"] for firing in first_spikes if firing.start == first}
    assert 0 < first - flagship.truth.trigger[0] <= 300


def test_the_lease_managers_collapse_is_a_storm_after_recovery(
    flagship: History, flagship_played: list[Played]
) -> None:
    repaired, over = flagship.truth.trigger[1], flagship.truth.storm_end
    assert over is not None
    (storm,) = find(flagship_played, "EpicenterRetryStormAfterRecovery", "epicenter-storms", reads="job:work_goodput")
    assert named(storm) == {"job": "ec2-dwfm"}
    assert repaired < storm.start < storm.end <= over


def test_clients_that_retry_an_empty_name_are_no_storm(flagship: History, flagship_played: list[Played]) -> None:
    assert (
        find(flagship_played, "EpicenterRetryStormAfterRecovery", "epicenter-storms", reads="goodput_per_original")
        == ()
    )


def test_the_race_is_told_before_anybody_is_hurt(flagship: History, flagship_played: list[Played]) -> None:
    """The writer that will empty the record has stood still for half an hour, and the alert ends when it is through."""
    trigger = flagship.truth.trigger[0]
    (race,) = find(flagship_played, "EpicenterRecordRace")
    assert named(race) == {"record": NAME, "writer": "dns-enactor-c"}
    assert race.start < trigger - 10 * MINUTE
    assert abs(race.end - trigger) <= 5 * MINUTE


def test_calls_that_fail_on_the_name_are_told_from_those_that_fail_after_it(
    flagship: History, flagship_played: list[Played], first_spikes: list[Firing]
) -> None:
    trigger, repaired = flagship.truth.trigger
    (spike,) = find(flagship_played, "EpicenterDnsFailureSpike")
    assert named(spike) == {"server_address": NAME}
    assert trigger < spike.start <= min(firing.start for firing in first_spikes)
    assert repaired < spike.end < repaired + HOUR / 2


def test_the_leases_collapse_after_the_repair_and_before_the_storm_is_told(
    flagship: History, flagship_played: list[Played]
) -> None:
    repaired, over = flagship.truth.trigger[1], flagship.truth.storm_end
    assert over is not None
    (collapse,) = find(flagship_played, "EpicenterLeaseCollapse")
    assert named(collapse) == {"job": "ec2-dwfm"}
    assert repaired < collapse.start < collapse.end <= over


def test_health_checks_flap_while_the_network_lags(flagship: History, flagship_played: list[Played]) -> None:
    (phase,) = (phase for phase in flagship.truth.phases if phase.name == "health checks flapping")
    assert phase.end is not None
    (flapping,) = find(flagship_played, "EpicenterHealthCheckFlapping")
    assert named(flapping) == {"load_balancer": "nlb"}
    assert phase.start < flapping.start < flapping.end < phase.end + 10 * MINUTE


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name} of {alert.group}")
def test_nothing_but_the_race_is_told_in_calm(alert: Rule, flagship: History, flagship_played: list[Played]) -> None:
    """The 47 minutes before the record is emptied. Epicenter is not there, and nothing fires for being absent."""
    (played,) = (one for one in flagship_played if (one.rule.file, one.rule.line) == (alert.file, alert.line))
    told = [firing for firing in played.firings if firing.start <= flagship.truth.trigger[0]]
    assert bool(told) == (alert.name == "EpicenterRecordRace")
