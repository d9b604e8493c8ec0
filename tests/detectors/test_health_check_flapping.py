"""Balancers whose targets keep changing state are told from rollouts and from racks that fail once."""

from __future__ import annotations

import pytest

from epicenter.detectors.health_check_flapping import calmed_at, health_check_flapping
from tests.detectors.frames import Row, at, gauge, put, windows

BALANCER, END = "lb-orders", 60
STILL, ALL = [0.0] * END, [6.0] * END
FLAPPING = [3.0, 6.0] * 10


def flips(counts: list[float], zone: str = "a", balancer: str = BALANCER) -> list[Row]:
    return gauge(balancer, "health_flips", counts, zone)


def hosts(counts: list[float], zone: str = "a", balancer: str = BALANCER) -> list[Row]:
    return gauge(balancer, "healthy_hosts", counts, zone)


def test_reported_flips_are_found_with_their_balancer_and_window() -> None:
    rows = [*flips(put(STILL, 20, [4.0] * 20)), *flips(put(STILL, 20, [2.0] * 20), "b"), *flips(STILL, "a", "lb-mail")]
    (found,) = health_check_flapping(windows(END, signals=rows))
    assert (found.kind, found.component) == ("health_check_flapping", BALANCER)
    assert (found.started_at, found.ended_at) == (at(20), at(40))
    assert found.facts["flips_per_window"] == 6
    assert found.evidence[0].statement == f"targets of {BALANCER} changed between healthy and unhealthy 120 times"


@pytest.mark.parametrize(("later", "calmed"), [(4.0, 30), (9.0, 40)], ids=["what piled up", "no calmer"])
def test_what_struck_the_targets_is_over_when_they_flip_much_less_often(later: float, calmed: int) -> None:
    seen = windows(END, signals=flips(put(put(STILL, 20, [12.0] * 10), 30, [later] * 10)))
    (found,) = health_check_flapping(seen)
    assert (found.ended_at, calmed_at(seen, found)) == (at(40), at(calmed))


def test_where_no_flips_are_reported_the_number_of_healthy_hosts_tells() -> None:
    rows = [*hosts(put(ALL, 20, FLAPPING)), *hosts(put(ALL, 20, FLAPPING), "b")]
    (found,) = health_check_flapping(windows(END, signals=rows))
    assert (found.component, found.started_at, found.ended_at) == (BALANCER, at(20), at(40))


def test_what_the_checks_took_away_is_said() -> None:
    rows = [*flips(put(STILL, 20, [4.0] * 20)), *hosts(put(ALL, 25, [2.0] * 5)), *hosts(ALL, "b")]
    (found,) = health_check_flapping(windows(END, signals=rows))
    assert found.evidence[1].statement == "its healthy hosts fell to 8, of 12 before"
    unharmed = [*flips(put(STILL, 20, [4.0] * 20)), *hosts(ALL)]
    assert len(health_check_flapping(windows(END, signals=unharmed))[0].evidence) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [],
        flips(STILL),
        flips([6.0] * END),
        flips(([1.0] + [0.0] * 4) * 12),
        flips(put(STILL, 20, [9.0] * 4)),
        hosts(put(ALL, 20, [3.0] * 40)),
        hosts(put(ALL, 20, [5.0, 6.0] * 5)),
        hosts([6.0] * 20 + [9.0] * 20 + [6.0] * 20),
        [*hosts(ALL[:20]), *hosts(ALL, "b")],
        [*flips(STILL), *hosts(put(ALL, 20, FLAPPING))],
    ],
    ids=[
        "no balancer",
        "at rest",
        "flaps all the time",
        "a flip in five windows",
        "a burst of four windows",
        "half of the hosts fail once",
        "a rollout takes out one host after the other",
        "scaled out and in",
        "a zone falls silent",
        "reported flips are believed before numbers of hosts",
    ],
)
def test_what_is_no_flapping_stays_silent(rows: list[Row]) -> None:
    assert health_check_flapping(windows(END, signals=rows)) == []


def test_five_windows_in_a_row_are_flapping() -> None:
    (found,) = health_check_flapping(windows(END, signals=flips(put(STILL, 20, [9.0] * 5))))
    assert (found.started_at, found.ended_at) == (at(20), at(25))


def test_what_flaps_at_the_end_of_the_data_has_no_end() -> None:
    (found,) = health_check_flapping(windows(END, signals=flips(put(STILL, 40, [9.0] * 20))))
    assert (found.started_at, found.ended_at) == (at(40), None)


def test_balancers_are_listed_by_name_however_they_are_watched() -> None:
    burst = put(STILL, 20, [9.0] * 20)
    rows = [*flips(burst, balancer="lb-z"), *hosts(put(ALL, 20, [0.0, 9.0] * 10), balancer="lb-a")]
    assert [f.component for f in health_check_flapping(windows(END, signals=rows))] == ["lb-a", "lb-z"]
