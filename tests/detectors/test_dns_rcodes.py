"""Servers that answer with more failures than is usual for them, by the resolvers' own counters."""

from __future__ import annotations

import pytest

from epicenter.detectors.dns_rcodes import dns_rcodes
from tests.detectors.frames import Row, at, gauge, put, windows

SERVER, END = "10.0.0.2", 60


def counted(code: str, counts: list[float], server: str = SERVER) -> list[Row]:
    return gauge(server, "dns_server_responses", counts, code)


GOOD = counted("NOERROR", [100.0] * END)


@pytest.mark.parametrize(
    ("code", "failure", "kind"),
    [
        ("NXDOMAIN", "nxdomain", "dns.nxdomain"),
        ("SERVFAIL", "servfail", "dns.servfail"),
        ("servfail", "servfail", "dns.servfail"),
        ("REFUSED", "refused", "dns.servfail"),
    ],
)
def test_a_rise_of_one_code_is_found_with_its_server_and_its_window(code: str, failure: str, kind: str) -> None:
    rows = [*GOOD, *counted(code, put([3.0] * END, 20, [60.0] * 10)), *counted("NOERROR", [100.0] * END, "10.0.0.3")]
    (found,) = dns_rcodes(windows(END, signals=rows))
    assert (found.component, found.facts["failure"], found.kind) == (SERVER, failure, kind)
    assert (found.started_at, found.ended_at) == (at(20), at(30))
    assert found.evidence[0].statement == f"38% of the answers of {SERVER} were {code.upper()}, against 2.9% before"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        GOOD,
        [*GOOD, *counted("SERVFAIL", [3.0] * END)],
        [*GOOD, *counted("NXDOMAIN", [60.0] * END)],
        [*GOOD, *counted("SERVFAIL", put([3.0] * END, 20, [6.0] * 3))],
        [*GOOD, *counted("NOTIMP", put([3.0] * END, 20, [60.0] * 10))],
    ],
    ids=[
        "nothing counted",
        "all is well",
        "SERVFAIL 3 % of the time",
        "search domains that never exist",
        "a little more for a little while",
        "a code that tells of no failing name or server",
    ],
)
def test_what_is_no_rise_stays_silent(rows: list[Row]) -> None:
    assert dns_rcodes(windows(END, signals=rows)) == []


def test_the_daily_noise_behind_a_flood_of_good_answers_is_no_rise() -> None:
    flood = put([1000.0] * END, 30, [10.0] * 30)
    rows = [*counted("NOERROR", flood), *counted("NXDOMAIN", [10.0] * END)]
    assert dns_rcodes(windows(END, signals=rows)) == []
    grown = [*counted("NOERROR", flood), *counted("NXDOMAIN", put([10.0] * END, 30, [14.0] * 30))]
    assert [f.facts["failure"] for f in dns_rcodes(windows(END, signals=grown))] == ["nxdomain"]


def test_servers_are_judged_each_by_its_own_history() -> None:
    rows = [
        *GOOD,
        *counted("SERVFAIL", [30.0] * END),
        *counted("NOERROR", [100.0] * END, "10.0.0.3"),
        *counted("SERVFAIL", put([0.0] * END, 40, [30.0] * 20), "10.0.0.3"),
    ]
    (found,) = dns_rcodes(windows(END, signals=rows))
    assert (found.component, found.started_at, found.ended_at) == ("10.0.0.3", at(40), None)


def asked(counts: list[float]) -> list[Row]:
    return gauge(SERVER, "dns_server_requests", counts)


def test_questions_that_a_server_never_answers_are_told() -> None:
    hung = counted("NOERROR", put([99.0] * END, 19, [0.0] * 11))
    (found,) = dns_rcodes(windows(END, signals=[*hung, *asked([100.0] * END)]))
    assert (found.component, found.facts["failure"], found.kind) == (SERVER, "timeout", "dns.resolver_down")
    assert (found.started_at, found.ended_at) == (at(19), at(30))
    assert found.evidence[0].statement == f"100% of the questions to {SERVER} were never answered, against 1.0% before"


@pytest.mark.parametrize("few", [put([100.0] * END, 20, [0.0] * 10), put([100.0] * END, 20, [20.0] * 10)])
def test_a_server_that_is_asked_less_leaves_nothing_unanswered(few: list[float]) -> None:
    assert dns_rcodes(windows(END, signals=[*counted("NOERROR", few), *asked(few)])) == []


@pytest.mark.parametrize(("code", "told"), [("SERVFAIL", ["servfail"]), ("NOTIMP", [])])
def test_answers_of_a_code_that_is_counted_for_the_first_time_are_not_missing(code: str, told: list[str]) -> None:
    """Their counter appears with the first scrape after them, and what it then stands at is no increase."""
    bad = [row for row in counted(code, [90.0] * END) if at(21) <= row["window"] < at(30)]
    rows = [*counted("NOERROR", put([100.0] * END, 20, [10.0] * 10)), *bad, *asked([100.0] * END)]
    assert [f.facts["failure"] for f in dns_rcodes(windows(END, signals=rows))] == told


@pytest.mark.parametrize(("empty", "found"), [(80.0, ["nodata"]), (50.0, []), (20.0, [])])
def test_more_empty_answers_than_questions_for_ipv6_are_those_of_names_without_addresses(
    empty: float, found: list[str]
) -> None:
    """Half of the questions are for AAAA records, which hardly any name has."""
    rows = [*GOOD, *gauge(SERVER, "dns_server_aaaa", [50.0] * END)]
    rows += gauge(SERVER, "dns_server_empty", put([50.0] * END, 20, [empty] * 10))
    told = dns_rcodes(windows(END, signals=rows))
    assert [f.facts["failure"] for f in told] == found
    said = f"30% of the answers of {SERVER} were NODATA, against 1.0% before"
    assert [f.evidence[0].statement for f in told] == [said] * len(found)
    assert dns_rcodes(windows(END, signals=[row for row in rows if row["concept"] != "dns_server_aaaa"])) == []


def test_answers_to_more_than_the_questions_that_are_counted_are_as_many_as_they_are() -> None:
    """As where questions of one kind are counted alone."""
    bad = counted("SERVFAIL", put([3.0] * END, 20, [60.0] * 10))
    (found,) = dns_rcodes(windows(END, signals=[*GOOD, *bad, *asked([50.0] * END)]))
    assert found.evidence[0].statement == f"38% of the answers of {SERVER} were SERVFAIL, against 2.9% before"
