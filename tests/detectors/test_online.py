"""Fed window by window, in order or late, the watcher reaches what the batch analysis of the same windows says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest

from epicenter.collector.edges import Edges, edges_of
from epicenter.collector.errors import UsageError
from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from epicenter.detectors.gate import user_visible
from epicenter.detectors.online import Watcher, between
from tests.detectors.frames import SUMMARY, WINDOW_S, Row, at, call, change, gauge, signal, windows
from tests.detectors.stories import callee_fails, callee_slow, calm, name_gone, process_gone

END = 60


def counted(start: int, end: int, failed: int = 0) -> Iterator[Row]:
    for window in range(start, end):
        yield signal(window, "shop", "requests", 40)
        yield signal(window, "shop", "errors", failed, "503")


def scraped(down: range) -> Iterator[Row]:
    for name in ("shop", "cart", "prices"):
        yield from gauge(name, "up", [0.0 if window in down else 1.0 for window in range(END)])


def drowned(end: int) -> Iterator[Row]:
    """The pay service's name is gone for ten windows; as it is back, repeats of the shop's calls hold the service."""
    for window in range(end):
        gone, held = 20 <= window < 30, 30 <= window < 44
        told = {"attempts": 200, "originals": 40, "errors_deadline": 190, "wasted": 190} if held else {"attempts": 40}
        yield call(window, "", "shop", attempts=40, errors_server=30 * (gone or held))
        if gone:
            yield call(window, "shop", "", "pay.example", attempts=30, errors_dns_nodata=30)
        else:
            yield call(window, "shop", "pay", "pay.example", **told)


STORIES: dict[str, Windows] = {
    "calm": windows(END, calm(0, END)),
    "a name that is gone": windows(
        END,
        [*calm(0, 20), *name_gone(20, 24), *calm(24, END)],
        changes=[
            change(19.5, "record.delete", "prices.example", "one", 5, Answers=0),
            change(24, "record.upsert", "prices.example", "one", 6, Answers=2),
        ],
    ),
    "a process that is gone for ever": windows(END, [*calm(0, 50), *process_gone(50, END)]),
    "a silence of the telemetry": windows(END, [*calm(0, 45), *calm(55, END)], scraped(range(45, 55))),
    "users who wait": windows(END, [*calm(0, 20), *callee_slow(20, 28), *calm(28, END)]),
    "a retry storm": windows(END, drowned(END)),
    "metrics alone": windows(END, signals=[*counted(0, 45), *counted(45, 50, 30), *counted(50, END)]),
}
TWO = windows(END, [*calm(0, 20), *callee_fails(20, 26), *calm(26, 50), *name_gone(50, 56), *calm(56, END)])


def once(windows: Windows, width: int = 1) -> list[tuple[int, int]]:
    """From and to of steps of so many windows, in order."""
    length = width * windows.window_s
    return [(start, min(start + length, windows.end)) for start in range(windows.start, windows.end, length)]


def in_order(windows: Windows) -> list[tuple[int, int]]:
    """Five windows a step, in order."""
    return once(windows, 5)


def late(windows: Windows) -> list[tuple[int, int]]:
    """Every third step comes when two later ones were told."""
    steps = in_order(windows)
    for place in range(2, len(steps) - 3, 3):
        steps.insert(place + 2, steps.pop(place))
    return steps


def follow(story: Windows, steps: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[Incident, ...], Windows]]:
    """After each step: the incidents that the watcher last told of, and all that was told to it."""
    watcher, told = Watcher(WINDOW_S), []
    incidents: tuple[Incident, ...] = ()
    for start, end in steps:
        told.append((start, end))
        analysis = watcher.step(between(story, start, end), SUMMARY)
        incidents = incidents if analysis is None else analysis.incidents
        yield incidents, only(story, told)


def only(story: Windows, told: Iterable[tuple[int, int]]) -> Windows:
    parts = [between(story, start, end) for start, end in told]
    end = max(part.end for part in parts)
    whole = between(story, story.start, end)
    heard = {window for part in parts for window in range(part.start, part.end, WINDOW_S)}
    return replace(
        whole,
        calls=whole.calls[whole.calls["window"].isin(heard)],
        signals=whole.signals[whole.signals["window"].isin(heard)],
        changes=whole.changes[(whole.changes["time"] // WINDOW_S * WINDOW_S).isin(heard)],
    )


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("comes", [in_order, late])
def test_after_each_step_it_says_what_the_batch_says_of_the_same_windows(
    name: str, comes: Callable[[Windows], list[tuple[int, int]]]
) -> None:
    story, incidents = STORIES[name], None
    for number, (incidents, told) in enumerate(follow(story, comes(story))):
        if number % 4 == 3 or told.end == story.end:
            assert incidents == analyze(told, SUMMARY).incidents, number
    assert bool(incidents) == (name != "calm")
    assert any(incident.sustaining for incident in incidents or ()) == (name == "a retry storm")


def test_steps_may_hold_many_windows() -> None:
    *_, (incidents, _) = follow(TWO, once(TWO, 13))
    assert incidents == analyze(TWO, SUMMARY).incidents
    assert len(incidents) == 2


def test_a_window_that_is_told_again_replaces_what_was_told() -> None:
    story = windows(60, [*calm(0, 40), *name_gone(40, 60)])
    watcher, first = Watcher(WINDOW_S), story.start + 40 * WINDOW_S
    quiet = windows(60, calm(0, 60))
    assert watcher.step(quiet, SUMMARY) is None
    analysis = watcher.step(between(story, first, story.end), SUMMARY)
    assert analysis is not None
    assert analysis.incidents == analyze(story, SUMMARY).incidents != ()


def test_in_calm_weather_nothing_is_analyzed_and_little_is_kept() -> None:
    story = windows(80, calm(0, 80))
    watcher = Watcher(WINDOW_S, look_back=20)
    assert [watcher.step(between(story, *step), SUMMARY) for step in once(story)] == [None] * 80
    assert watcher.kept <= 20 + 20


def test_of_calls_no_more_rows_are_kept_than_may_be() -> None:
    story = windows(30, calm(0, 30))
    in_a_window = len(story.calls) // 30
    watcher = Watcher(WINDOW_S, rows=10 * in_a_window)
    kept = [watcher.kept for step in once(story) if watcher.step(between(story, *step), SUMMARY) is None]
    assert kept == [*range(1, 10), *[10] * 21]


def test_what_lasts_longer_than_the_look_back_keeps_its_beginning() -> None:
    story = windows(200, [*calm(0, 80), *callee_fails(80, 200)])
    watcher = Watcher(WINDOW_S, look_back=40)
    analyses = [watcher.step(between(story, *step), SUMMARY) for step in once(story, 20)]
    (whole,) = analyze(story, SUMMARY).incidents
    assert analyses[-1] is not None
    (incident,) = analyses[-1].incidents
    assert (incident.started_at, incident.ended_at) == (whole.started_at, None)
    assert (incident.trigger.component, incident.trigger.kind) == (whole.trigger.component, whole.trigger.kind)


def test_of_what_lasts_no_more_windows_are_kept_than_may_be() -> None:
    story = windows(240, [*calm(0, 40), *callee_fails(40, 240)])
    watcher, kept = Watcher(WINDOW_S, look_back=20, most=60), list[int]()
    for step in once(story, 10):
        watcher.step(between(story, *step), SUMMARY)
        kept.append(watcher.kept)
    assert max(kept) == 60


def test_the_gate_that_runs_is_the_gate_of_the_batch() -> None:
    """The first step that tells of users' failures is the window in which the batch is certain of them."""
    story = STORIES["a name that is gone"]
    (symptom,) = user_visible(story)
    watcher = Watcher(WINDOW_S)
    middle = story.start + 25 * WINDOW_S
    steps = [*once(between(story, story.start, middle)), *once(between(story, middle, story.end), 5)]
    told = [step for step in steps if (found := watcher.step(between(story, *step), SUMMARY)) and found.incidents]
    assert told[0][1] == symptom.facts["alarm_at"]
    assert all(end == start for (_, end), (start, _) in pairwise(told))
    assert told[-1][1] < story.end


