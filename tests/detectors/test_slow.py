"""Who is slow is named, and not whoever somebody gave up on first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Trigger
from tests.detectors.frames import SUMMARY, Row, call, change, windows

BAD, WELL, END = 30, 45, 60
CHAIN = ("shop", "ledger", "quotes", "vault")
S = 10**9


def estate(slow: str, gives_up: str, spans: bool = True) -> Iterator[Row]:
    """Each calls the next; one takes three seconds more for each call, and one runs out of time for its caller."""
    for window in range(END):
        bad = BAD <= window < WELL
        failed = 30 * bad
        yield call(window, "", "shop", attempts=40, errors_deadline=failed, server_ns=40 * (2 * S * bad + 30_000_000))
        for client, server in pairwise(CHAIN):
            late = bad and CHAIN.index(server) <= CHAIN.index(slow)
            took = 40 * (3 * S * late + 12_000_000)
            told = {"client_ns": took, "uncovered_ns": 40 * 2_000_000, "server_ns": took - 40 * 2_000_000}
            name = server if spans or server != "vault" else ""
            told |= {} if name else {"unanswered_ns": took, "server_ns": 0, "uncovered_ns": 0}
            if server == gives_up and bad:  # its caller waits for two seconds
                told |= {"errors_deadline": failed, "client_ns": 40 * 2 * S, "uncovered_ns": 0}
            yield call(window, client, name, f"{server}.example", 40, **told)


def named(calls: Iterable[Row], *changes: Row) -> Trigger:
    (incident,) = analyze(windows(END, calls, (), changes), SUMMARY).incidents
    return incident.trigger


@pytest.mark.parametrize("slow", ["ledger", "quotes", "vault"])
def test_who_takes_the_time_is_slow_and_not_who_somebody_gave_up_on(slow: str) -> None:
    trigger = named(estate(slow, "ledger"))
    assert (trigger.component, trigger.kind) == (slow, "slow")


def test_who_sends_no_spans_is_slow_as_its_callers_wait() -> None:
    trigger = named(estate("vault", "ledger", spans=False))
    assert (trigger.component, trigger.kind) == ("vault.example", "slow")


@pytest.mark.parametrize(("released", "kind"), [("vault", "bad_release"), ("ledger", "slow")])
def test_only_a_release_of_who_takes_the_time_is_why(released: str, kind: str) -> None:
    trigger = named(estate("vault", "ledger"), change(BAD - 0.5, "deploy", released, "ci", 2))
    assert (trigger.component, trigger.kind) == ("vault", kind)


def test_time_that_nobody_below_takes_longer_stays_where_calls_ran_out_of_it() -> None:
    """Of a call to somebody unknown, and nobody else, the ledger's requests come late."""
    calls = [
        row if row["client"] != "ledger" else {**row, "peer": "", "server": "", "answered": 0, "unanswered": 40}
        for row in estate("vault", "ledger")
    ]
    assert named(calls).component == "ledger"


def pool(asked: int = 40, longer_s: float = 0.9) -> Iterator[Row]:
    """The cart has two connections for all that it calls; of its requests each waits for one while its bank is slow."""
    for window in range(END):
        bad = BAD <= window < WELL
        made = asked if bad else 40
        yield call(window, "", "shop", attempts=40, errors_deadline=30 * bad, server_ns=40 * (2 * S * bad + 90_000_000))
        served = {"client_ns": 40 * (2 * S * bad + 85_000_000), "server_ns": 40 * (6 * S * bad + 80_000_000)}
        yield call(window, "shop", "cart", "cart.example", 40, errors_deadline=30 * bad, **served)
        told = {"client_ns": 40 * 33_000_000, "server_ns": 40 * 30_000_000, "uncovered_ns": 40 * 3_000_000}
        yield call(window, "shop", "stock", "stock.example", 40, **told)
        waited = 40 * (5 * S * bad + 3_000_000)
        told |= {"client_ns": waited + 40 * 30_000_000, "uncovered_ns": waited}
        yield call(window, "cart", "stock", "stock.example", 40, **told)
        took = int(made * (longer_s * S * bad + 30_000_000))
        yield call(window, "cart", "bank", "bank.example", made, client_ns=took + made * 4_000_000, server_ns=took)


def test_who_fills_its_callers_pool_is_slow_and_not_the_caller_whose_requests_wait_for_it() -> None:
    trigger = named(pool())
    assert (trigger.component, trigger.kind) == ("bank", "slow")


@pytest.mark.parametrize(
    ("calls", "changes"),
    [
        (pool(longer_s=0.01), ()),
        (pool(asked=120), ()),
        (pool(), (change(BAD - 0.5, "deploy", "cart", "ci", 2),)),
    ],
    ids=["that is no slower", "that is asked for more", "after its caller's release"],
)
def test_a_queue_is_its_own_services_and_not_a_callees(calls: Iterable[Row], changes: tuple[Row, ...]) -> None:
    assert named(calls, *changes).component == "cart"


def test_who_is_a_little_slower_than_it_was_does_not_explain_what_is_lost_elsewhere() -> None:
    """The cart waits three seconds for its vault, which sends no spans; its bank takes twice as long as ever."""

    def rows() -> Iterator[Row]:
        for window in range(END):
            bad = BAD <= window < WELL
            yield call(window, "", "shop", attempts=40, errors_deadline=30 * bad, server_ns=40 * (2 * S * bad + 10**8))
            told = {"client_ns": 40 * (2 * S * bad + 90_000_000), "server_ns": 40 * (3 * S * bad + 85_000_000)}
            yield call(window, "shop", "cart", "cart.example", 40, errors_deadline=30 * bad, **told)
            took = 40 * (45_000_000 * bad + 30_000_000)
            yield call(window, "cart", "bank", "bank.example", 40, client_ns=took + 40_000_000, server_ns=took)
            lost = 40 * (3 * S * bad + 20_000_000)
            yield call(window, "cart", "", "vault.example", 40, client_ns=lost, unanswered_ns=lost)

    assert named(rows()).component == "vault.example"


def test_who_hangs_and_answers_nobody_is_slow_and_not_who_takes_a_little_longer_below() -> None:
    calls = [
        call(w, client, "" if hangs else server, f"{server}.example" if client else "", 40, **told)
        for w in range(END)
        for bad in (BAD <= w < WELL,)
        for client, server, hangs, told in (
            ("", "shop", False, {"errors_deadline": 40 * bad}),
            ("shop", "cart", bad, {"errors_deadline": 40 * bad, "unanswered_ns": 40 * 10 * S * bad}),
            (
                "cart",
                "report",
                False,
                {"client_ns": 40 * (S * bad + 12_000_000), "server_ns": 40 * (S * bad + 10_000_000)},
            ),
        )
    ]
    assert named(calls).component == "cart"
