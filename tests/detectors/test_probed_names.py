"""Probes of names of several zones that all fail at once tell of a resolver, whatever callers say of few of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from epicenter.detectors.analysis import Incident
from tests.detectors.frames import Row, at, call, gauge, put
from tests.detectors.resolvers import BAD, END, WAITED, WELL, explained

CART, STOCK = "cart.internal", "stock.internal"
PROBED = (CART, STOCK, "api.pay.example")
CEASED = put([1.0] * END, BAD, [0.0] * (WELL - BAD))


def hanging(look_ups: int = 8, late: int = 30, failure: str = "dns_temporary") -> Iterator[Row]:
    """The shop asks for the cart, and then the stock. Its look-ups hang: some of the cart's end in time to say so, most
    calls to the stock run out of time before, and say no more."""
    for window in range(END):
        down = BAD <= window < WELL
        lost, gone = (look_ups, late) if down else (0, 0)
        yield call(window, "", "shop", attempts=60, errors_server=lost + gone)
        yield call(window, "shop", "cart", CART, attempts=40 - lost)
        yield call(window, "shop", "stock", STOCK, attempts=40 - gone)
        if down:
            told = {f"errors_{failure}": lost, "unanswered_ns": lost * WAITED}
            yield call(window, "shop", "", CART, attempts=lost, **told)
            if gone:
                yield call(window, "shop", "", STOCK, gone, errors_deadline=gone, unanswered_ns=gone * WAITED)


def probes(names: Iterable[str] = PROBED, ceased: Iterable[str] = PROBED, verdict: float = 0.0) -> list[Row]:
    """Probes of these names by DNS, some of which get no addresses for a while."""
    rows: list[Row] = []
    for name in names:
        gone = name in ceased
        rows += gauge(name, "dns_answers", CEASED if gone else [1.0] * END, "A")
        rows += gauge(name, "probe_ok", put([1.0] * END, BAD, [verdict if gone else 1.0] * (WELL - BAD)))
    return rows


def named(incident: Incident) -> tuple[str, str]:
    return incident.trigger.component, incident.trigger.kind


@pytest.mark.parametrize("failure", ["dns_temporary", "dns_unspecified"])
def test_a_resolver_is_named_where_most_calls_run_out_of_time_in_their_look_ups(failure: str) -> None:
    incident = explained(hanging(failure=failure), probes())
    assert named(incident) == ("the resolver", "dns.resolver_down")
    assert (incident.verdict, incident.dns.role) == ("cascade", "root")
    assert (incident.trigger.started_at, incident.trigger.ended_at) == (at(BAD), at(WELL))
    assert any("probes of all 3 names, of 2 zones" in item.statement for item in incident.evidence)
    assert incident.trigger.confidence < 0.8  # nothing tells which


@pytest.mark.parametrize(
    "signals",
    [
        [],
        probes((CART, STOCK), (CART, STOCK)),
        probes((CART, STOCK, "orders.internal"), (CART, STOCK, "orders.internal")),
        probes(ceased=(CART, STOCK)),
        probes(verdict=1.0),
    ],
    ids=["no probes", "of two names", "of one zone", "one name is well", "answered without addresses"],
)
def test_less_than_all_names_of_several_zones_proves_no_resolver(signals: list[Row]) -> None:
    assert explained(hanging(), signals).trigger.component != "the resolver"


def test_a_callee_that_hangs_for_who_resolves_its_name_is_no_part_of_it() -> None:
    """The desk never says that a look-up fails, and runs out of time with the stock alone."""
    desk: list[Row] = []
    for window in range(END):
        gone = 30 if BAD <= window < WELL else 0
        desk.append(call(window, "", "desk", attempts=40, errors_server=gone))
        desk.append(call(window, "desk", "stock", STOCK, attempts=40 - gone))
        if gone:
            desk.append(call(window, "desk", "", STOCK, gone, errors_deadline=gone, unanswered_ns=gone * WAITED))
    assert explained([*hanging(), *desk], probes()).trigger.component != "the resolver"
