"""What passes calls on is told from those who answer them in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, call, change, windows

BAD, WELL, END = 30, 45, 60
BEHIND = ("cart", "orders", "stock")
NAME = "edge.example"


def explained(calls: Iterable[Row], changes: Iterable[Row] = ()) -> Incident:
    (incident,) = analyze(windows(END, calls, (), changes), SUMMARY).incidents
    return incident


def estate(
    fails: Callable[[int, str], Iterator[Row]], name: str = NAME, direct: Iterable[str] = BEHIND, by: str = "till"
) -> Iterator[Row]:
    """Users reach the shop, which calls three services by one name; the till calls some of them by their own.

    fails: the calls by the one name in a window, of those meant for one service, while something is wrong.
    """
    for window in range(END):
        lost = 0
        for service in BEHIND:
            rows = fails(window, service) if BAD <= window < WELL else [call(window, "shop", service, "", 40)]
            for row in rows:
                lost += row["errors"]
                yield {**row, "peer": name}
        for service in direct:
            yield call(window, by, service, f"{service}.example" if by else "", 40)
        yield call(window, "", "shop", attempts=120, errors_server=lost)


def alike(window: int, service: str) -> Iterator[Row]:
    """Most calls fail, whether they were passed on or not."""
    yield call(window, "shop", service, "", 30, errors_server=24)
    yield call(window, "shop", "", "", 10, errors_server=8)


def one_fails(window: int, service: str) -> Iterator[Row]:
    yield call(window, "shop", service, "", 40, errors_server=30 if service == "orders" else 0)


def below_fails(window: int, service: str) -> Iterator[Row]:
    """All three fail for the same store, which others use well."""
    yield call(window, "shop", service, "", 40, errors_server=24)


def test_what_fails_whoever_answers_is_the_name() -> None:
    incident = explained(estate(alike))
    assert (incident.trigger.component, incident.trigger.service) == (NAME, NAME)
    assert [step.component for step in incident.cascade if step.because_of == NAME] == ["shop"]
    told = next(item for item in incident.evidence if "whoever answered" in item.statement)
    assert f"peer = '{NAME}'" in told.query


@pytest.mark.parametrize(
    ("direct", "by", "name"),
    [
        ((), "till", NAME),
        (("cart", "stock"), "till", NAME),
        (BEHIND, "", NAME),
        (BEHIND, "till", "127.0.0.1"),
        (BEHIND, "till", "localhost"),
        (BEHIND, "till", "orders.example"),
    ],
    ids=["nobody else calls them", "nor one", "only probes do", "one machine", "by its name", "the name of one"],
)
def test_where_it_may_as_well_be_they_the_name_is_not_blamed(direct: tuple[str, ...], by: str, name: str) -> None:
    assert explained(estate(alike, name, direct, by)).trigger.component in BEHIND


def test_one_that_fails_by_itself_is_no_fault_of_the_name() -> None:
    assert explained(estate(one_fails)).trigger.component == "orders"


@pytest.mark.parametrize("answers", [True, False])
def test_what_those_behind_fail_by_is_below_the_name_too(answers: bool) -> None:
    store = [
        call(w, service, "" if bad and not answers else "store", "store.example", 40, errors_server=24 * bad)
        for w in range(END)
        for bad in (BAD <= w < WELL,)
        for service in BEHIND
    ]
    assert explained([*estate(below_fails), *store]).trigger.component == "store"


def test_services_that_are_released_together_fail_together() -> None:
    changes = [change(BAD - 0.5, "deploy", service, "ci", 2) for service in BEHIND]
    assert explained(estate(alike), changes).trigger.component in BEHIND
