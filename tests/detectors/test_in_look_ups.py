"""Which calls that nobody answered ended in look-ups at the one resolver that is in trouble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from tests.detectors.frames import Row, call
from tests.detectors.resolvers import (
    BAD,
    END,
    NAMES,
    ONE,
    WAITED,
    WELL,
    beside,
    codes,
    estate,
    explained,
    share,
    timed_out,
    well,
)

OTHERS = ("vault.example", "press.example")


def test_where_one_resolver_of_several_tells_of_its_trouble_calls_without_a_word_ended_in_their_look_ups() -> None:
    """Half of the callers' clients give up connecting before the look-up does, and say no more than that."""
    names = (*NAMES, "ledger.example")
    calls = [*estate(NAMES, failure="dns_timeout", waited=WAITED), *beside("ledger", BAD, 36)]
    calls += [call(window, "shop", "", "ledger.example", 2, errors_dns_timeout=2) for window in range(BAD, WELL)]
    incident = explained(calls, ONE)
    assert (incident.trigger.component, incident.trigger.kind) == ("resolver-1", "dns.resolver_down")
    assert (incident.trigger.confidence >= 0.9, incident.dns.role, incident.dns.names) == (
        True,
        "root",
        tuple(sorted(names)),
    )
    nobody_well = explained(calls, codes("resolver-1"))
    assert nobody_well.trigger.component != "resolver-1"


def unsaid(callees: Iterable[str], lost: int = 24) -> Iterator[Row]:
    """A client that never says how it failed to connect loses calls to these names."""
    for window in range(END):
        gone = lost if BAD <= window < WELL else 0
        for name in callees:
            yield call(window, "billing", name.partition(".")[0], name, attempts=40 - gone)
            if gone:
                yield call(window, "billing", "", name, attempts=gone, errors_connect=gone)


STRAY = [call(BAD + 2, "billing", "", OTHERS[1], 1, errors_connect=1)]
SAID = [call(BAD + 2, "billing", "", OTHERS[1], 1, errors_dns_servfail=1)]


@pytest.mark.parametrize(
    ("lost", "joined"),
    [
        ([*unsaid(OTHERS)], True),
        ([*unsaid(OTHERS[:1])], False),
        ([*unsaid(OTHERS[:1]), *STRAY], False),
        ([*unsaid(OTHERS), *SAID], False),
    ],
    ids=["several", "one alone", "one and a single call", "a client that would say so"],
)
def test_calls_that_a_client_loses_to_several_at_once_ended_in_look_ups_at_the_one_server_in_trouble(
    lost: list[Row], joined: bool
) -> None:
    incident = explained([*estate(NAMES), *lost], ONE)
    assert (incident.trigger.component == "resolver-1", incident.trigger.confidence >= 0.8) == (joined, joined)
    told = [e.statement for e in incident.evidence if e.id in incident.trigger.evidence]
    assert any("met nobody, 100% of all that failed" in statement for statement in told) == joined


def crash(name: str, clients: tuple[str, ...], start: int = BAD, lost: int = 36) -> Iterator[Row]:
    """A callee that most of its calls no longer reach; of those of each client one ends in its look-up."""
    for window in range(END):
        gone = lost if start <= window < WELL else 0
        for client in clients:
            yield call(window, client, name, f"{name}.example", attempts=40 - gone)
            if gone:
                yield call(window, client, "", f"{name}.example", gone, errors_connect=gone)
            if window == start:
                yield call(window, client, "", f"{name}.example", 1, errors_dns_servfail=1)


@pytest.mark.parametrize(("lost", "unreached"), [(4, 36), (8, 36), (20, 36), (24, 36), (24, 24)])
def test_a_callee_that_all_its_callers_lose_is_not_lost_in_look_ups(lost: int, unreached: int) -> None:
    calls = [*estate(NAMES, lost=lost), *crash("ledger", ("shop", "billing", "press"), lost=unreached)]
    incident = explained(calls, ONE)
    assert (incident.trigger.component, incident.trigger.kind) == ("ledger", "crash")


def test_what_began_to_fail_before_the_look_ups_did_is_not_lost_in_them() -> None:
    joined, before = (explained([*estate(NAMES), *crash("ledger", ("shop",), at, 24)], ONE) for at in (BAD, BAD - 1))
    assert joined.trigger.component == "resolver-1"
    assert before.trigger.component != "resolver-1" or before.trigger.confidence < 0.8


def test_a_client_that_is_cut_off_from_several_callees_loses_more_than_look_ups() -> None:
    cut = unsaid(OTHERS, lost=36)
    incident = explained([*estate(NAMES, lost=8), *cut], [*share("resolver-1", 0.2), *well("resolver-2")])
    assert incident.trigger.component != "resolver-1" or incident.trigger.confidence < 0.8


def test_a_client_that_tells_of_look_ups_for_some_callees_loses_calls_to_others_in_them_without_a_word() -> None:
    """By the library it depends which of its calls can tell: those for most callees never do."""
    many = ("ledger", "vault", "press", *(f"store-{number}" for number in range(5)))
    incident = explained([*timed_out(), *(row for name in many for row in beside(name, BAD, 24))], ONE)
    assert incident.trigger.component == "resolver-1"
    assert 0.5 < incident.trigger.confidence < 0.8  # more is lost so than is told to be look-ups
    told = [e.statement for e in incident.evidence if e.id in incident.trigger.evidence]
    assert any("met nobody, 100% of all that failed" in statement for statement in told)


def test_a_name_by_which_another_answers_is_lost_in_look_ups_too() -> None:
    """The gateway sends no spans; who answers behind it is called by its own name as well."""
    gate = [{**row, "peer": "gate.example"} for row in beside("stock", BAD, 24)]
    incident = explained([*timed_out(), *gate], ONE)
    assert incident.trigger.component == "resolver-1"
    assert incident.trigger.confidence >= 0.8


@pytest.mark.parametrize(("tell", "named"), [(1, False), (2, True)])
def test_few_clients_without_a_word_lose_their_calls_in_look_ups_where_many_tell_of_them(
    tell: int, named: bool
) -> None:
    others = tuple(f"store-{number}.example" for number in range(14))
    again = [{**row, "client": "till"} for row in timed_out() if row["client"] == "shop"] if tell > 1 else []
    incident = explained([*timed_out(), *again, *unsaid(others)], ONE)
    assert (incident.trigger.component == "resolver-1" and incident.verdict == "cascade") == named
    assert incident.trigger.confidence < 0.8


def test_no_more_calls_are_lost_in_look_ups_than_look_ups_prove() -> None:
    others = tuple(f"store-{number}.example" for number in range(6))
    incident = explained([*estate(NAMES), *unsaid(others)], ONE)
    assert incident.trigger.component != "resolver-1" or incident.trigger.confidence < 0.8
