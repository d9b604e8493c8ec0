"""What may come before any harm is told before users meet it, and by the incident itself once they do."""

from __future__ import annotations

from epicenter.detectors import Analysis, analyze
from tests.detectors.frames import SUMMARY, Row, at, change, windows
from tests.detectors.stories import NAME, calm, name_gone

END = 40

STALE = [
    change(10, "record.upsert", NAME, "writer-a", 145, Answers=3),
    change(20, "record.upsert", NAME, "writer-c", 111, Answers=3),
]
GONE = change(24, "record.delete", NAME, "writer-a", 111, Answers=0)


def told(calls: list[Row], changes: list[Row]) -> Analysis:
    return analyze(windows(END, calls, changes=changes), SUMMARY)


def test_a_stale_plan_that_has_harmed_nobody_yet_is_a_warning_and_no_incident() -> None:
    found = told([*calm(0, END)], STALE)
    assert found.incidents == ()
    (warning,) = found.warnings
    assert (warning.component, warning.started_at, warning.ended_at) == (NAME, at(20), None)
    assert warning.statement == f"writer-c put generation 111 back on {NAME}, over generation 145 of writer-a"
    assert f"Target = '{NAME}'" in warning.query


def test_a_live_record_that_was_deleted_while_calls_are_still_well_is_told() -> None:
    (warning,) = told([*calm(0, END)], [*STALE, GONE]).warnings
    assert f"writer-a deleted generation 111 of {NAME} while it was live: no addresses were left" in warning.statement


def test_what_the_incident_tells_of_is_no_warning_beside_it() -> None:
    found = told([*calm(0, 24), *name_gone(24, END)], [*STALE, GONE])
    assert [incident.trigger.component for incident in found.incidents] == [NAME]
    assert found.warnings == ()


def test_a_race_on_another_record_is_a_warning_beside_the_incident() -> None:
    elsewhere = [dict(row) | {"Target": "mail.example"} for row in STALE]
    found = told([*calm(0, 24), *name_gone(24, END)], [*STALE, GONE, *elsewhere])
    assert len(found.incidents) == 1
    assert [warning.component for warning in found.warnings] == ["mail.example"]


def test_what_led_to_the_incident_is_no_warning_beside_it() -> None:
    lost = [change(n, "record.lock", NAME, "writer-c", None, Outcome="held by another") for n in range(18)]
    won = [change(n + 0.5, "record.lock", NAME, f"writer-{'ab'[n % 2]}", None) for n in range(18)]
    assert [warning.component for warning in told([*calm(0, 24)], [*lost, *won]).warnings] == [NAME]
    assert told([*calm(0, 24), *name_gone(24, END)], [*lost, *won]).warnings == ()


def test_ordinary_rewrites_are_no_warning() -> None:
    rewrites = [
        change(window, "record.upsert", NAME, f"writer-{window % 3}", window, Answers=3) for window in range(END)
    ]
    assert told([*calm(0, END)], rewrites).warnings == ()
