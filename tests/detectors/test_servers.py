"""Which of several resolvers it is, is told by their own counters, and by nothing that only looks so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, call, gauge, put, windows
from tests.detectors.resolvers import (
    BAD,
    END,
    NAMES,
    ONE,
    WAITED,
    WELL,
    ZONE,
    beside,
    codes,
    estate,
    explained,
    queue,
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


SERVER, WIRE = "dns_server_responses", "dns_wire_responses"
HUNG = {"failure": "dns_timeout", "waited": WAITED}


def timed_out() -> list[Row]:
    return list(estate(NAMES, failure="dns_timeout", waited=WAITED))


def hung(server: str) -> list[Row]:
    """As CoreDNS tells it, which counts a question when it answers it."""
    return gauge(server, SERVER, put([100.0] * END, BAD, [0.0] * (WELL - BAD)), "NOERROR")


def rolled(server: str, at_window: int, after: bool) -> list[Row]:
    """A pod that went or came."""
    return [row for row in well(server) if (row["window"] >= at(at_window)) == after]


@pytest.mark.parametrize(
    "signals",
    [
        [*rolled("old", 10, after=False), *rolled("new", 10, after=True), *well("resolver-2")],
        [*rolled("gone", BAD, after=False), *well("resolver-2")],
    ],
    ids=["rolled before", "gone since"],
)
@pytest.mark.parametrize("end", [BAD + 3, BAD + 5, END])
def test_that_a_server_s_counters_are_told_no_longer_names_none(signals: list[Row], end: int) -> None:
    """It may have been moved, or its node be cut off with its clients, or one scrape be late."""
    incident = seen_until(end, signals)
    assert (incident.trigger.component, incident.trigger.confidence < 0.8) == ("the resolver", True)


def seen_until(end: int, signals: list[Row]) -> Incident:
    calls, told = ([row for row in rows if row["window"] < at(end)] for rows in (timed_out(), signals))
    (incident,) = analyze(windows(end, calls, told), SUMMARY).incidents
    return incident


@pytest.mark.parametrize("end", [BAD + 3, BAD + 5, END])
def test_a_server_that_is_read_on_and_answers_nothing_while_others_do_is_named_and_not_surely(end: int) -> None:
    incident = seen_until(end, [*hung("resolver-1"), *well("resolver-2")])
    assert (incident.trigger.component, incident.trigger.kind) == ("resolver-1", "dns.resolver_down")
    assert incident.trigger.confidence < 0.8
    told = [e.statement for e in incident.evidence if e.id in incident.trigger.evidence]
    assert (
        "resolver-1 answered nothing any more, where each other server answered half as much as before or more" in told
    )


def still_for_one_scrape() -> list[Row]:
    return gauge("resolver-1", SERVER, put([100.0] * END, BAD, [0.0]), "NOERROR")


@pytest.mark.parametrize(
    "signals",
    [
        [*still_for_one_scrape(), *well("resolver-2")],
        [*hung("resolver-1"), *hung("resolver-2")],
        [*hung("resolver-1"), *hung("resolver-2"), *well("resolver-3")],
        [*hung("resolver-1"), *rolled("resolver-2", BAD, after=False)],
        [*hung("resolver-1"), *gauge("resolver-2", SERVER, put([100.0] * END, BAD, [20.0] * 15), "NOERROR")],
        [*gauge("resolver-1", SERVER, [0.0] * END, "NOERROR"), *well("resolver-2")],
        hung("resolver-1"),
    ],
    ids=[
        "one scrape alone",
        "all of them",
        "two of three",
        "another is gone",
        "others answer far less",
        "it never did",
        "no other",
    ],
)
def test_a_server_that_answers_nothing_is_not_named_where_others_do_not_answer_as_ever(signals: list[Row]) -> None:
    assert seen_until(END, signals).trigger.component == "the resolver"


def share(server: str, bad: float, each: float = 100.0) -> list[Row]:
    """A server that answers so many questions a window, of which such a share fails in the end."""
    fine = put([each * 0.99] * END, BAD, [each * (1 - bad)] * (WELL - BAD))
    failed = put([each * 0.01] * END, BAD, [each * bad] * (WELL - BAD))
    return [*gauge(server, SERVER, fine, "NOERROR"), *gauge(server, SERVER, failed, "SERVFAIL")]


CHRONIC = [*well("resolver-2"), *gauge("resolver-2", SERVER, [11.0] * END, "SERVFAIL")]


@pytest.mark.parametrize(
    ("signals", "told"),
    [
        ([*share("resolver-1", 0.12), *share("resolver-2", 0.01)], "resolver-1"),
        ([*share("resolver-1", 0.12), *share("resolver-2", 0.055)], "the resolver"),
        ([*share("resolver-1", 0.8), *share("resolver-2", 0.8, each=0.3)], "the resolver"),
        ([*share("resolver-1", 0.8), *share("resolver-2", 0.0, each=0.3)], "the resolver"),
        ([*share("resolver-1", 0.8), *CHRONIC], "resolver-1"),
        ([*share("resolver-1", 0.8), *rolled("resolver-2", 10, after=False)], "the resolver"),
        ([*share("resolver-1", 0.8), *well("resolver-2"), *share("resolver-3", 0.8)], "the resolver"),
        ([*codes("resolver-1"), *codes("10.0.0.7", counted=WIRE), *well("10.0.0.8", WIRE)], "10.0.0.7"),
        ([*codes("10.0.0.7:9153"), *well("10.0.0.8:9153"), *codes("pod", counted=WIRE)], "10.0.0.7:9153"),
        ([*codes("a"), *codes("b"), *codes("10.0.0.7", counted=WIRE), *well("10.0.0.8", WIRE)], "the resolver"),
    ],
    ids=[
        "another is well",
        "another fails a little less",
        "another is hardly asked",
        "another is well, but hardly asked",
        "another fails a tenth as ever",
        "another is gone",
        "one of three is well",
        "the wire alone tells of another",
        "two names for one server",
        "several by their own counters",
    ],
)
def test_a_server_is_named_where_others_are_well(signals: list[Row], told: str) -> None:
    incident = explained(estate(NAMES), signals)
    assert (incident.trigger.component, incident.trigger.kind) == (told, "dns.resolver_down")
    assert (incident.trigger.confidence >= 0.9) == (told != "the resolver")


@pytest.mark.parametrize(("bad", "asked", "told"), [(0.97, 1, "resolver-1"), (0.6, 1, NAMES[0]), (0.97, 2, NAMES[0])])
def test_a_server_that_fails_nearly_all_fails_a_name_that_is_the_only_one_to_be_asked_for(
    bad: float, asked: int, told: str
) -> None:
    signals = [*share("resolver-1", bad), *well("resolver-2")]
    assert explained(estate(NAMES[:1], NAMES[:asked]), signals).trigger.component == told


def test_a_server_that_answers_all_else_as_ever_is_not_the_cause_of_the_one_name_that_it_is_asked_for_again() -> None:
    """Its callers' repeats make nine tenths of all that it is asked."""
    again = gauge("resolver-1", SERVER, put([1.0] * END, BAD, [3000.0] * (WELL - BAD)), "SERVFAIL")
    incident = explained(estate(NAMES[:1], NAMES[:1]), [*well("resolver-1"), *again, *well("resolver-2")])
    assert (incident.trigger.component, incident.trigger.kind) == (NAMES[0], "dns.servfail")


