"""A probed name that lost its addresses is told from one that never had any and from a prober that fell silent."""

from __future__ import annotations

import pytest

from epicenter.detectors.dns_answers import dns_answers
from tests.detectors.frames import Row, at, gauge, put, windows

NAME, END = "prices.example", 60
HELD = [3.0] * END
LOST = put(HELD, 20, [0.0] * 10)


def probed(answers: list[float | None] | list[float], question: str = "A") -> list[Row]:
    return gauge(NAME, "dns_answers", answers, question)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        probed(HELD),
        [*probed(HELD), *probed([0.0] * END, "AAAA")],
        probed(put(HELD, 20, [1.0] * 10)),
        probed(put(HELD, 20, [0.0])),
        probed(HELD[:20]),
        probed(put([0.0] * END, 10, [1.0, 1.0])),
    ],
    ids=[
        "nothing probed",
        "always answered",
        "never had an AAAA record",
        "fewer addresses are some",
        "one empty answer",
        "the prober fell silent",
        "two good answers in an hour are no history",
    ],
)
def test_what_is_no_loss_of_addresses_stays_silent(rows: list[Row]) -> None:
    assert dns_answers(windows(END, signals=rows)) == []


def test_a_name_that_lost_its_addresses_is_found_with_its_question_and_its_window() -> None:
    rows = [*probed(LOST), *probed([0.0] * END, "AAAA"), *gauge("other.example", "dns_answers", HELD, "A")]
    (found,) = dns_answers(windows(END, signals=rows))
    assert (found.component, found.facts["type"]) == (NAME, "A")
    assert (found.started_at, found.ended_at) == (at(20), at(30))
    assert found.evidence[0].statement == f"a probe of {NAME} A got 0 addresses, 3 before"


def test_two_empty_answers_in_a_row_after_three_good_ones_are_enough() -> None:
    (found,) = dns_answers(windows(9, signals=probed([1, 1, 1, 0, 0, 1, 1, 1, 1])))
    assert (found.started_at, found.ended_at, found.facts["alarm_at"]) == (at(3), at(5), at(5))


def test_a_name_that_is_still_empty_at_the_end_of_the_data_has_no_end() -> None:
    (found,) = dns_answers(windows(END, signals=probed(put(HELD, 40, [0.0] * 20))))
    assert (found.started_at, found.ended_at) == (at(40), None)


def test_a_probe_every_third_window_is_enough() -> None:
    seldom = [value if window % 3 == 0 else None for window, value in enumerate(put(HELD, 21, [0.0] * 12))]
    (found,) = dns_answers(windows(END, signals=probed(seldom)))
    assert (found.started_at, found.ended_at) == (at(21), at(33))


def answered(code: str, during: float) -> list[Row]:
    """What a resolver counts of one code: always 4 in 100, and `during` while the name is empty."""
    return gauge("10.0.0.2", "dns_responses", put([4.0] * END, 20, [during] * 10), code)


GOOD_CODES = gauge("10.0.0.2", "dns_responses", [96.0] * END, "NOERROR")


@pytest.mark.parametrize(
    ("told", "failure", "kind"),
    [
        (gauge(NAME, "dns_probe_ok", put([1.0] * END, 20, [0.0] * 10)), "timeout", "dns.resolver_down"),
        (gauge(NAME, "probe_ok", [1.0] * END), "nodata", "dns.empty_record"),
        (gauge(NAME, "probe_ok", put([1.0] * END, 20, [0.0] * 10)), "unspecified", "dns.empty_record"),
        (gauge("other.example", "probe_ok", [1.0] * END), "unspecified", "dns.empty_record"),
        ([*GOOD_CODES, *answered("NXDOMAIN", 4)], "nodata", "dns.empty_record"),
        ([*GOOD_CODES, *answered("NXDOMAIN", 7)], "nodata", "dns.empty_record"),
        ([*GOOD_CODES, *answered("SERVFAIL", 24)], "unspecified", "dns.empty_record"),
        ([], "unspecified", "dns.empty_record"),
    ],
    ids=[
        "no reply",
        "a reply that the prober calls good",
        "a reply that it calls bad",
        "a verdict on another name says nothing",
        "no verdict and good codes",
        "no verdict and three points more bad codes",
        "no verdict and bad codes",
        "nothing else is known",
    ],
)
def test_prober_and_resolver_tell_which_failure_it_is(told: list[Row], failure: str, kind: str) -> None:
    (found,) = dns_answers(windows(END, signals=[*probed(LOST), *told]))
    assert (found.facts["failure"], found.kind) == (failure, kind)
