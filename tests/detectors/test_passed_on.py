"""Of calls by a name that several services answer it is told which end of it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Trigger
from tests.detectors.frames import SUMMARY, Row, call, windows

BAD, WELL, END = 30, 45, 60
BEHIND = ("cart", "orders", "stock")
NAME = "edge.example"


def trigger(calls: Iterable[Row]) -> Trigger:
    (incident,) = analyze(windows(END, calls), SUMMARY).incidents
    return incident.trigger


def estate(fails: Callable[[str], Iterator[Row]], direct: Iterable[str] = BEHIND, each: int = 40) -> Iterator[Row]:
    """Users reach the shop, which calls three services by one name; the till calls some of them by their own.

    fails: the calls by the one name in a window, of those meant for one service, while something is wrong.
    """
    for window in range(END):
        down = BAD <= window < WELL
        lost = 0
        for service in BEHIND:
            rows = [*fails(service)] if down else [call(0, "shop", service, NAME, each)]
            lost += sum(row["errors"] for row in rows)
            yield from ({**row, "window": call(window, "", "")["window"]} for row in rows)
        for service in direct:
            yield call(window, "till", service, f"{service}.example", each)
        yield call(window, "", "shop", attempts=3 * each, errors_server=lost)


def alike(service: str) -> Iterator[Row]:
    """Most calls fail, whether they were passed on or not."""
    yield call(0, "shop", service, NAME, 30, errors_server=24)
    yield call(0, "shop", "", NAME, 10, errors_server=8)


def stopped(service: str) -> Iterator[Row]:
    """One of the services is no longer there; whoever passes calls on says so."""
    if service == "orders":
        yield call(0, "shop", "", NAME, 40, errors_server=40)
    else:
        yield call(0, "shop", service, NAME, 40)


def nothing_passes(_service: str) -> Iterator[Row]:
    yield call(0, "shop", "", NAME, 40, errors_connect=40)


def one_fails(service: str) -> Iterator[Row]:
    yield call(0, "shop", service, NAME, 40, errors_server=30 if service == "orders" else 0)


@pytest.mark.parametrize(
    ("fails", "direct", "told"),
    [
        (alike, BEHIND, NAME),
        (nothing_passes, BEHIND, NAME),
        (nothing_passes, (), NAME),
        (stopped, (), "orders"),
        (one_fails, (), "orders"),
        (one_fails, ("cart", "stock"), "orders"),
    ],
    ids=["all alike", "nothing passes", "nor is called otherwise", "one is gone", "one fails", "and is called by none"],
)
def test_what_passes_calls_on_is_told_from_those_behind_it(
    fails: Callable[[str], Iterator[Row]], direct: tuple[str, ...], told: str
) -> None:
    found = trigger(estate(fails, direct))
    assert found.component == told
    assert found.confidence > 0.5


def test_where_those_behind_are_called_by_nobody_else_a_failure_of_all_of_them_is_not_surely_the_names() -> None:
    (incident,) = analyze(windows(END, estate(alike, ())), SUMMARY).incidents
    assert incident.verdict == "unknown"


def test_on_a_machine_with_many_ports_each_caller_means_the_only_one_that_answers_it() -> None:
    def calls() -> Iterator[Row]:
        for window in range(END):
            gone = 40 if BAD <= window < WELL else 0
            yield call(window, "", "shop", attempts=40, errors_server=gone)
            yield call(window, "", "till", attempts=80)
            yield call(window, "till", "cart", "localhost", 80)
            if gone:
                yield call(window, "shop", "", "localhost", gone, errors_connect=gone)
            else:
                yield call(window, "shop", "orders", "localhost", 40)

    assert trigger(calls()).component == "orders"


def test_a_service_under_two_names_of_its_own_is_none_that_passes_calls_on() -> None:
    """A stray trace shows another service below one call in a hundred."""

    def calls() -> Iterator[Row]:
        for window in range(END):
            gone = 40 if BAD <= window < WELL else 0
            yield call(window, "", "shop", attempts=40, errors_server=gone)
            yield call(window, "shop", "" if gone else "orders", "orders-v2.example", 40, errors_connect=gone)
            if window == 3:
                yield call(window, "shop", "mail", "orders-v2.example", 10)

    assert trigger(calls()).component == "orders"
