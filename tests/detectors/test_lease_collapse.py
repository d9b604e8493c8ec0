"""A manager that throws most of its work away while its leases stay lost, told from slow days and planned changes."""

from __future__ import annotations

import pytest

from epicenter.detectors.lease_collapse import lease_collapse
from tests.detectors.frames import Row, at, gauge, put, windows

MANAGER, END = "lease-manager", 60
HELD, DONE, NONE = [1000.0] * END, [50.0] * END, [0.0] * END
LOW = put(HELD, 20, [400.0] * 20)
FUTILE = put(NONE, 20, [80.0] * 20)


def leases(counts: list[float]) -> list[Row]:
    return gauge(MANAGER, "leases_active", counts)


def work(counts: list[float], outcome: str = "ok") -> list[Row]:
    return gauge(MANAGER, "work", counts, outcome)


COLLAPSE = [*leases(LOW), *work(put(DONE, 20, [20.0] * 20)), *work(FUTILE, "timeout")]


def test_a_collapse_is_found_with_its_manager_its_window_and_its_waste() -> None:
    ages = gauge(MANAGER, "queue_age_s", put(NONE, 20, [1200.0] * 20))
    (found,) = lease_collapse(windows(END, signals=[*COLLAPSE, *ages]))
    assert (found.kind, found.component) == ("lease_collapse", MANAGER)
    assert (found.started_at, found.ended_at) == (at(20), at(40))
    assert (found.facts["wasted_share"], found.facts["amplification"]) == (0.8, 5.0)
    assert [e.statement for e in found.evidence] == [
        f"{MANAGER} held 400 leases at the least, of 1,000 before",
        "1,600 of 2,000 pieces of its work were thrown away as too late",
        "the oldest work in its queue had waited 20 minutes",
    ]


@pytest.mark.parametrize("outcome", ["timeout", "Timed_Out", "late", "expired", "DEADLINE_EXCEEDED"])
def test_work_that_ended_too_late_has_many_names(outcome: str) -> None:
    rows = [*leases(LOW), *work(put(DONE, 20, [20.0] * 20)), *work(FUTILE, outcome)]
    assert len(lease_collapse(windows(END, signals=rows))) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [*leases(HELD), *work(DONE)],
        [*leases([400.0] * END), *work(DONE), *work([80.0] * END, "timeout")],
        [*leases(LOW), *work(DONE)],
        [*leases(LOW), *work(DONE), *work(put(NONE, 20, [50.0] * 20), "timeout")],
        [*leases(put(HELD, 20, [910.0] * 20)), *work(DONE), *work(FUTILE, "timeout")],
        [*leases(LOW), *work(DONE), *work(FUTILE, "conflict")],
        [*leases(LOW), *work(DONE), *work(put(NONE, 20, [80.0]), "timeout")],
        leases(LOW),
        [*work(DONE), *work(FUTILE, "timeout")],
        [*leases(LOW), *gauge("other", "work", DONE, "ok"), *gauge("other", "work", FUTILE, "timeout")],
    ],
    ids=[
        "no manager",
        "all is well",
        "never held more",
        "fewer leases and no waste",
        "half of the work is wasted and no more",
        "normal churn of leases",
        "work that failed otherwise",
        "one window of waste",
        "no work is reported",
        "no leases are reported",
        "another manager's work",
    ],
)
def test_what_is_no_collapse_stays_silent(rows: list[Row]) -> None:
    assert lease_collapse(windows(END, signals=rows)) == []


def test_it_lasts_until_the_leases_are_back_even_if_the_waste_ends_before() -> None:
    back = put(LOW, 40, [950.0] * 10)
    rows = [*leases(back), *work(DONE), *work(put(NONE, 20, [80.0] * 5), "timeout")]
    (found,) = lease_collapse(windows(END, signals=rows))
    assert (found.started_at, found.ended_at) == (at(20), at(50))


def test_it_began_when_the_queue_began_to_stand_and_not_before_leases_were_lost() -> None:
    lost = [*leases(put(HELD, 12, [400.0] * 28)), *work(DONE), *work(FUTILE, "timeout")]
    late = gauge(MANAGER, "queue_depth", put(NONE, 15, [500.0] * 25))
    (found,) = lease_collapse(windows(END, signals=[*lost, *late]))
    assert found.started_at == at(15)
    always = gauge(MANAGER, "queue_depth", [5.0] * END)
    (found,) = lease_collapse(windows(END, signals=[*lost, *always]))
    assert found.started_at == at(12)


def test_a_collapse_at_the_end_of_the_data_has_no_end() -> None:
    rows = [*leases(put(HELD, 40, [400.0] * 20)), *work(DONE), *work(put(NONE, 40, [80.0] * 20), "timeout")]
    (found,) = lease_collapse(windows(END, signals=rows))
    assert (found.started_at, found.ended_at) == (at(40), None)


def test_a_fleet_that_grew_is_held_against_what_it_grew_to() -> None:
    grown = put([400.0] * END, 10, [1000.0] * 30)
    rows = [*leases(grown), *work(DONE), *work(put(NONE, 40, [80.0] * 20), "timeout")]
    (found,) = lease_collapse(windows(END, signals=rows))
    assert (found.started_at, found.evidence[0].expected) == (at(40), 1000)
