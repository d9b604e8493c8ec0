"""What retries did not do: a budget that held, and failures too quick for their repeats to overload anybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, call, windows
from tests.detectors.stories import NAME, calm

END, BAD = 60, range(30, 45)


def said(before: tuple[int, int] = (40, 0), /, **counts: int) -> list[str]:
    """What is told of retries after an outage of the prices, of which the cart's calls are as told.

    before: attempts of 40 requests in each window before, and how many of the attempts failed.
    """
    attempts, errors = before
    well = [row for row in calm(0, 30) if (row["client"], row["peer"]) != ("cart", NAME)]
    well += [
        call(w, "cart", "prices", NAME, attempts=attempts, originals=40, answered=attempts, errors_server=errors)
        for w in range(30)
    ]

    def outage() -> Iterator[Row]:
        for window in BAD:
            yield call(window, "", "shop", attempts=40, errors_server=36)
            yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=36)
            yield call(window, "cart", "prices" if counts.get("answered") else "", NAME, **counts)

    (incident,) = analyze(windows(END, [*well, *outage(), *calm(45, END)]), SUMMARY).incidents
    assert not incident.sustaining
    return [item.statement for item in incident.evidence if item.id in incident.retries]


HELD = {"attempts": 44, "originals": 40, "answered": 44, "errors_deadline": 40, "wasted": 40}


def test_a_budget_that_held_is_told_with_its_share_where_single_failures_were_repeated() -> None:
    assert said((42, 2), **HELD) == [
        "cart's retries to prices were held to 10% of its requests, though 91% of its attempts failed"
    ]


@pytest.mark.parametrize("before", [(40, 0), (41, 8)], ids=["nothing failed", "few failures were repeated"])
def test_a_client_that_may_never_repeat_many_is_not_said_to_be_held(before: tuple[int, int]) -> None:
    assert said(before, **HELD) == [
        "cart made repeats for 10% of its requests to prices, though 91% of its attempts failed"
    ]


def test_repeats_that_are_lost_on_the_way_are_told_to_overload_nobody() -> None:
    assert said(attempts=160, originals=40, errors_dns_nxdomain=160) == [
        "cart made 4.0 attempts for each request to prices, which overloaded nobody: they failed on the way"
    ]


def test_repeats_that_are_answered_at_once_are_told_to_overload_nobody() -> None:
    assert said(attempts=120, originals=40, answered=120, errors_server=120) == [
        "cart made 3.0 attempts for each request to prices, which overloaded nobody: they were answered at once"
    ]


@pytest.mark.parametrize(
    "counts",
    [
        {"attempts": 40, "originals": 40, "answered": 40, "errors_server": 36},
        {"attempts": 56, "originals": 40, "answered": 56, "errors_server": 52},
        {"attempts": 120, "originals": 40, "answered": 120, "errors_server": 120, "client_ns": 360 * 10**9},
        {"attempts": 100, "originals": 40, "answered": 100, "errors_server": 30},
    ],
    ids=["nobody repeats", "neither held nor many", "answers that take seconds", "most attempts are well"],
)
def test_what_tells_nothing_of_retries_is_not_told(counts: dict[str, int]) -> None:
    assert said(**counts) == []
