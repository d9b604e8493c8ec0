"""Releases that nobody tells of: a service shows a version that it did not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from epicenter.collector.model import Windows
from epicenter.collector.versions import earliest
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Analysis, Trigger
from epicenter.detectors.base import HORIZON
from epicenter.detectors.diagnosis import look
from epicenter.detectors.online import Watcher, between
from tests.detectors.frames import SUMMARY, WINDOW_S, Row, at, call, change, signal, windows
from tests.detectors.stories import callee_fails, calm, name_gone
from tests.detectors.test_online import in_order, late, once

BAD, END = 30, 60
OLD = ("prices", "1.4.0")
NEW = ("prices", "1.5.0")

Versions = Mapping[tuple[str, str], int]


def sights(**first: float) -> Versions:
    """Versions of the prices by the number of the window in which each was first seen: v1, v2, …"""
    return {("prices", name): int(at(window)) for name, window in first.items()}


def story(seen: Versions, *changes: Row, rows: Callable[[int, int], Iterator[Row]] = callee_fails) -> Windows:
    made = windows(END, [*calm(0, BAD), *rows(BAD, BAD + 12), *calm(BAD + 12, END)], changes=changes)
    return replace(made, versions=seen)


def deploys(seen: Windows) -> list[tuple[str, float]]:
    changes = look(seen)[0].changes
    return list(zip(changes["Target"], changes["time"], strict=True))


def trigger(seen: Windows) -> Trigger:
    (incident,) = analyze(seen, SUMMARY).incidents
    return incident.trigger


def said(analysis: Analysis) -> str:
    (incident,) = analysis.incidents
    return " ".join(item.statement for item in incident.evidence if item.id in incident.trigger.evidence)


def test_who_fails_from_its_first_sight_in_a_new_version_on_broke_with_a_release() -> None:
    found = trigger(story({OLD: int(at(0)), NEW: int(at(BAD))}))
    assert (found.component, found.kind) == ("prices", "bad_release")
    assert trigger(story({OLD: int(at(0))})).kind != "bad_release"


@pytest.mark.parametrize(("window", "why"), [(-3, False), (-2, True), (0, True), (1, False)])
def test_a_first_sight_that_comes_later_or_well_before_is_not_why(window: int, why: bool) -> None:
    found = trigger(story({OLD: int(at(0)), NEW: int(at(BAD + window))}))
    assert (found.kind == "bad_release") == why


@pytest.mark.parametrize(("down", "why"), [(0, False), (1, True), (4, True)])
def test_a_version_that_a_service_came_up_with_and_fails_from_then_on_is_why_it_fails(down: int, why: bool) -> None:
    def started_anew() -> Iterator[Row]:
        for window in range(END):
            gone, failing = BAD <= window < BAD + down, BAD + down <= window < BAD + 20
            yield call(window, "", "shop", attempts=40, errors_server=40 * (gone or failing))
            if gone:
                yield call(window, "shop", "", "prices.example", attempts=40, errors_connect=40)
            else:
                yield call(window, "shop", "prices", "prices.example", attempts=40, errors_server=40 * failing)

    seen = {OLD: int(at(0)), NEW: int(at(BAD + (down or 1)))}
    found = trigger(replace(windows(END, started_anew()), versions=seen))
    assert (found.component, found.kind == "bad_release") == ("prices", why)


def told_by_metrics(versions: str, *, since: int = 0, seen: Versions | None = None) -> Windows:
    """The story with the versions of the prices, a letter a window, told by metrics every other one."""
    rows = [signal(w, "prices", "version", 1.0, v) for w, v in enumerate(versions) if w >= since and w % 2 == 0]
    made = windows(END, [*calm(0, BAD), *callee_fails(BAD, BAD + 12), *calm(BAD + 12, END)], rows)
    return replace(made, versions=seen or {})


def test_metrics_tell_versions_of_who_sends_none_in_spans() -> None:
    seen = told_by_metrics("a" * BAD + "b" * BAD)
    assert deploys(seen) == [("prices", at(BAD))]
    assert (trigger(seen).component, trigger(seen).kind) == ("prices", "bad_release")
    assert deploys(told_by_metrics("a" * END)) == []
    assert deploys(told_by_metrics("b" * END, since=BAD)) == []


def test_what_spans_tell_of_versions_is_not_spelled_otherwise_by_metrics() -> None:
    assert deploys(told_by_metrics("a" * END, since=BAD, seen=sights(v1=0))) == []


def test_when_it_was_first_seen_is_evidence() -> None:
    assert "version 1.5.0 of prices was first seen at 22:28:30Z" in said(
        analyze(story({OLD: int(at(0)), NEW: int(at(BAD))}), SUMMARY)
    )


def test_a_release_that_somebody_tells_of_needs_no_such_evidence() -> None:
    told = change(BAD - 0.5, "deploy", "prices.shop.svc", "ci", 7)
    seen = story({OLD: int(at(0)), NEW: int(at(BAD))}, told)
    assert deploys(seen) == [("prices.shop.svc", at(BAD - 0.5))]
    assert "first seen" not in said(analyze(seen, SUMMARY))


def test_a_host_that_only_the_new_version_calls_and_that_never_was_is_its_mistake() -> None:
    def misspelled() -> Iterator[Row]:
        for window in range(END):
            bad = BAD <= window < BAD + 12
            yield call(window, "", "shop", attempts=40, errors_server=30 * bad)
            yield call(window, "shop", "cart", "cart.example", attempts=40 - 30 * bad)
            yield from [call(window, "shop", "", "cart-v2.example", attempts=30, errors_dns_nxdomain=30)] * bad

    made = windows(END, misspelled())
    assert trigger(made).component == "cart-v2.example"
    released = trigger(replace(made, versions={("shop", "1.4.0"): int(at(0)), ("shop", "1.5.0"): int(at(BAD))}))
    assert (released.component, released.kind) == ("shop", "bad_release")


def test_a_release_that_goes_well_is_no_incident() -> None:
    calmly = replace(windows(END, calm(0, END)), versions={OLD: int(at(0)), NEW: int(at(BAD))})
    assert deploys(calmly) == [("prices", at(BAD))]
    analysis = analyze(calmly, SUMMARY)
    assert (analysis.incidents, analysis.warnings) == ((), ())


def test_a_release_long_before_or_of_another_service_is_not_why() -> None:
    assert trigger(story(sights(v1=0, v2=BAD - HORIZON - 2))).kind != "bad_release"
    other = {("shop", "1.4.0"): int(at(0)), ("shop", "1.5.0"): int(at(BAD))}
    assert trigger(story(other)).kind != "bad_release"


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (sights(v1=0), []),
        (sights(v1=BAD), []),
        (sights(v1=0, v2=0), []),
        (sights(v1=0, v2=HORIZON - 1), []),
        (sights(v1=0, v2=HORIZON), [HORIZON]),
        (sights(v1=20, v2=40), [40]),
        (sights(v1=0, v2=20, v3=40), [20, 40]),
        (sights(v1=0, v2=20, v3=22), [20]),
        (sights(**{f"v{n}": float(n) for n in range(60)}), []),
    ],
)
def test_a_new_version_is_a_release_where_none_was_new_for_as_long_as_causes_are_looked_for(
    seen: Versions, told: list[int]
) -> None:
    assert deploys(story(seen)) == [("prices", at(window)) for window in told]


@pytest.mark.parametrize(("target", "window"), [("prices", 25), ("prices", 30.9), ("prices.shop.svc", 30)])
def test_what_somebody_tells_of_is_not_told_twice(target: str, window: float) -> None:
    told = change(window, "deploy", target, "ci", 7)
    assert deploys(story(sights(v1=0, v2=BAD), told)) == [(target, at(window))]


@pytest.mark.parametrize(("target", "window"), [("prices", 5), ("prices", 35), ("cart", 30)])
def test_a_deploy_of_another_time_or_service_does_not_stand_for_it(target: str, window: int) -> None:
    told = change(window, "deploy", target, "ci", 7)
    assert ("prices", at(BAD)) in deploys(story(sights(v1=0, v2=BAD), told))


def test_of_changes_only_versions_are_known() -> None:
    blind = {spot.statement for spot in analyze(story(sights(v1=0, v2=BAD)), SUMMARY).blind_spots}
    assert any("only new versions of services are seen" in spot for spot in blind)
    told = change(2, "manual", "cart", "ops", None)
    blind = {spot.statement for spot in analyze(story(sights(v1=0, v2=BAD), told), SUMMARY).blind_spots}
    assert not any("No change telemetry" in spot for spot in blind)


def test_a_version_other_than_the_baselines_was_there_before() -> None:
    baseline = replace(windows(40, calm(0, 40)), versions=sights(v1=0))
    made = replace(windows(40, [*callee_fails(0, 20), *calm(20, 40)]), versions=sights(v2=0))
    (incident,) = analyze(made, SUMMARY, baseline=baseline).incidents
    assert incident.trigger.kind != "bad_release"


# --- window by window


STORIES = {
    "a bad release": story(sights(v1=0, v2=BAD)),
    "two from the start": story(sights(v1=0, v2=0)),
    "told as well": story(sights(v1=0, v2=BAD), change(BAD, "deploy", "prices", "ci", 2)),
    "a name as well": story(sights(v1=0, v2=BAD), rows=name_gone),
}


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("steps", [in_order, late])
def test_after_each_step_it_says_what_the_batch_says_of_the_same_windows(
    name: str, steps: Callable[[Windows], list[tuple[int, int]]]
) -> None:
    whole, watcher = STORIES[name], Watcher(WINDOW_S)
    heard: list[Windows] = []
    for start, end in steps(whole):
        heard.append(between(whole, start, end))
        analysis = watcher.step(heard[-1], SUMMARY)
        if analysis is not None:
            known = between(whole, whole.start, max(part.end for part in heard))
            told = {window for part in heard for window in range(part.start, part.end, WINDOW_S)}
            rows = known.calls[known.calls["window"].isin(told)]
            changes = known.changes[(known.changes["time"] // WINDOW_S * WINDOW_S).isin(told)]
            seen = earliest(one for part in heard for one in part.versions.items())
            batch = analyze(replace(known, calls=rows, changes=changes, versions=seen), SUMMARY)
            assert analysis.incidents == batch.incidents
            assert analysis.blind_spots == batch.blind_spots
    assert heard[-1].end == whole.end


def test_a_version_that_is_told_in_each_window_is_known_once() -> None:
    """As where each window is read by itself, and not as the first of a recording."""
    whole, watcher = story(sights(v1=0, v2=BAD)), Watcher(WINDOW_S)
    told = [watcher.step(between(whole, *step), SUMMARY) for step in once(whole)]
    assert told[BAD + 12] is not None
    assert told[BAD + 12].incidents[0].trigger.kind == "bad_release"  # pyright: ignore[reportOptionalMemberAccess]


def test_a_version_from_before_what_is_kept_is_remembered() -> None:
    quiet, look_back = 100, 20
    seen = {OLD: int(at(0)), NEW: int(at(quiet))}
    rows = [*calm(0, quiet), *callee_fails(quiet, quiet + 10)]
    whole, watcher = replace(windows(quiet + 10, rows), versions=seen), Watcher(WINDOW_S, look_back=look_back)
    # the first window alone tells of the old version, as a recording that is cut up does
    analysis: Analysis | None = None
    for start, end in once(whole):
        fresh = {what: window for what, window in seen.items() if start <= window < end}
        analysis = watcher.step(replace(between(whole, start, end), versions=fresh), SUMMARY)
    assert watcher.kept <= 2 * look_back + 10
    assert analysis is not None
    assert [i.trigger.kind for i in analysis.incidents] == ["bad_release"]


def test_counters_alone_tell_of_no_version() -> None:
    counted = windows(END, signals=[signal(window, "prices", "requests", 40) for window in range(END)])
    assert deploys(counted) == []
