"""Incidents keep their names, and a disk that is full does not hide them."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from epicenter.collector.errors import UnwritableOutput
from epicenter.detectors.analysis import Analysis
from epicenter.live.feed import Tracked
from epicenter.live.incidents import Incidents
from tests.report.example_analyses import GOING_ON

WINDOW_S = 60


def test_what_could_not_be_saved_is_shown_and_saved_when_there_is_room() -> None:
    saved: list[str] = []
    full = [True]

    def save(one: Tracked) -> None:
        if full[0]:
            raise UnwritableOutput(Path("incidents"), "No space left on device")
        saved.append(one.id)

    incidents = Incidents([], 10, save)
    analysis: Analysis = GOING_ON
    at = analysis.recording.to
    shown = incidents.update(analysis, at, WINDOW_S).open
    assert len(shown) == len(analysis.incidents) > 0
    assert saved == []
    full[0] = False
    again = incidents.update(analysis, at, WINDOW_S).open
    assert sorted(saved) == sorted(one.id for one in again)
    assert [one.id for one in again] == [one.id for one in shown]


def test_of_two_at_one_time_each_keeps_its_name_whichever_hurts_more() -> None:
    (known,) = GOING_ON.incidents
    other = replace(known, trigger=replace(known.trigger, component="elsewhere"), impact=2 * known.impact)
    incidents, at = Incidents([], 10, lambda _: None), GOING_ON.recording.to
    names: list[dict[str, str]] = []
    for told in ((known,), (other, known), (known, other)):
        shown = incidents.update(replace(GOING_ON, incidents=told), at, WINDOW_S).open
        names.append({one.incident.trigger.component: one.id for one in shown})
    assert names[0].items() < names[1].items()
    assert names[1] == names[2]