def test_what_may_come_before_harm_is_told_once_by_its_change_and_again_when_it_is_over() -> None:
    raced = [
        change(10, "record.upsert", "prices.example", "one", 7, Answers=2),
        change(20, "record.upsert", "prices.example", "two", 5, Answers=2),
        change(30, "record.upsert", "prices.example", "one", 8, Answers=2),
    ]
    story = windows(END, calm(0, END), changes=raced)
    watcher = Watcher(WINDOW_S)
    told = {float(end): watcher.step(between(story, start, end), SUMMARY) for start, end in once(story)}
    warned = {end: found.warnings for end, found in told.items() if found is not None}
    assert list(warned) == [at(21), at(31)]
    assert [(w.component, w.started_at, w.ended_at) for w in warned[at(21)]] == [("prices.example", at(20), None)]
    assert warned[at(31)] == analyze(story, SUMMARY).warnings


def test_while_an_incident_lasts_a_step_tests_the_new_window_alone(stepped: list[int]) -> None:
    story, watcher = windows(END, [*calm(0, 20), *process_gone(20, END)]), Watcher(WINDOW_S)
    for start, end in pairwise((story.start, *(int(at(until)) for until in (40, 41, 42)))):
        stepped.clear()
        assert watcher.step(between(story, start, end), SUMMARY) is not None
    assert set(stepped) == {41}


def test_of_what_is_kept_the_edges_are_told_once_though_a_window_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    story, watcher = windows(END, [*calm(0, 20), *process_gone(20, END)]), Watcher(WINDOW_S)
    watcher.step(between(story, story.start, int(at(50))), SUMMARY)
    late, told = between(story, int(at(30)), int(at(31))), list[int]()

    def counted(calls: pd.DataFrame) -> Edges:
        if "attempts" in calls:  # not the names of edges that were told already
            told.append(len(calls))
        return edges_of(calls)

    monkeypatch.setattr("epicenter.collector.edges.edges_of", counted)
    assert watcher.step(late, SUMMARY) is not None
    assert max(told) == len(late.calls)


def test_in_calm_weather_nothing_of_an_incident_is_left_over(stepped: list[int]) -> None:
    """So an analysis that is asked for nevertheless begins with the first window."""
    story, watcher = windows(90, [*calm(0, 20), *callee_fails(20, 25), *calm(25, 90)]), Watcher(WINDOW_S)
    told = [watcher.step(between(story, *step), SUMMARY) for step in once(story, 10)]
    assert told[2] is not None
    assert told[-1] is None
    stepped.clear()
    watcher.step(between(story, int(at(89)), story.end), SUMMARY, anyway=True)
    assert min(stepped) == 0


def test_windows_of_another_length_are_refused() -> None:
    with pytest.raises(UsageError, match="windows of 30 s came where those of 10 s are watched"):
        Watcher(10).step(STORIES["calm"], SUMMARY)
