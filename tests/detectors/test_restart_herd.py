"""A herd is told from a surge, from a retry storm, from a lost cache and from what harms nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.restart_herd import restart_herd
from epicenter.detectors.retry_storm import retry_storm
from tests.detectors.frames import SUMMARY, Row, at, call, signal, windows

CALM, BAD, END = 30, 20, 60

Story = Callable[[int], Iterator[Row]]


def asks(window: int, users: int = 40, asked: int = 40, **counts: int) -> Iterator[Row]:
    """Users reach the shop, which asks the settings."""
    yield call(window, "", "shop", attempts=users)
    yield call(window, "shop", "settings", "settings.example", attempts=asked, **counts)


def calm(window: int) -> Iterator[Row]:
    return asks(window)


def herd(window: int) -> Iterator[Row]:
    """Instances that start ask for their settings again and again, each request once; nine in ten answers are late."""
    return asks(window, asked=200, errors_deadline=180, wasted=180)


def surge(window: int) -> Iterator[Row]:
    """Five times as many users, at a desk whose work reaches the shop through a queue: no call tells of that."""
    yield from herd(window)
    yield call(window, "", "desk", attempts=160)


def retries(window: int) -> Iterator[Row]:
    """As many requests as ever, each tried five times."""
    return asks(window, asked=200, originals=40, errors_deadline=190, wasted=190)


def answered_in_time(window: int) -> Iterator[Row]:
    """Instances that start ask as often as a herd, but the settings bear it."""
    return asks(window, asked=200, errors_deadline=20)


def broken(window: int) -> Iterator[Row]:
    """Instances that crash on an error ask anew: most errors are there at once."""
    return asks(window, asked=200, errors_server=160, errors_deadline=20)


def asked_by_others(window: int) -> Iterator[Row]:
    """A batch job asks five times as much of the shop, and therefore the shop of the settings."""
    yield from herd(window)
    yield call(window, "batch", "shop", "shop.example", attempts=160)


def story(bad: Story, until: int = CALM + BAD, end: int = END) -> list[Row]:
    return [row for w in range(end) for row in (bad(w) if CALM <= w < until else calm(w))]


def test_a_herd_is_found_with_its_edge_its_window_and_how_much_more_it_asks() -> None:
    (found,) = restart_herd(windows(END, story(herd)))
    assert (found.kind, found.component, found.edges) == ("restart_herd", "settings", (("shop", "settings"),))
    assert (found.started_at, found.ended_at) == (at(CALM), at(CALM + BAD))
    assert (found.facts["amplification"], found.facts["wasted_share"]) == pytest.approx((5.0, 0.9))
    assert "shop asked settings 5.0 times as often as before" in found.evidence[0].statement


def test_a_herd_is_no_retry_storm_and_a_retry_storm_no_herd() -> None:
    assert retry_storm(windows(END, story(herd))) == []
    assert [found.kind for found in retry_storm(windows(END, story(retries)))] == ["retry_storm"]
    assert restart_herd(windows(END, story(retries))) == []


@pytest.mark.parametrize("bad", [surge, answered_in_time, broken, asked_by_others])
def test_what_is_no_herd_is_not_called_one(bad: Story) -> None:
    assert restart_herd(windows(END, story(bad))) == []


@pytest.mark.parametrize(("hits", "found"), [(0, []), (900, ["settings"])], ids=["lost", "kept"])
def test_who_lost_the_cache_before_the_store_asks_more_for_another_reason(hits: int, found: list[str]) -> None:
    calls = story(herd) + [call(w, "shop", "", "cache.example", attempts=40, answered=40) for w in range(END)]
    counters = [
        signal(w, "cache", name, value)
        for w in range(END)
        for lost in (CALM <= w < CALM + BAD,)
        for name, value in (("cache_hits", hits if lost else 900), ("cache_misses", 1000 - hits if lost else 100))
    ]
    assert [herding.component for herding in restart_herd(windows(END, calls, counters))] == found


@pytest.mark.parametrize(("lasted", "found"), [(1, 0), (2, 1)])
def test_what_is_over_within_a_minute_drained_by_itself(lasted: int, found: int) -> None:
    """Of few requests two windows are added up, so that one bad window shows in two of the sums."""
    bad = range(CALM, CALM + lasted)
    late = {"errors_deadline": 90, "wasted": 90}
    rows = [row for w in range(END) for row in (asks(w, asked=100, **late) if w in bad else asks(w, asked=10))]
    assert len(restart_herd(windows(END, rows))) == found


def test_a_herd_that_lasts_has_no_end_and_does_not_become_the_usual() -> None:
    end = 10 * CALM
    (found,) = restart_herd(windows(end, story(herd, end, end)))
    assert (found.started_at, found.ended_at) == (at(CALM), None)


def lost(search: dict[str, int]) -> Story:
    """The shop's search fails, and the settings are asked in its place, which they do not bear."""

    def bad(window: int) -> Iterator[Row]:
        yield from asks(window, asked=200, errors_deadline=180, wasted=180)
        yield call(window, "shop", "" if search else "search", "search.example", **{"attempts": 160, **search})

    return bad


def searching(window: int) -> Iterator[Row]:
    yield from calm(window)
    yield call(window, "shop", "search", "search.example", attempts=160)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"errors_connect": 160}, []),
        ({"errors_dns_nxdomain": 160}, []),
        ({"attempts": 480, "originals": 160, "errors_deadline": 480}, []),
        ({"errors_connect": 20}, ["settings"]),
        ({}, ["settings"]),
    ],
    ids=["refused", "no such name", "late, tried three times", "a few are refused", "all is well"],
)
def test_who_is_asked_in_place_of_another_that_fails_is_asked_by_no_herd(
    search: dict[str, int], found: list[str]
) -> None:
    """To slow down instances that start would help nobody: none started."""
    rows = [row for w in range(END) for row in (lost(search)(w) if CALM <= w < CALM + BAD else searching(w))]
    assert [herding.component for herding in restart_herd(windows(END, rows))] == found


def test_two_callees_that_one_herd_drowns_do_not_excuse_each_other() -> None:
    def both(window: int) -> Iterator[Row]:
        drowned = CALM <= window < CALM + BAD
        late = {"errors_deadline": 180, "wasted": 180} if drowned else {}
        yield call(window, "", "shop", attempts=40)
        for name in ("settings", "keys"):
            yield call(window, "shop", name, f"{name}.example", attempts=200 if drowned else 40, **late)

    rows = [row for w in range(END) for row in both(w)]
    assert [herding.component for herding in restart_herd(windows(END, rows))] == ["keys", "settings"]


@pytest.mark.parametrize("counters", [True, False])
def test_where_counters_alone_tell_of_a_herd_it_may_be_retries_as_well(counters: bool) -> None:
    rows = [{**row, "example_trace": ""} if counters else row for row in story(herd)]
    spots = " ".join(spot.statement for spot in analyze(windows(END, rows), SUMMARY).blind_spots)
    assert ("whether settings met a herd that restarted, or retries, cannot be told" in spots) == counters
