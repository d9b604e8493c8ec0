"""Which of several resolvers it is, is told by their own counters, and by nothing that only looks so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from tests.detectors.frames import Row, at, call, gauge, put
from tests.detectors.test_resolver import BAD, END, NAMES, WAITED, WELL, beside, codes, estate, explained, queue

OTHERS = ("vault.example", "press.example")


def test_where_one_resolver_of_several_tells_of_its_trouble_calls_without_a_word_ended_in_their_look_ups() -> None:
    """Half of the callers' clients give up connecting before the look-up does, and say no more than that."""
    names = (*NAMES, "ledger.example")
    calls = [*estate(NAMES, failure="dns_timeout", waited=WAITED), *beside("ledger", BAD, 36)]
    calls += [call(window, "shop", "", "ledger.example", 2, errors_dns_timeout=2) for window in range(BAD, WELL)]
    well = gauge("resolver-2", "dns_responses", [100.0] * END, "NOERROR")
    incident = explained(calls, [*codes("resolver-1"), *well])
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


def hung(server: str) -> list[Row]:
    """As CoreDNS tells it, which counts a question when it answers it."""
    return gauge(server, "dns_responses", put([100.0] * END, BAD, [0.0] * (WELL - BAD)), "NOERROR")


def well(server: str) -> list[Row]:
    return gauge(server, "dns_responses", [100.0] * END, "NOERROR")


@pytest.mark.parametrize(
    ("signals", "told"),
    [
        ([*hung("resolver-1"), *well("resolver-2")], "resolver-1"),
        ([*well("resolver-2"), *(row for row in hung("resolver-1") if row["window"] < at(BAD))], "resolver-1"),
        ([*hung("resolver-1"), *hung("resolver-2")], "the resolver"),
        ([*hung("resolver-1"), *hung("resolver-2"), *well("resolver-3")], "the resolver"),
        (hung("resolver-1"), "the resolver"),
        ([*well("resolver-1"), *well("resolver-2")], "the resolver"),
    ],
    ids=["one hangs", "one is gone", "all hang", "two hang", "no other", "all are well"],
)
def test_of_several_servers_the_only_one_that_fell_silent_is_the_cause(signals: list[Row], told: str) -> None:
    incident = explained(estate(NAMES, failure="dns_timeout", waited=WAITED), signals)
    assert (incident.trigger.component, incident.dns.failure) == (told, "timeout")
    assert incident.trigger.ended_at == at(WELL)


@pytest.mark.parametrize(
    ("queued", "told"),
    [
        ("transit-gateway", ("transit-gateway", "network_congestion", "symptom")),
        ("resolver", ("resolver", "dns.resolver_down", "root")),
    ],
)
def test_a_queue_that_is_none_of_the_servers_is_on_the_way_to_them_where_all_answer_what_they_are_asked(
    queued: str, told: tuple[str, str, str]
) -> None:
    calls = estate(NAMES, failure="dns_timeout", waited=WAITED)
    incident = explained(calls, [*well("resolver-1"), *well("resolver-2"), *queue(queued)])
    assert (incident.trigger.component, incident.trigger.kind, incident.dns.role) == told


def test_a_server_that_falls_silent_beside_one_that_answers_with_errors_is_not_the_cause() -> None:
    incident = explained(estate(NAMES), [*hung("resolver-1"), *well("resolver-2"), *codes("resolver-3")])
    assert incident.trigger.component == "resolver-3"


@pytest.mark.parametrize(("callees", "joined"), [(OTHERS, True), (OTHERS[:1], False)], ids=["several", "one alone"])
def test_calls_that_a_client_loses_to_several_at_once_ended_in_look_ups_at_the_one_server_in_trouble(
    callees: tuple[str, ...], joined: bool
) -> None:
    incident = explained([*estate(NAMES), *unsaid(callees)], [*codes("resolver-1"), *well("resolver-2")])
    assert (incident.trigger.component == "resolver-1", incident.trigger.confidence >= 0.8) == (joined, joined)
    told = [e.statement for e in incident.evidence if e.id in incident.trigger.evidence]
    assert any("met nobody, 100% of all that failed" in statement for statement in told) == joined
