"""Names whose look-ups fail by their clients' counters, where good look-ups may not be counted at all."""

from __future__ import annotations

import pytest

from epicenter.detectors.dns_lookups import dns_lookups
from tests.detectors.frames import Row, at, gauge, put, windows

NAME, END = "prices.example", 60
NONE = [0.0] * END


def failed(counts: list[float], words: str = "ENOTFOUND", name: str = NAME) -> list[Row]:
    return gauge(name, "dns_lookup_failures", counts, words)


def test_a_name_whose_look_ups_begin_to_fail_is_found_with_its_window() -> None:
    rows = [*failed(put(NONE, 20, [8.0] * 10)), *failed(NONE, name="other.example")]
    (found,) = dns_lookups(windows(END, signals=rows))
    assert (found.component, found.started_at, found.ended_at) == (NAME, at(20), at(30))
    assert found.evidence[0].statement == f"80 look-ups of {NAME} failed by their clients' counters"


def test_a_counter_that_appears_with_its_first_failure_is_enough() -> None:
    rows = failed([8.0] * 10)
    late = [{**row, "window": at(20 + number)} for number, row in enumerate(rows)]
    (found,) = dns_lookups(windows(30, signals=late))
    assert (found.started_at, found.ended_at) == (at(20), None)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        failed(NONE),
        failed(put(NONE, 20, [1.0, 0.0, 0.0] * 10)),
        failed([9.0] * END),
        failed(put(NONE, 20, [3.0])),
    ],
    ids=["nothing counted", "nothing fails", "one failure now and then", "search domains fail every day", "a blip"],
)
def test_what_is_no_failing_name_stays_silent(rows: list[Row]) -> None:
    assert dns_lookups(windows(END, signals=rows)) == []


@pytest.mark.parametrize(
    ("words", "failure", "kind"),
    [
        ("ENODATA", "nodata", "dns.empty_record"),
        ("NXDOMAIN", "nxdomain", "dns.nxdomain"),
        ("ESERVFAIL", "servfail", "dns.servfail"),
        ("ETIMEOUT", "timeout", "dns.resolver_down"),
        ("EAI_AGAIN", "temporary", "dns.servfail"),
        ("ENOTFOUND", "unspecified", "dns.empty_record"),
        ("DnsError", "unspecified", "dns.empty_record"),
    ],
)
def test_the_error_type_gives_the_kind(words: str, failure: str, kind: str) -> None:
    (found,) = dns_lookups(windows(END, signals=failed(put(NONE, 20, [8.0] * 10), words)))
    assert (found.facts["failure"], found.kind) == (failure, kind)


def test_of_words_that_can_tell_the_most_frequent_decide_and_others_do_not_count() -> None:
    rows = [
        *failed(put(NONE, 20, [90.0] * 10), "ENOTFOUND"),
        *failed(put(NONE, 20, [3.0] * 10), "ENODATA"),
        *failed(put(NONE, 20, [2.0] * 10), "NXDOMAIN"),
    ]
    (found,) = dns_lookups(windows(END, signals=rows))
    assert found.facts["failure"] == "nodata"
