"""An outage that lasts longer than windows are kept stands as it was told last, until users meet no more of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Analysis
from epicenter.detectors.online import Watcher, between
from epicenter.live.feed import Tracked
from epicenter.live.incidents import Incidents
from tests.detectors.ailments import silence
from tests.detectors.frames import SUMMARY, WINDOW_S, Row, at, call, windows
from tests.detectors.stories import NAME, callee_fails, callee_slow, calm, name_gone
from tests.detectors.test_online import once

KEPT = 60
BEGAN, OVER, END = 40, 130, 175
LASTS = "lasted longer than windows are kept"
STORY = windows(END, [*calm(0, BEGAN), *callee_fails(BEGAN, OVER), *calm(OVER, END)])


def watched(
    story: Windows, steps: list[tuple[int, int]] | None = None, most: int = KEPT, rows: int | None = None
) -> Iterator[tuple[int, Analysis]]:
    """The number of the window after each step that told of something, and what it told."""
    watcher = Watcher(WINDOW_S, BEGAN, most, rows)
    for start, end in once(story) if steps is None else steps:
        analysis = watcher.step(between(story, start, end), SUMMARY)
        if analysis is not None:
            yield (end - story.start) // WINDOW_S, analysis


@pytest.mark.parametrize(("most", "rows"), [(KEPT, None), (END, 3 * KEPT)], ids=["windows", "rows"])
def test_it_is_told_until_users_meet_no_more_of_it_and_ends_when_they_did(most: int, rows: int | None) -> None:
    (whole,) = analyze(STORY, SUMMARY).incidents
    told = dict(watched(STORY, most=most, rows=rows))
    for window in range(BEGAN + 10, OVER):
        (one,) = told[window].incidents
        assert (one.started_at, one.ended_at, one.trigger.component) == (whole.started_at, None, "prices"), window
    why = [window for window, one in told.items() if says(one)]
    assert why == list(range(why[0], why[-1] + 1))
    assert KEPT + 20 < why[0] <= KEPT + BEGAN + 1
    assert OVER - 2 < why[-1] <= OVER + 3
    (last,) = told[OVER + 10].incidents
    assert (last.started_at, last.ended_at, last.trigger.ended_at) == (whole.started_at, whole.ended_at, at(OVER))
    assert last.updates[-1].text == whole.updates[-1].text == "Users are no longer affected."
    assert max(told) < END


def says(analysis: Analysis) -> bool:
    """Whether it is said why nothing new is known of it, and then alone that."""
    told = " ".join(spot.statement for spot in analysis.blind_spots)
    return LASTS in told and "from the beginning of the data on" not in told


def test_as_long_as_what_is_kept_tells_of_it_the_analysis_does() -> None:
    told = dict(watched(STORY))
    assert all(told[window].incidents == analyze(until(window), SUMMARY).incidents for window in (60, 80, 95))
    assert told[95].incidents[0].impact > told[80].incidents[0].impact


def until(window: int) -> Windows:
    """What the watcher keeps of the story before that window."""
    return between(STORY, int(at(max(0, window - KEPT))), int(at(window)))


def test_another_outage_after_it_is_another() -> None:
    second = OVER + 15
    calls = [*calm(0, BEGAN), *callee_fails(BEGAN, OVER), *calm(OVER, second), *name_gone(second, second + 15)]
    *_, (_, last) = watched(windows(second + 15, calls))
    first, other = last.incidents
    assert (first.trigger.component, first.ended_at) == ("prices", at(OVER))
    assert (other.trigger.component, other.ended_at) == (NAME, None)


def test_what_comes_back_at_once_or_is_told_otherwise_later_goes_on() -> None:
    pause, corrected = range(110, 113), (int(at(120)), int(at(121)))
    bad = [*callee_fails(BEGAN, pause.start), *calm(pause.start, pause.stop), *callee_fails(pause.stop, OVER)]
    story = windows(OVER, [*calm(0, BEGAN), *bad])
    steps = once(story)
    watcher = Watcher(WINDOW_S, BEGAN, KEPT)
    calm_then = windows(OVER, calm(0, OVER))
    told = [watcher.step(between(calm_then if step == corrected else story, *step), SUMMARY) for step in steps[:121]]
    told += [watcher.step(between(story, *step), SUMMARY) for step in (corrected, *steps[121:])]
    (whole,), last = analyze(STORY, SUMMARY).incidents, told[-1]
    assert last is not None
    assert [(i.started_at, i.ended_at) for i in last.incidents] == [(whole.started_at, None)]


def test_an_outage_elsewhere_is_told_beside_it_as_long_as_it_lasts() -> None:
    def elsewhere(window: int) -> Iterator[Row]:
        failed = 30 if 95 <= window < OVER else 0
        yield call(window, "", "desk", attempts=40, errors_server=failed)
        yield call(window, "desk", "stock", "stock.example", attempts=40, errors_server=failed)

    rows = [*calm(0, BEGAN), *callee_fails(BEGAN, OVER), *(row for window in range(OVER) for row in elsewhere(window))]
    told = dict(watched(windows(OVER, rows)))
    for window in range(105, OVER):
        assert {i.trigger.component for i in told[window].incidents} == {"prices", "stock"}, window


def test_live_it_is_one_incident_that_is_over_once() -> None:
    saved: list[Tracked] = []
    live = Incidents([], 10, saved.append)
    for window, analysis in watched(STORY):
        live.update(analysis, at(window), WINDOW_S)
    assert len({one.id for one in saved}) == 1
    closed = [one.closed_at for one in saved]
    assert closed == [None] * closed.index(at(OVER)) + [at(OVER)] * closed.count(at(OVER))


def test_a_window_that_comes_late_does_not_bring_it_back() -> None:
    steps = once(STORY)
    again = (int(at(OVER - 2)), int(at(OVER + 12)))
    place = steps.index((int(at(OVER + 11)), int(at(OVER + 12)))) + 1
    told = [one for end, one in watched(STORY, [*steps[:place], again, *steps[place:]]) if end >= OVER + 6]
    assert {i.ended_at for one in told for i in one.incidents} == {at(OVER)}


def test_where_users_waited_it_ends_when_they_no_longer_did() -> None:
    story = windows(END, [*calm(0, BEGAN), *callee_slow(BEGAN, OVER), *calm(OVER, END)])
    (whole,) = analyze(story, SUMMARY).incidents
    *_, (_, last) = watched(story)
    (one,) = last.incidents
    assert (one.started_at, one.ended_at) == (whole.started_at, whole.ended_at)


def test_what_is_over_before_its_beginning_is_let_go_is_told_as_in_batch() -> None:
    story = silence(END)
    (whole,) = analyze(story, SUMMARY).incidents
    assert dict(watched(story))[80].incidents == (whole,)
