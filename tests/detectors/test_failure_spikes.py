"""Services that begin to answer with errors, and callees that nobody reaches any more."""

from __future__ import annotations

import pytest

from epicenter.detectors.failure_spikes import failure_spikes
from tests.detectors.frames import Row, at, call, windows
from tests.detectors.stories import calm, name_gone, process_gone

END = 60


def served(start: int, end: int, failed: int, of: int = 20, **counts: int) -> list[Row]:
    """Calls of the shop that the cart answers, `failed` of them with an error, in each window."""
    return [
        call(window, "shop", "cart", "cart.example", of, errors_server=failed, **counts) for window in range(start, end)
    ]


def lost(start: int, end: int, failed: int, how: str = "connect", of: int = 20, **counts: int) -> list[Row]:
    """Calls of the shop to the cart that nobody answers, `failed` of them with an error, in each window."""
    words: dict[str, int] = {f"errors_{how}": failed} | counts
    return [call(window, "shop", "", "cart.example", of, **words) for window in range(start, end)]


def seen(rows: list[Row], end: int = END) -> list[tuple[str, str]]:
    return [(found.kind, found.component) for found in failure_spikes(windows(end, rows))]


def test_a_service_that_answers_with_errors_is_found_with_its_callers_and_its_window() -> None:
    rows = [*calm(0, 20), *served(20, 30, 15), *calm(30, END)]
    (found,) = failure_spikes(windows(END, rows))
    assert (found.kind, found.component, found.edges) == ("failure_spike", "cart", (("shop", "cart"),))
    assert (found.started_at, found.ended_at) == (at(20), at(30))
    assert found.evidence[0].statement.startswith("cart failed 150 of 200 requests that reached it: 75% against")
    assert found.evidence[0].traces


def test_a_callee_that_nobody_reaches_is_found_by_its_own_name_and_not_its_hosts() -> None:
    rows = [*calm(0, 20), *process_gone(20, 30), *calm(30, END)]
    unreached = [f for f in failure_spikes(windows(END, rows)) if f.kind == "unreachable"]
    assert [(f.component, f.started_at, f.ended_at) for f in unreached] == [("cart", at(20), at(30))]
    assert unreached[0].edges == (("shop", "cart"),)
    assert unreached[0].evidence[0].statement.startswith("400 calls to cart got no answer (mostly refused or unreach")


@pytest.mark.parametrize(
    ("how", "words"), [("connect", "refused or unreachable"), ("deadline", "timed out"), ("other", "failed")]
)
def test_how_a_callee_was_not_reached_is_said(how: str, words: str) -> None:
    (found,) = failure_spikes(windows(END, [*served(0, 20, 0), *lost(20, END, 20, how)]))
    assert f"(mostly {words})" in found.evidence[0].statement


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [*calm(0, END)],
        [call(window, "shop", "cart") for window in range(END)],
        served(0, END, 6),
        served(0, END, 3, of=100),
        lost(0, END, 5),
        lost(0, END, 0),
        [*calm(0, 20), *(row for row in name_gone(20, 30) if row["client"] == "cart"), *calm(30, END)],
        [*served(0, 20, 0), *served(20, 30, 30, of=60, originals=30), *served(30, END, 0)],
    ],
    ids=[
        "no calls",
        "one failure in two hundred",
        "callers that name no host",
        "a third fails all the time",
        "3 % fail all the time",
        "a quarter is lost all the time",
        "a callee without spans looks unanswered and is well",
        "a name that does not resolve says nothing of who stands behind it",
        "every first attempt fails and every second succeeds",
    ],
)
def test_what_is_no_rise_stays_silent(rows: list[Row]) -> None:
    assert seen(rows) == []


def test_requests_that_fail_with_all_their_repeats_are_counted_once() -> None:
    rows = [*served(0, 20, 0), *served(20, 30, 60, of=60, originals=20), *served(30, END, 0)]
    (found,) = failure_spikes(windows(END, rows))
    assert found.evidence[0].statement.startswith("cart failed 200 of 200 requests")


@pytest.mark.parametrize(("failed", "found"), [(5, []), (6, [("failure_spike", "cart")])])
def test_six_failures_in_a_row_are_needed_where_nothing_failed_before(
    failed: int, found: list[tuple[str, str]]
) -> None:
    assert seen([*served(0, 40, 0), *served(40, 41, failed, of=failed), *served(41, END, 0)]) == found


def test_calls_whose_name_did_not_resolve_do_not_hide_that_the_others_are_lost() -> None:
    (found,) = failure_spikes(windows(END, [*served(0, 20, 0), *lost(20, END, 5, errors_dns_nodata=15)]))
    assert "100% of the calls against" in found.evidence[0].statement


def test_repeats_of_one_lost_request_are_one_witness() -> None:
    assert seen([*served(0, 40, 0), *lost(40, 41, 20), *served(41, END, 0)]) == [("unreachable", "cart")]
    assert seen([*served(0, 40, 0), *lost(40, 41, 20, originals=4), *served(41, END, 0)]) == []


def test_what_still_fails_at_the_end_of_the_data_has_no_end() -> None:
    (found,) = failure_spikes(windows(END, [*served(0, 40, 0), *served(40, END, 15)]))
    assert (found.started_at, found.ended_at) == (at(40), None)