def test_a_server_that_leaves_questions_unanswered_is_named_where_others_answer_theirs() -> None:
    asked = [row | {"concept": "dns_server_requests", "item": ""} for row in map(dict, [*well("a"), *well("b")])]
    incident = explained(timed_out(), [*hung("a"), *well("b"), *asked])
    assert (incident.trigger.component, incident.dns.failure) == ("a", "timeout")
    told = [e for e in incident.evidence if "never answered" in e.statement]
    assert told
    assert all("concept =" not in e.query for e in told)


@pytest.mark.parametrize(("bad", "told"), [(0.3, ("svc.lan", "dns.servfail")), (0.95, ("ns1", "dns.resolver_down"))])
def test_a_server_that_fails_one_zone_is_not_the_cause_unless_it_fails_everything(
    bad: float, told: tuple[str, str]
) -> None:
    incident = explained(estate(ZONE, (*ZONE, *NAMES[:3])), [*share("ns1", bad), *well("ns2")])
    assert (incident.trigger.component, incident.trigger.kind) == told


@pytest.mark.parametrize(
    ("queued", "servers", "told"),
    [
        ("transit-gateway", ("coredns-1", "coredns-2"), ("network_congestion", "symptom", False)),
        ("core", ("coredns-1", "coredns-2"), ("network_congestion", "symptom", False)),
        ("kube-dns", ("coredns-1", "coredns-2"), ("network_congestion", "symptom", False)),
        ("coredns", ("10.0.0.7:9153", "10.0.0.8:9153"), ("network_congestion", "symptom", False)),
        ("coredns", ("coredns-1", "coredns-2"), ("dns.resolver_down", "root", True)),
        ("coredns-1", ("coredns-1", "coredns-2"), ("dns.resolver_down", "root", True)),
    ],
)
def test_a_queue_that_is_none_of_the_servers_may_be_on_the_way_to_them_and_is_not_named_for_sure(
    queued: str, servers: tuple[str, str], told: tuple[str, str, bool]
) -> None:
    signals = [row for server in servers for row in well(server)]
    incident = explained(timed_out(), [*signals, *queue(queued)])
    assert incident.trigger.component == queued
    assert (incident.trigger.kind, incident.dns.role, incident.trigger.confidence >= 0.8) == told


def test_a_server_that_falls_silent_beside_one_that_answers_with_errors_is_not_the_cause() -> None:
    incident = explained(estate(NAMES), [*hung("resolver-1"), *well("resolver-2"), *codes("resolver-3")])
    assert incident.trigger.component == "resolver-3"


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
