"""The phases that come out of the flagship's mechanisms, against the published times.

Times: AWS's post-event summary of October 2025. Set by people, and therefore exact: 02:25, 04:14, 09:36, 14:09.
Emergent, with the tolerance that every seed must keep: the record empty at 23:48 (1 min), caches done by 02:40
(5 min early at most: the last of 24 resolvers), leases back 05:28 (6 min), propagation normal 10:36 (20 min; its
capacity is fitted, the load wanders), health checks flapping from 05:30 (10 min).
"""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic import History
from tests.synthetic.worlds import SEEDS, local, world

MINUTE = 60.0
DNS_CLASSES = sum(name.startswith("dns_") for name in ERROR_CLASSES)


def phase(history: History, name: str) -> tuple[float, float]:
    found = next(phase for phase in history.truth.phases if phase.name == name)
    assert found.end is not None
    return found.start, found.end


def series(history: History, name: str, **labels: str) -> np.ndarray[tuple[int]]:
    """Sum of the series of a name that carry the labels."""
    chosen = [one.values for one in history.series if one.name == name and labels.items() <= one.labels.items()]
    assert chosen, name
    return np.sum(chosen, axis=0)


def failing(history: History, service: str, since: float, until: float) -> float:
    """Share of a service's requests that failed between two moments."""
    during, s = (history.times >= since) & (history.times < until), history.service(service)
    return history.failed[during, s].sum() / history.arrivals[during, s].sum()


@pytest.fixture(params=SEEDS)
def history(request: pytest.FixtureRequest) -> History:
    return world(int(request.param))


def test_record_is_empty_from_23_48_until_people_restore_it_at_02_25(history: History) -> None:
    start, end = phase(history, "record empty")
    assert start == pytest.approx(local(23, 48), abs=MINUTE)
    assert end == local(2, 25)


def test_caches_are_done_by_02_40(history: History) -> None:
    _, end = phase(history, "empty answers cached")
    assert local(2, 35) <= end <= local(2, 40)


def test_recovery_of_the_name_comes_in_steps(history: History) -> None:
    edge = history.edge("smart-home", "dynamodb")
    share = history.failures[:, edge].sum(axis=1) / history.attempts[:, edge]
    tail = share[(history.times >= local(2, 25)) & (history.times < local(2, 41))]
    assert (np.diff(tail) < 1e-3).all()
    assert 8 <= (np.diff(tail) < -0.01).sum() <= 24


def test_existing_connections_outlive_the_name(history: History) -> None:
    """New connections fail at once; the callers' errors rise as their pools recycle."""
    shares = [failing(history, "banking", local(23, 48) + t, local(23, 48) + t + 60) for t in (0, 300, 1200)]
    assert shares[0] < 0.15
    assert 0.2 < shares[1] < 0.5
    assert shares[2] > 0.7


def test_leases_collapse_after_the_repair_and_are_back_at_05_28(history: History) -> None:
    start, end = phase(history, "lease collapse")
    assert local(2, 25) <= start <= local(2, 30)
    assert end == pytest.approx(local(5, 28), abs=6 * MINUTE)
    active = series(history, "ec2_dwfm_leases_active")
    at_repair, at_throttle = (active[np.searchsorted(history.times, local(*t))] for t in ((2, 40), (4, 14)))
    assert at_throttle - at_repair < 0.05 * active[0]
    assert active[-1] == active[0]


def test_lease_attempts_pile_up_while_almost_none_succeeds(history: History) -> None:
    done = series(history, "ec2_dwfm_attempts_total", outcome="ok")
    late = series(history, "ec2_dwfm_attempts_total", outcome="late")
    first, last = (np.searchsorted(history.times, local(*t)) for t in ((2, 45), (4, 13)))
    assert done[last] - done[first] < 0.01 * (late[last] - late[first])
    assert series(history, "ec2_dwfm_queue_oldest_age_seconds")[last] > 20 * MINUTE


def test_propagation_falls_behind_after_05_28_and_is_normal_by_10_36(history: History) -> None:
    start, end = phase(history, "network propagation behind")
    assert local(5, 28) <= start <= local(6, 21)
    assert end == pytest.approx(local(10, 36), abs=20 * MINUTE)
    assert 5 * MINUTE < series(history, "network_manager_propagation_delay_seconds").max() < 60 * MINUTE


def test_health_checks_flap_from_05_30_until_failover_is_switched_off_at_09_36(history: History) -> None:
    start, end = phase(history, "health checks flapping")
    assert start == pytest.approx(local(5, 30), abs=10 * MINUTE)
    assert end == pytest.approx(local(9, 36), abs=MINUTE)


def test_failover_takes_a_zone_away_and_a_second_wave_comes_without_dns(history: History) -> None:
    assert local(5, 45) <= history.truth.affected["nlb"] <= local(7, 30)
    wave = (history.times >= local(9, 0)) & (history.times < local(9, 30))
    edges = [e for e, edge in enumerate(history.edges) if edge.via == "nlb"]
    assert history.failures[wave][:, edges, :DNS_CLASSES].sum() == 0
    given_up = history.given_up[wave][:, edges].sum() / history.originals[wave][:, edges].sum()
    assert 0.05 < given_up < 0.3
    assert failing(history, "connect", local(9, 0), local(9, 30)) > 0.05
    assert failing(history, "connect", local(9, 45), local(10, 30)) < 0.01


def test_launches_stay_throttled_until_the_limit_has_been_relaxed(history: History) -> None:
    start, end = phase(history, "launches throttled")
    assert start == local(4, 14)
    assert end == pytest.approx(local(13, 50), abs=20 * MINUTE)
    assert failing(history, "ec2-api", local(5, 30), local(11, 20)) > 0.5
    assert failing(history, "ec2-api", local(14, 0), local(14, 30)) < 0.01


def test_all_is_calm_before_and_after(history: History) -> None:
    for service in history.services:
        if history.arrivals[:, history.service(service.name)].any() and service.name != "droplets":
            assert failing(history, service.name, local(23, 0), local(23, 47)) < 0.01
            assert failing(history, service.name, local(14, 10), local(14, 30)) < 0.01


def test_dynamodb_itself_never_fails_and_only_loses_the_requests_that_cannot_find_it(history: History) -> None:
    s = history.service("dynamodb")
    assert failing(history, "dynamodb", local(23, 48), local(2, 40)) < 0.01
    before, during = (history.arrivals[np.searchsorted(history.times, local(*t)), s] for t in ((23, 40), (2, 0)))
    assert during < 0.05 * before
