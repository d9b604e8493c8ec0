"""A resolver in trouble is the cause, whoever's names it fails, and nothing that only looks so is one."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, at, call, change, gauge, put, windows
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
    of_zone,
    queue,
    well,
)
from tests.detectors.stories import NAME, calm, name_gone


@pytest.mark.parametrize(
    ("signals", "changes", "told"),
    [
        ([], [], "the resolver"),
        (ONE, [], "resolver-1"),
        ([*codes("10.0.0.53:9153"), *well("10.0.0.54:9153")], [], "10.0.0.53:9153"),
        (codes("resolver-1"), [], "the resolver"),
        ([*codes("resolver-1"), *codes("resolver-2")], [], "the resolver"),
        (queue("resolver-1"), [], "resolver-1"),
        ([*codes("resolver-1"), *queue("resolver-1")], [], "resolver-1"),
        (codes("resolver-1", code="NXDOMAIN"), [], "the resolver"),
        (queue("orders-queue", BAD + 3), [], "the resolver"),
        ([row for row in queue("resolver-1") if row["window"] not in (at(BAD), at(BAD + 1))], [], "resolver-1"),
        ([*codes("resolver-1"), *codes("resolver-2"), *queue("orders-queue")], [], "the resolver"),
        ([], [change(BAD - 0.5, "deploy", "nightly-report", "operators", None)], "the resolver"),
    ],
    ids=[
        "nobody",
        "codes",
        "an address",
        "codes where no other tells",
        "codes of all",
        "a queue",
        "codes and a queue",
        "search domains",
        "work that waits for look-ups",
        "a queue that is scraped late",
        "codes of all and a queue",
        "a deploy",
    ],
)
def test_names_of_several_owners_that_fail_at_once_have_their_resolver_in_common(
    signals: list[Row], changes: list[Row], told: str
) -> None:
    incident = explained(estate(NAMES), signals, changes)
    assert (incident.trigger.component, incident.trigger.kind) == (told, "dns.resolver_down")
    sure = incident.trigger.confidence
    assert (incident.verdict, sure >= 0.9) == ("cascade", told != "the resolver")
    assert told != "the resolver" or sure < 0.8  # one of several, and nothing tells which
    assert (incident.trigger.started_at, incident.trigger.ended_at) == (at(BAD), at(WELL))
    assert (incident.dns.role, incident.dns.failure, incident.dns.names) == ("root", "servfail", NAMES)


def test_what_failed_with_the_names_hangs_below_the_resolver() -> None:
    (step,) = explained(estate(NAMES), ONE).cascade
    assert (step.component, step.because_of) == ("shop", "resolver-1")
    assert step.path == ("shop", NAMES[0], "resolver-1")


def test_the_codes_of_the_resolver_and_what_its_callers_met_are_the_evidence() -> None:
    incident = explained(estate(NAMES), ONE)
    cited = {item.detector for item in incident.evidence if item.id in incident.trigger.evidence}
    assert cited == {"dns_rcodes", "dns_failures", "cause"}


def test_what_was_changed_as_the_names_began_to_fail_is_evidence_and_no_more() -> None:
    incident = explained(estate(NAMES), [], [change(BAD - 8, "deploy", "nightly-report", "operators", None)])
    told = [item.statement for item in incident.evidence if item.id in incident.trigger.evidence]
    assert "operators changed nightly-report (deploy) as the names began to fail" in told


def test_in_the_first_minute_no_name_of_several_that_fail_alike_is_the_cause() -> None:
    """One is called six times as often as the other; a queue that grew may not have been scraped yet."""
    busy = [
        row | {count: row[count] * 6 for count in ("attempts", "originals", "errors", "errors_dns_servfail")}
        if row["peer"] == NAMES[0]
        else row
        for row in map(dict, estate(NAMES[:2], NAMES))
    ]
    verdicts = []
    for end in (BAD + 1, BAD + 2):
        rows = [row for row in busy if row["window"] < at(end)]
        (incident,) = analyze(windows(end, rows), SUMMARY).incidents
        verdicts.append((incident.verdict, incident.trigger.component))
    assert verdicts == [("unknown", "the resolver"), ("cascade", "the resolver")]


def test_an_overloaded_resolver_whose_callers_wait_is_no_congested_network() -> None:
    incident = explained(estate(NAMES, failure="dns_timeout", waited=WAITED), queue("resolver-1"))
    assert (incident.trigger.component, incident.trigger.kind) == ("resolver-1", "dns.resolver_down")
    assert (incident.dns.role, incident.dns.failure) == ("root", "timeout")


def test_a_queue_in_which_one_name_waits_is_a_resolver_if_all_that_is_lost_are_look_ups() -> None:
    alone = explained(estate(NAMES[:1], NAMES[:1], "dns_timeout", waited=WAITED), queue("resolver-1"))
    assert (alone.trigger.component, alone.trigger.kind) == ("resolver-1", "dns.resolver_down")
    later = explained(estate(NAMES[:1], NAMES[:1], "dns_timeout", waited=WAITED), queue("orders-queue", BAD + 3))
    assert later.trigger.component == NAMES[0]
    beside = explained(estate(NAMES[:1], NAMES, "dns_timeout", waited=WAITED), queue("switch"))
    assert (beside.trigger.component, beside.trigger.kind) == ("switch", "network_congestion")


def test_a_failure_that_happens_to_come_before_makes_no_queue_young() -> None:
    """Users met failures of another kind in the window before; the queue was young then, and old with the names."""
    stray = [call(BAD - 1, "", "shop", attempts=120, errors_server=30)]
    calls = [row for row in estate(NAMES, failure="dns_timeout", waited=WAITED) if row["window"] != at(BAD - 1)]
    calls += [*stray, *(call(BAD - 1, "shop", name.partition(".")[0], name, attempts=40) for name in NAMES)]
    incident = explained(calls, queue("resolver-1"))
    assert incident.started_at == at(BAD - 1)
    assert (incident.trigger.component, incident.trigger.kind) == ("resolver-1", "dns.resolver_down")


@pytest.mark.parametrize(("codes_seen", "told"), [([], "the resolver"), (ONE, "resolver-1")])
def test_a_queue_that_was_old_minutes_before_fails_no_name_at_once(codes_seen: list[Row], told: str) -> None:
    incident = explained(estate(NAMES), [*codes_seen, *queue("outbox", BAD - 5)])
    assert (incident.trigger.component, incident.trigger.kind) == (told, "dns.resolver_down")


def test_a_server_whose_own_codes_tell_is_in_trouble_whatever_queue_was_old_before() -> None:
    incident = explained(estate(NAMES, failure="dns_timeout", waited=WAITED), [*ONE, *queue("outbox", BAD - 5)])
    assert (incident.trigger.component, incident.dns.role) == ("resolver-1", "root")


def test_a_queue_that_grew_old_while_a_few_look_ups_failed_waits_for_them() -> None:
    few = [
        call(w, "shop", "", name, attempts=40, errors_dns_timeout=2, unanswered_ns=2 * WAITED)
        for w in range(BAD - 4, BAD)
        for name in NAMES
    ]
    strays = [call(w, "", "shop", attempts=120, errors_server=8) for w in range(BAD - 4, BAD)]
    calls = [
        row
        for row in estate(NAMES, failure="dns_timeout", waited=WAITED)
        if row["window"] not in map(at, range(BAD - 4, BAD))
    ]
    assert explained([*calls, *few, *strays], queue("orders-queue", BAD - 1, WELL)).trigger.component == "the resolver"


def test_an_old_queue_is_rather_on_the_way_to_servers_that_tell_of_themselves() -> None:
    calls = [*estate(NAMES, failure="dns_timeout", waited=WAITED), *beside("ledger", BAD, 4)]
    incident = explained(calls, [*well("resolver-1"), *queue("switch")])
    assert (incident.trigger.component, incident.trigger.kind) == ("switch", "network_congestion")
    assert (incident.verdict, incident.candidates[0].score < 1, incident.trigger.confidence < 0.8) == (
        "cascade",
        True,
        True,
    )


def test_a_network_carries_more_than_look_ups() -> None:
    calls = [*estate(NAMES, failure="dns_timeout", waited=WAITED), *beside("ledger", BAD, 36)]
    incident = explained(calls, queue("switch"))
    assert (incident.trigger.component, incident.trigger.kind) == ("switch", "network_congestion")
    assert incident.dns.role == "symptom"


def test_a_network_loses_those_who_got_past_their_look_ups() -> None:
    vain = {"server": "", "answered": 0, "unanswered": 16, "unanswered_ns": 16 * WAITED}
    vain |= {"errors": 16, "errors_connect": 16}
    rows = estate(NAMES, failure="dns_timeout", waited=WAITED)
    calls = [{**row, **vain} if row["peer"] and row["answered"] == 16 else row for row in rows]
    incident = explained(calls, queue("switch"))
    assert (incident.trigger.component, incident.trigger.kind) == ("switch", "network_congestion")


def test_a_resolver_that_fails_after_the_network_did_is_a_symptom() -> None:
    signals = [*queue("switch", BAD - 6), *codes("resolver-1")]
    incident = explained(estate(NAMES, failure="dns_timeout", waited=WAITED), signals)
    assert (incident.trigger.component, incident.trigger.kind) == ("switch", "network_congestion")
    assert incident.dns.role == "symptom"


def test_names_of_several_that_fail_for_a_while_are_their_resolvers_though_nobody_measured_how_long() -> None:
    """One is called six times as often as the other, and fails no more often."""
    busy = [
        row | {count: row[count] * 6 for count in ("attempts", "originals", "errors", "errors_dns_temporary")}
        if row["peer"] == NAMES[0]
        else row
        for row in map(dict, estate(NAMES[:2], NAMES[:2], "dns_temporary"))
    ]
    assert explained(busy).trigger.component == "the resolver"
    alone = [row for row in busy if row["peer"] != NAMES[1]]
    assert explained(alone).trigger.component == NAMES[0]


def test_who_does_not_say_how_a_look_up_failed_means_what_the_others_say() -> None:
    """The daily NXDOMAIN of search domains is all that resolvers still count while they answer nobody in time."""
    vague, *others = NAMES
    calls = [row for row in estate(NAMES, failure="dns_timeout", waited=WAITED) if row["peer"] != vague]
    calls += [row for row in estate(NAMES, failure="dns_unspecified") if row["peer"] == vague]
    incident = explained(calls, of_zone("example", code="NXDOMAIN"))
    assert (incident.trigger.component, incident.trigger.kind) == ("the resolver", "dns.resolver_down")
    assert (incident.dns.failure, incident.dns.names) == ("timeout", (vague, *others))


@pytest.mark.parametrize("failure", ["dns_nodata", "dns_nxdomain"])
def test_records_that_are_gone_are_no_resolver_that_is_down(failure: str) -> None:
    incident = explained(estate(NAMES[:2], failure=failure), codes("resolver-1"))
    assert incident.trigger.component in NAMES[:2]


def test_a_name_alone_is_its_own_cause_and_cites_what_resolvers_tell_of_its_zone() -> None:
    signals = [
        *of_zone("example"),
        *codes("10.0.0.53:9153"),
        *of_zone("elsewhere.net"),
        *of_zone("lan", code="NXDOMAIN"),
    ]
    incident = explained([*calm(0, BAD), *name_gone(BAD, END, "dns_servfail")], signals)
    assert (incident.trigger.component, incident.trigger.kind) == (NAME, "dns.servfail")
    told = [e.statement for e in incident.evidence if e.id in incident.trigger.evidence and e.detector == "dns_rcodes"]
    assert [statement.partition("answers of ")[2].partition(" were")[0] for statement in told] == [
        "10.0.0.53:9153",
        "example",
    ]


def test_what_never_resolved_counts_for_nothing() -> None:
    """Search domains and a resolver's bad days fail a tenth of all look-ups ever since; a process dies beside them."""
    chronic = {"errors": 4, "errors_dns_servfail": 4}
    down = {"errors": 100, "errors_server": 100}
    calls = [{**row, **chronic} if row["peer"] else row for row in estate(())]
    calls = [{**row, **down} if not row["client"] and at(BAD) <= row["window"] < at(WELL) else row for row in calls]
    incident = explained([*calls, *beside("ledger", BAD, 40)])
    assert incident.trigger.component.partition(".")[0] == "ledger"
    assert incident.dns.role == "innocent"


