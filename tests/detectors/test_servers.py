"""Which of several resolvers it is, is told by their own counters, and by nothing that only looks so."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, gauge, put, windows
from tests.detectors.resolvers import (
    BAD,
    END,
    NAMES,
    SERVER,
    WELL,
    ZONE,
    codes,
    estate,
    explained,
    queue,
    share,
    timed_out,
    well,
)

WIRE = "dns_wire_responses"


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
