"""Whether users ask for more: repeats from above, and what follows from them, are no users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from epicenter.detectors.demand import grown
from tests.detectors.frames import Row, at, call, windows

BAD, END = 20, 30


def asked_more(rows: list[Row], node: str = "store") -> bool:
    seen = windows(END, rows)
    names = seen.edges.names
    return grown(seen, (names["server"] == node) | (names["peer"] == f"{node}.example"), (at(BAD), at(END)), at(BAD))


def users(before: int, during: int) -> Iterator[tuple[int, int, bool]]:
    return ((w, during if w >= BAD else before, w >= BAD) for w in range(END))


@pytest.mark.parametrize(("again", "more"), [(True, False), (False, True)])
def test_a_caller_far_above_that_asks_again_is_no_more_users(again: bool, more: bool) -> None:
    rows: list[Row] = []
    for w, tries, bad in users(20, 40):
        first = 20 if again else tries
        rows += [
            call(w, "", "door", "", first),
            call(w, "door", "page", "page.example", tries, originals=first),
            call(w, "page", "" if bad else "store", "store.example", tries),
        ]
    assert asked_more(rows) is more


def test_repeats_that_never_got_in_take_nothing_from_what_users_ask() -> None:
    """Half of the door's attempts are refused before the page sees them, and made again."""
    rows: list[Row] = []
    for w, count, bad in users(40, 80):
        rows += [
            call(w, "", "door", "", count),
            call(w, "door", "page", "page.example", count, originals=count // 2 if bad else count),
            call(w, "page", "" if bad else "store", "store.example", count),
        ]
        if bad:
            rows.append(call(w, "door", "", "page.example", count, originals=count // 2, errors_connect=count))
    assert asked_more(rows)


@pytest.mark.parametrize(("again", "more"), [(True, False), (False, True)])
def test_repeats_of_the_few_requests_that_lead_to_a_node_are_no_more_users(again: bool, more: bool) -> None:
    """Every fourth request leads to the store, and only these fail and are made again."""
    rows: list[Row] = []
    for w, tries, bad in users(25, 100):
        first = 25 if again else tries
        rows += [
            call(w, "", "door", "", 75 + first),
            call(w, "door", "page", "page.example", 75 + tries, originals=75 + first, errors_server=tries * bad),
            call(w, "page", "" if bad else "store", "store.example", tries, errors_server=tries * bad),
        ]
    assert asked_more(rows) is more


@pytest.mark.parametrize(("page", "back"), [("aa", "bb"), ("bb", "aa")])
def test_services_that_call_each_other_are_judged_alike_whatever_their_names(page: str, back: str) -> None:
    rows: list[Row] = []
    for w, count, bad in users(20, 40):
        rows += [
            call(w, "", "door", "", 20),
            call(w, "door", page, f"{page}.example", count, originals=20),
            call(w, page, back, f"{back}.example", 3 * count),
            call(w, back, page, f"{page}.example", count),
            call(w, back, "" if bad else "store", "store.example", count),
        ]
    assert not asked_more(rows)


def test_a_chain_is_followed_to_its_end() -> None:
    rows: list[Row] = []
    chain = [f"s{n:02d}" for n in range(40)]
    for w, count, _ in users(20, 40):
        rows += [call(w, "", "door", "", 20), call(w, "door", "s00", "s00.example", count, originals=20)]
        rows += [call(w, one, other, f"{other}.example", count) for one, other in pairwise(chain)]
    assert not asked_more(rows, chain[-1])


def test_who_was_never_asked_before_the_outage_is_not_asked_more() -> None:
    seen = windows(END, [call(w, "", "door") for w in range(END)])
    names = seen.edges.names
    assert not grown(seen, names["server"] == "door", (at(0), at(END)), at(0))


@pytest.mark.parametrize(
    ("since", "of", "more"),
    [(BAD, 60, True), (BAD - 1, 60, True), (BAD + 1, 60, False), (BAD + 4, 60, False), (BAD + 1, 4, True)],
    ids=["as it fails", "just before", "just after", "two minutes after", "too few calls to tell"],
)
def test_users_who_load_a_page_again_because_it_is_slow_are_not_why(since: int, of: int, more: bool) -> None:
    rows = [call(w, "", "store", "", 3 * of if w >= since else of) for w in range(END)]
    assert asked_more(rows) is more


def test_a_surge_that_is_over_as_the_first_call_fails_may_be_why() -> None:
    """The queue that it left is worked off while as many as ever come; they come again later."""
    counts = [200 if w == BAD - 2 or w > BAD else 60 for w in range(END)]
    assert asked_more([call(w, "", "store", "", count) for w, count in enumerate(counts)])


def test_counters_do_not_tell_whether_growth_came_first() -> None:
    rows = [call(w, "desk", "store", "store.example", 180 if w > BAD else 60, example_trace="") for w in range(END)]
    assert asked_more(rows)


@pytest.mark.parametrize("load", [lambda w: 20 if w < 8 else 60, lambda w: 40 if w // 5 % 2 else 90])
def test_what_is_asked_for_in_many_windows_is_no_growth(load: Callable[[int], int]) -> None:
    assert not asked_more([call(w, "", "store", "", load(w)) for w in range(END)])


def test_a_surge_that_lasts_some_windows_before_its_node_gives_in_does_not_become_the_usual() -> None:
    rows = [call(w, "", "store", "", 20 if w < BAD - 4 else 120 if w < BAD else 45) for w in range(END)]
    assert asked_more(rows)