def test_only_callers_whose_look_ups_fail_are_named() -> None:
    calls = [*estate(NAMES), *(call(w, "batch", "cart", NAMES[0], attempts=10) for w in range(END))]
    incident = explained([*calls, *(call(w, "", "batch", attempts=10, entries=10) for w in range(END))])
    said = " ".join(item.statement for item in incident.evidence)
    assert " calls of shop failed because 4 names" in said


@pytest.mark.parametrize(("target", "told"), [("resolver", True), ("resolver-1", True), ("ledger", False)])
def test_a_resolver_that_is_not_scraped_any_more_is_said_beside_it(target: str, told: bool) -> None:
    """Its machine refuses look-ups at once, as a server that answers would."""
    up = gauge(target, "up", put([1.0] * END, BAD, [0.0] * 15))
    counted = [row for row in well("resolver-1") if not at(BAD) <= row["window"] < at(WELL)]
    incident = explained(estate(NAMES, failure="dns_temporary", waited=1000), [*up, *counted])
    said = {item.statement for item in incident.evidence if item.id in incident.trigger.evidence}
    assert incident.trigger.component == "the resolver"
    assert (f"{target}, which answers look-ups, could not be scraped as the names began to fail" in said) == told
    assert incident.dns.failure == ("timeout" if told else "servfail")


