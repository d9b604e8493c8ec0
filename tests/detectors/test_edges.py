"""The edges on which time ran out, with what each counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from epicenter.collector.model import Windows
from epicenter.detectors.edges import LEAST_REQUESTS, late_edges, usual
from epicenter.detectors.graph import callees
from tests.detectors.frames import Row, call, windows

END = 20


def estate(*, attempts: int = 40) -> Windows:
    """The shop calls the cart, which is late in window 10, and the mail, which never is; the cart calls a store that
    sends no spans."""

    def rows() -> Iterator[Row]:
        for window in range(END):
            late = 8 if window == 10 else 0
            yield call(window, "", "shop", attempts=attempts)
            yield call(window, "shop", "cart", "cart.example", attempts=attempts, errors_deadline=late)
            yield call(window, "shop", "cart", "cart.internal", attempts=2)
            yield call(window, "shop", "mail", "mail.example", attempts=attempts, errors_server=late)
            yield call(
                window, "cart", "", "store.example", attempts=10, errors_deadline=late // 2, errors_dns_nodata=late // 4
            )

    return windows(END, rows())


def test_only_edges_over_which_time_ran_out_are_told_with_all_of_their_calls() -> None:
    found = {(edge.client, edge.callee): edge for edge in late_edges(estate())}
    assert set(found) == {("shop", "cart"), ("cart", "store.example")}
    assert found["shop", "cart"]["attempts"].tolist() == [42.0] * END  # over both of its names
    assert found["shop", "cart"]["errors_deadline"].sum() == 8
    assert found["shop", "cart"]["reached"].tolist() == [42.0] * END


def test_who_sends_no_spans_is_reached_by_what_a_name_or_a_connection_did_not_stop() -> None:
    edge = next(edge for edge in late_edges(estate()) if edge.callee == "store.example")
    assert edge.width == 2
    single = np.full(END, 10.0)
    single[10] -= 2
    assert edge["reached"].tolist() == (single + np.concatenate(([0.0], single[:-1]))).tolist()


@pytest.mark.parametrize(("attempts", "width"), [(40, 1), (8, 2), (3, 4), (0, 4)])
def test_windows_are_added_up_until_they_hold_enough_requests(attempts: int, width: int) -> None:
    edge = next(edge for edge in late_edges(estate(attempts=attempts)) if edge.callee == "cart")
    assert edge.width == width
    assert edge["originals"][5] == min(width, 6) * (attempts + 2)
    assert width == 4 or edge["originals"][5] >= LEAST_REQUESTS


def test_rows_in_any_order_make_the_same_edges() -> None:
    seen = estate()
    other = replace(seen, calls=seen.calls.sample(frac=1, random_state=1))
    for one, two in zip(late_edges(seen), late_edges(other), strict=True):
        assert (one.client, one.callee, one.width) == (two.client, two.callee, two.width)
        assert all(np.array_equal(one[name], two[name]) for name in one.counts)


def test_an_unanswered_attempt_is_booked_on_whom_the_name_answered_for_or_on_the_name() -> None:
    seen = windows(
        1,
        [
            call(0, "shop", "cart", "cart.example"),
            call(0, "shop", "", "cart.example"),
            call(0, "shop", "", "nobody.example"),
        ],
    )
    assert callees(seen)[seen.edges.of].tolist() == ["cart", "cart", "nobody.example"]


def test_a_call_to_nobody_by_no_name_is_over_no_edge() -> None:
    """The shop calls the cart by no name either; what the mailer's calls were for, nothing tells."""
    seen = windows(2, [call(0, "shop", "cart", errors_deadline=20), call(1, "mailer", "", errors_deadline=20)])
    assert [(edge.client, edge.callee) for edge in late_edges(seen)] == [("shop", "cart")]


def test_an_estate_in_time_has_none() -> None:
    assert list(late_edges(windows(END, [call(window, "shop", "cart") for window in range(END)]))) == []


def test_what_is_usual_is_known_in_a_short_recording_too_whose_first_window_was_empty() -> None:
    counts = np.array([0.0, *[40.0] * 12, *[120.0] * 3, *[40.0] * 4])
    assert usual(counts, np.ones(END, np.bool_))[10:].tolist() == [40.0] * 10
