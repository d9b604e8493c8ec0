"""What its caller can do without is no cause of what users meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, call, change, windows

BAD, WELL, END = 30, 45, 60


def explained(rows: Iterator[Row], *changes: Row) -> Incident:
    (incident,) = analyze(windows(END, rows, (), changes), SUMMARY).incidents
    return incident


def beside(how: str, of: int, needed: int) -> Iterator[Row]:
    """Some of the shop's requests fail by the ledger; calls to a cache fail as well, of so many that each makes."""
    for window in range(END):
        bad = BAD <= window < WELL
        yield call(window, "", "shop", attempts=400, errors_server=needed * bad)
        yield call(window, "shop", "ledger", "ledger.example", attempts=400, errors_server=needed * bad)
        cached, lost = ("", {f"errors_{how}": of}) if bad else ("cache", {})
        yield call(window, "shop", cached, "cache.example", attempts=of, **lost)


@pytest.mark.parametrize("how", ["connect", "dns_nodata", "dns_nxdomain"])
def test_calls_that_fail_without_their_caller_are_not_what_users_failed_for(how: str) -> None:
    incident = explained(beside(how, of=400, needed=60))
    assert incident.trigger.component == "ledger"
    assert incident.dns.role != "root"
    assert "cache" in {candidate.service for candidate in incident.candidates}


def test_where_as_many_requests_failed_as_calls_it_may_be_either() -> None:
    assert explained(beside("connect", of=60, needed=60)).trigger.confidence < 0.8


def far_below() -> Iterator[Row]:
    """The tips can be done without: their store is gone, and nobody fails but the tips; the ledger fails users."""
    for window in range(END):
        bad = BAD <= window < WELL
        yield call(window, "", "shop", attempts=400, errors_server=60 * bad)
        yield call(window, "shop", "ledger", "ledger.example", attempts=400, errors_server=60 * bad)
        yield call(window, "shop", "tips", "tips.example", attempts=400, errors_server=400 * bad)
        yield call(window, "tips", "" if bad else "store", "store.example", attempts=400, errors_connect=400 * bad)


def test_nor_is_what_those_fail_for_that_can_be_done_without() -> None:
    assert explained(far_below()).trigger.component == "ledger"


def renamed(client: str) -> Iterator[Row]:
    """From a release on, calls go to a host that nobody called before, and that nothing answers."""
    for window in range(END):
        bad = BAD <= window < WELL
        yield call(window, "", "shop", attempts=40, errors_server=40 * bad)
        yield call(window, "shop", client, f"{client}.example", attempts=40, errors_server=40 * bad)
        gone = {"errors_dns_nxdomain": 40} if bad else {}
        peer = "store-new.example" if bad else "store.example"
        yield call(window, client, "" if bad else "store", peer, attempts=40, **gone)


@pytest.mark.parametrize("released", [True, False])
def test_a_host_that_nobody_called_before_is_the_mistake_of_who_was_released_and_calls_it(released: bool) -> None:
    incident = explained(renamed("cart"), *([change(BAD - 0.5, "deploy", "cart", "ci", 2)] if released else []))
    named = ("cart", "bad_release") if released else ("store-new.example", "dns.nxdomain")
    assert (incident.trigger.component, incident.trigger.kind) == named
    assert (incident.dns.role, incident.trigger.confidence < 0.8) == ("symptom" if released else "root", not released)


def of_one(how: str) -> Iterator[Row]:
    """The checkout fails to reach the cart, and the shop, by the same name, does not."""
    for window in range(END):
        lost = 30 * (BAD <= window < WELL)
        yield call(window, "", "shop", attempts=200, errors_server=lost)
        yield call(window, "shop", "checkout", "checkout.example", attempts=40, errors_server=lost)
        yield call(window, "shop", "cart", "cart.example", attempts=160)
        yield call(window, "checkout", "cart", "cart.example", attempts=40 - lost)
        yield call(window, "checkout", "", "cart.example", attempts=lost, **{f"errors_{how}": lost})


@pytest.mark.parametrize("how", ["connect", "deadline", "dns_nxdomain"])
def test_what_fails_one_caller_alone_is_rather_the_callee_and_not_surely(how: str) -> None:
    trigger = explained(of_one(how)).trigger
    assert (trigger.service, trigger.confidence < 0.8) == ("cart", True)


def test_who_resolves_a_name_as_ever_that_one_caller_cannot_is_told_beside_it() -> None:
    said = " ".join(item.statement for item in explained(of_one("dns_timeout")).evidence)
    assert (
        "could not be resolved, within 300 s of the onset; of 1,600 calls of shop by the same name 0 did: "
        "it may be the way of checkout to its resolver" in said
    )
    others = " ".join(item.statement for item in explained(of_one("connect")).evidence)
    assert "by the same name" not in others


@pytest.mark.parametrize(("released", "named"), [("checkout", "checkout"), ("cart", "cart")])
def test_if_that_caller_was_released_just_then_it_is_the_caller(released: str, named: str) -> None:
    trigger = explained(of_one("connect"), change(BAD - 0.5, "deploy", released, "ci", 2)).trigger
    assert (trigger.component, trigger.kind) == (named, "bad_release")
    assert (trigger.confidence < 0.8) == (released == "checkout")  # a coincidence, for all that is known


def one_route(answers: bool) -> Iterator[Row]:
    """By a gateway's name the shop reaches three services, one of which fails."""
    for window in range(END):
        lost = 30 * (BAD <= window < WELL)
        yield call(window, "", "shop", attempts=120, errors_server=lost)
        yield call(window, "shop", "cart", "gate.example", attempts=40)
        yield call(window, "shop", "stock", "gate.example", attempts=40)
        yield call(
            window, "shop", "orders", "gate.example", attempts=40 - lost * (not answers), errors_server=lost * answers
        )
        yield call(
            window, "shop", "", "gate.example", attempts=lost * (not answers), errors_connect=lost * (not answers)
        )


@pytest.mark.parametrize("answers", [True, False])
def test_other_calls_of_the_same_caller_are_no_other_caller(answers: bool) -> None:
    trigger = explained(one_route(answers), change(BAD - 0.5, "deploy", "shop", "ci", 2)).trigger
    assert trigger.component == "orders"


@pytest.mark.parametrize("how", ["connect", "deadline", "server", "dns_nodata"])
def test_a_callee_whose_failures_second_tries_save_in_part_is_the_cause_of_the_rest(how: str) -> None:
    def retried() -> Iterator[Row]:
        for window in range(END):
            bad = BAD <= window < WELL
            yield call(window, "", "shop", attempts=400, errors_server=50 * bad)
            tries = {"originals": 400, f"errors_{how}": 350 * bad}
            yield call(
                window,
                "shop",
                "ledger" if how == "server" or not bad else "",
                "ledger.example",
                attempts=700 if bad else 400,
                **tries,
            )

    assert explained(retried()).trigger.service == "ledger"


def test_a_callee_that_a_cache_stands_in_for_in_part_is_the_cause_of_the_rest() -> None:
    def cached() -> Iterator[Row]:
        for window in range(END):
            bad = BAD <= window < WELL
            yield call(window, "", "shop", attempts=400, errors_server=120 * bad)
            yield call(window, "shop", "ledger", "ledger.example", attempts=400, errors_server=300 * bad)

    assert explained(cached()).trigger.component == "ledger"
