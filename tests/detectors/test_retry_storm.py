"""A storm is told from a surge, from a plain failure and from repeats that harm nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from epicenter.detectors.base import Finding
from epicenter.detectors.retry_storm import persist_s, retry_storm
from tests.detectors.frames import Row, at, call, gauge, put, windows

CALM, BAD, END = 30, 20, 60


def calm(window: int) -> Row:
    return call(window, "shop", "pay", "pay.example", attempts=100)


def storm(window: int) -> Row:
    return call(window, "shop", "pay", "pay.example", attempts=390, originals=100, errors_deadline=370, wasted=350)


def surge(window: int) -> Row:
    """Three times the requests, each tried once: half of them time out."""
    return call(window, "shop", "pay", "pay.example", attempts=300, originals=300, errors_deadline=200, wasted=200)


def fast_failures(window: int) -> Row:
    """Four attempts for each request, and none of them arrives."""
    return call(window, "shop", "", "pay.example", attempts=400, originals=100, errors_dns_nodata=400)


def plain_failure(window: int) -> Row:
    """A bad release: the callee answers every attempt with an error at once."""
    return call(window, "shop", "pay", "pay.example", attempts=300, originals=100, errors_server=300)


def never_answered(window: int) -> Row:
    """Connections are refused all the time, whatever is tried: no server was ever seen behind the name."""
    return call(window, "shop", "", "mail.example", attempts=400, originals=100, errors_connect=400)


def lost_on_the_way(window: int) -> Row:
    """Repeats of a network that drops most of them: the callee meets as many as ever."""
    return call(window, "shop", "pay", "pay.example", attempts=390, originals=100, answered=100, errors_deadline=370)


def budget_held(window: int) -> Row:
    return call(window, "shop", "pay", "pay.example", attempts=110, originals=100, errors_deadline=90, wasted=90)


def story(bad: Callable[[int], Row]) -> list[Row]:
    return [bad(i) if CALM <= i < CALM + BAD else calm(i) for i in range(END)]


def test_a_storm_is_found_with_its_edge_its_window_and_its_amplification() -> None:
    (found,) = retry_storm(windows(END, story(storm)))
    assert (found.component, found.edges) == ("pay", (("shop", "pay"),))
    assert (found.started_at, found.ended_at) == (at(CALM), at(CALM + BAD))
    assert found.facts["amplification"] == pytest.approx(3.9)
    assert "3.9 attempts for each request" in found.evidence[0].statement


@pytest.mark.parametrize("bad", [surge, fast_failures, plain_failure, lost_on_the_way, budget_held])
def test_what_is_no_storm_is_not_called_one(bad: Callable[[int], Row]) -> None:
    assert retry_storm(windows(END, story(bad))) == []


@pytest.mark.parametrize(("users", "storms"), [(100, 1), (300, 0)])
def test_repeats_of_three_times_the_users_are_a_surge_and_no_storm(users: int, storms: int) -> None:
    """However many of them one caller holds back."""
    entered = [call(i, "", "shop", attempts=users if CALM <= i < CALM + BAD else 100) for i in range(END)]
    assert len(retry_storm(windows(END, [*entered, *story(storm)]))) == storms


@pytest.mark.parametrize("rows", [[], [never_answered(i) for i in range(END)]], ids=["no calls", "nobody answers"])
def test_without_a_callee_that_answers_there_is_no_storm(rows: list[Row]) -> None:
    assert retry_storm(windows(END, rows)) == []


def test_a_storm_that_lasts_has_no_end() -> None:
    rows = [calm(i) if i < CALM else storm(i) for i in range(END)]
    (found,) = retry_storm(windows(END, rows))
    assert found.ended_at is None


def test_a_storm_longer_than_the_calm_before_it_is_not_taken_for_the_usual() -> None:
    end = CALM + 10 * CALM
    rows = [calm(i) if i < CALM or i >= end - CALM else storm(i) for i in range(end)]
    (found,) = retry_storm(windows(end, rows))
    assert (found.started_at, found.ended_at) == (at(CALM), at(end - CALM))


def test_callees_of_which_none_sends_spans_are_looked_at_by_their_names() -> None:
    assert retry_storm(windows(END, [call(i, "shop", "", "pay.example", attempts=100) for i in range(END)])) == []


@pytest.mark.parametrize(("late", "known"), [(370, 2.0), (340, None)])
def test_the_time_out_is_told_by_calls_that_nearly_all_ran_out_of_time(late: int, known: float | None) -> None:
    def storm_of_two_seconds(window: int) -> Row:
        return dict(storm(window)) | {"errors_deadline": late, "client_ns": 390 * 2 * 10**9}

    (found,) = retry_storm(windows(END, story(storm_of_two_seconds)))
    assert found.facts.get("timeout_s") == known


@pytest.mark.parametrize(("age_s", "said"), [(20.0, True), (1.0, False)])
def test_a_queue_older_than_the_time_out_of_its_callers_is_told(age_s: float, said: bool) -> None:
    rows = story(lambda window: dict(storm(window)) | {"client_ns": 390 * 2 * 10**9})
    ages = put([0.1] * END, CALM, [age_s] * BAD)
    (found,) = retry_storm(windows(END, rows, gauge("pay", "queue_age_s", ages)))
    told = "the oldest work in pay's queue was 20 s old, where its callers give up after 2.0 s"
    assert [e.statement for e in found.evidence[1:]] == [told] * said


@pytest.mark.parametrize(
    ("facts", "window_s", "needed"), [({}, 10, 60), ({"timeout_s": 30.0}, 10, 150), ({"timeout_s": 1.0}, 10, 30)]
)
def test_what_outlives_the_trigger_by_five_time_outs_holds_by_itself(
    facts: dict[str, float], window_s: int, needed: float
) -> None:
    storm = Finding(
        started_at=at(0),
        ended_at=None,
        detector="retry_storm",
        kind="retry_storm",
        component="pay",
        score=1.0,
        evidence=(),
        facts=dict(facts),
    )
    assert persist_s(replace(windows(END), window_s=window_s), storm) == needed
