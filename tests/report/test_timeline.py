"""The timeline: what users felt, in as many steps as there are pixels for, and bars that stay inside."""

import re
from dataclasses import replace as with_fields
from itertools import pairwise

import pandas as pd
import pytest
from msgspec.structs import replace

from epicenter.collector.model import CALLS, CHANGES, SIGNALS, Windows, empty
from epicenter.detectors.analysis import Incident
from epicenter.report import timeline
from epicenter.report.felt import entry_services, felt
from tests.report.example_analyses import FLAGSHIP, GOING_ON, INCIDENT, flagship_windows


def windows(*rows: tuple[int, str, int, int, int]) -> Windows:
    blank = {column.name: "" if column.type == "string" else 0 for column in CALLS}
    calls = pd.DataFrame(
        [
            {**blank, "window": at, "client": client, "server": "web", "attempts": n, "entries": come, "errors": bad}
            for at, client, n, come, bad in rows
        ],
        columns=list(blank),
    )
    return Windows(window_s=10, start=0, end=60, calls=calls, signals=empty(SIGNALS), changes=empty(CHANGES))


def test_only_requests_from_outside_count() -> None:
    seen = felt(windows((0, "", 10, 10, 5), (0, "web", 90, 0, 90)), 0, 60, bins=6)
    assert [(step.start, step.end, step.value) for step in seen] == [(0, 10, 0.5)]


def test_a_stretch_without_requests_is_left_out_and_not_called_healthy() -> None:
    seen = felt(windows((0, "", 10, 10, 0), (40, "", 10, 10, 10)), 0, 60, bins=6)
    assert [step.start for step in seen] == [0, 40]


def test_a_long_time_is_drawn_in_few_steps_weighted_by_requests() -> None:
    seen = felt(windows((0, "", 30, 30, 0), (10, "", 10, 10, 10), (20, "", 1, 1, 0)), 0, 60, bins=3)
    assert [(step.start, step.end, step.value) for step in seen] == [(0, 20, 0.25), (20, 40, 0.0)]


def test_of_users_who_only_waited_it_is_how_long() -> None:
    rows = windows((0, "", 10, 10, 0), (10, "", 5, 5, 0))
    calls = rows.calls.assign(server_ns=[2e9, 15e9])
    seen = felt(with_fields(rows, calls=calls), 0, 60, bins=6, waits=True)
    assert [(step.start, step.value) for step in seen] == [(0, 0.2), (10, 3.0)]


def test_entry_services_are_those_called_by_nobody_seen() -> None:
    assert entry_services(flagship_windows()) == {"food-ordering"}


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("incident", [INCIDENT, GOING_ON.incidents[0]])
def test_every_bar_stays_in_the_picture(incident: Incident, narrow: bool) -> None:
    drawn = timeline.draw(incident, FLAGSHIP.recording, flagship_windows(), "timeline-1", narrow=narrow)
    width = 340 if narrow else 1040
    bars = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="18"', drawn)
    assert len(bars) == 2 * (1 + len(incident.sustaining) + len(incident.phases))
    assert all(float(x) + float(long) <= width for x, long in bars)


def test_many_updates_at_once_stand_side_by_side_in_the_picture() -> None:
    crowd = replace(INCIDENT, updates=tuple(replace(INCIDENT.updates[-1]) for _ in range(9)))
    drawn = timeline.draw(crowd, FLAGSHIP.recording, None, "timeline-1", narrow=True)
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', drawn)]
    assert len(places) == 9
    assert max(places) <= 340
    assert min(b - a for a, b in pairwise(places)) >= 18


def test_an_incident_of_one_moment_can_be_drawn() -> None:
    moment = INCIDENT.started_at
    short = replace(
        INCIDENT,
        ended_at=moment,
        detected_at=moment,
        trigger=replace(INCIDENT.trigger, ended_at=moment),
        phases=(),
        sustaining=(),
        updates=(),
    )
    assert "+0 s" in timeline.draw(short, FLAGSHIP.recording, flagship_windows(), "timeline-1", narrow=False)