@pytest.mark.parametrize(
    ("failure", "others", "told"),
    [
        ("dns_temporary", 0.0, "servfail"),
        ("dns_temporary", 1.0, "timeout"),
        ("dns_servfail", 1.0, "servfail"),
        ("dns_refused", 1.0, "refused"),
    ],
)
def test_a_scrape_that_fails_takes_back_no_word_of_callers(failure: str, others: float, told: str) -> None:
    """others: whether the scrapes of all other targets go on, which fail as well where their own way is lost."""
    lost = {"resolver-1": 0.0, "cart": others, "shop": others}
    signals = [row for name, up in lost.items() for row in gauge(name, "up", put([1.0] * END, BAD, [up] * 15))]
    signals += [row for row in well("resolver-1") if not at(BAD) <= row["window"] < at(WELL)]
    assert explained(estate(NAMES, failure=failure, waited=1000), signals).dns.failure == told


@pytest.mark.parametrize("signals", [[], codes("resolver-1")])
def test_a_resolver_that_tells_nothing_is_a_blind_spot(signals: list[Row]) -> None:
    spots = analyze(windows(END, estate(NAMES), signals), SUMMARY).blind_spots
    assert any("No resolver tells what it answered" in spot.statement for spot in spots) == (not signals)


def test_a_second_owner_of_whom_hardly_anything_is_seen_makes_no_resolver() -> None:
    calls = [*estate(NAMES[:1], NAMES[:1]), call(BAD + 2, "shop", "", "rare.example", 3, errors_dns_servfail=3)]
    assert explained(calls).trigger.component == NAMES[0]
