"""What passes calls on is told from those who answer them in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import START, SUMMARY, WINDOW_S, Row, call, change, signal, windows

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


@pytest.mark.parametrize(("every", "told"), [(4, BEHIND), (1, (NAME,))])
def test_where_no_call_by_the_name_is_good_ten_good_ones_by_others_tell_that_those_behind_are_well(
    every: int, told: tuple[str, ...]
) -> None:
    """Ten windows are judged, in each of which or in every fourth is one such call."""
    seldom = range(0, END, every)
    few = [call(window, "till", service, f"{service}.example", 1) for window in seldom for service in BEHIND]
    assert explained([*estate(late, direct=()), *few]).trigger.component in told


def late(window: int, service: str) -> Iterator[Row]:
    """Whoever answers does so too late."""
    yield call(window, "shop", service, "", 40, errors_deadline=40)


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


def refused(window: int, service: str) -> Iterator[Row]:
    """Nobody answers any more, whoever it is for."""
    yield call(window, "shop", "", "", 40, errors_connect=40)


def half_refused(window: int, service: str) -> Iterator[Row]:
    yield call(window, "shop", service, "", 20)
    yield call(window, "shop", "", "", 20, errors_connect=20)


@pytest.mark.parametrize("fails", [refused, half_refused])
@pytest.mark.parametrize("direct", [BEHIND, BEHIND[:1], ()], ids=["all", "one", "none"])
def test_what_passes_calls_on_and_crashed_is_blamed_and_not_the_busiest_behind_it(
    fails: Callable[[int, str], Iterator[Row]], direct: tuple[str, ...]
) -> None:
    trigger = explained(estate(fails, direct=direct)).trigger
    assert (trigger.component, trigger.kind) == (NAME, "crash")


def test_of_how_many_calls_by_the_name_nobody_answered_is_told() -> None:
    told = [item.statement for item in explained(estate(half_refused)).evidence]
    assert any("900 calls to edge.example got no answer" in said and "50% of the calls" in said for said in told)


def test_calls_that_nobody_answers_were_for_who_is_missing() -> None:
    def one_vanished(window: int, service: str) -> Iterator[Row]:
        yield call(
            window, "shop", "" if service == "orders" else service, "", 40, errors_server=40 * (service == "orders")
        )

    assert explained(estate(one_vanished, direct=())).trigger.component == "orders"


def alone(fails: bool) -> Iterator[Row]:
    """The shop calls the ledger by another name than the till does, and that name fails; or the ledger itself does."""
    for window in range(END):
        lost = 30 * (BAD <= window < WELL)
        yield call(window, "shop", "ledger", NAME, 40 - lost)
        yield call(window, "shop", "", NAME, lost, errors_deadline=lost, unanswered_ns=lost * 10**9)
        yield call(window, "till", "ledger", "ledger.example", 40, errors_server=0 if fails else lost)
        yield call(window, "", "shop", attempts=40, errors_server=lost)


@pytest.mark.parametrize(("fails", "blamed"), [(True, NAME), (False, "ledger")])
def test_another_name_of_one_service_is_somebody_elses_where_it_fails_alone(fails: bool, blamed: str) -> None:
    assert explained(alone(fails)).trigger.component == blamed


def test_who_fails_by_the_shared_name_alone_fails_with_the_one_who_fails_everywhere() -> None:
    till = [
        call(w, "till", service, f"{service}.example", 40, errors_server=24 * (service == "stock" and BAD <= w < WELL))
        for w in range(END)
        for service in BEHIND
    ]
    incident = explained([*estate(alike, direct=()), *till])
    assert [(c.component, round(c.score)) for c in incident.candidates[:1]] == [("stock", 1)]


def test_what_passes_calls_on_to_targets_that_flap_fails_because_of_the_balancer() -> None:
    def on_the_way(window: int, service: str) -> Iterator[Row]:
        yield call(window, "shop", service, "", 40, errors_server=24)

    direct = [
        call(w, "kiosk", "" if lost else "cart", "cart.example", 16, errors_connect=lost)
        for w in range(END)
        for lost in (0, 16)
        if not lost or BAD <= w < WELL
    ]
    flips = [signal(w, "balancer-3", "health_flips", 8.0 if 24 <= w < WELL else 0.0) for w in range(END)]
    calls = [*estate(on_the_way), *direct]
    (incident,) = analyze(windows(END, calls, flips), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("balancer-3", "health_check_flapping")
    assert incident.verdict == "cascade"
    assert NAME in {candidate.component for candidate in incident.candidates}


def waited(row: Row, calls: int) -> Row:
    """Users wait for so many calls of three seconds, and nobody fails."""
    return {**row, "server_ns": row["server_ns"] + 3 * 10**9 * calls} if row["entries"] else row


@pytest.mark.parametrize(("slow", "named"), [(BEHIND, NAME), (("orders",), "orders")])
def test_a_name_is_slow_where_most_that_are_reached_by_it_are(slow: tuple[str, ...], named: str) -> None:
    def late(window: int, service: str) -> Iterator[Row]:
        wait = 3 * 10**9 if service in slow else 2_000_000
        yield call(window, "shop", service, "", 40, client_ns=40 * (wait + 10_000_000), uncovered_ns=40 * wait)

    bad = range(START + BAD * WINDOW_S, START + WELL * WINDOW_S)
    calls = [waited(row, 40 * len(slow) * (row["window"] in bad)) for row in estate(late, direct=())]
    trigger = explained(calls).trigger
    assert (trigger.component, trigger.kind) == (named, "slow")


def test_who_is_asked_as_often_as_ever_is_not_missing_where_another_is_asked_for_more() -> None:
    def surge(window: int, service: str) -> Iterator[Row]:
        if service == "cart":
            yield call(window, "shop", "cart", "", 120)
            yield call(window, "shop", "", "", 40, errors_deadline=40)
        else:
            yield call(window, "shop", service, "", 40)

    assert explained(estate(surge, direct=())).trigger.component not in ("orders", "stock")
