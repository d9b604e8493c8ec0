"""Names that begin to fail in resolution are told from those that always did, and from a few strays."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.dns_failures import dns_failures
from tests.detectors.frames import SUMMARY, Row, at, call, windows
from tests.detectors.stories import NAME, callee_fails, calm, name_gone, process_gone

END = 60


def lookups(start: int, end: int, failed: int, of: int = 20, failure: str = "nodata", **counts: int) -> list[Row]:
    """Calls of the cart to the prices' name, `failed` of them in resolution, in each window."""
    words: dict[str, int] = {f"errors_dns_{failure}": failed} | counts
    return [call(window, "cart", "", NAME, of, **words) for window in range(start, end)]


def test_a_name_is_found_with_its_callers_and_its_window() -> None:
    rows = [*calm(0, 20), *name_gone(20, 30), *calm(30, END)]
    rows += [call(window, "mail", "", NAME, 5, errors_dns_nodata=5) for window in range(20, 30)]
    (found,) = dns_failures(windows(END, rows))
    assert (found.component, found.kind, found.facts["failure"]) == (NAME, "dns.empty_record", "nodata")
    assert found.edges == (("cart", NAME), ("mail", NAME))
    assert (found.started_at, found.ended_at) == (at(20), at(30))
    assert found.evidence[0].statement.startswith(f"350 calls to {NAME} failed in name resolution (nodata), seen by 2")
    assert found.evidence[0].traces


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [*calm(0, END)],
        lookups(0, END, failed=10),
        lookups(0, END, failed=3, of=100, failure="servfail"),
        [*calm(0, 20), *callee_fails(20, 40), *calm(40, END)],
        [*calm(0, 20), *process_gone(20, 40), *calm(40, END)],
        [call(w, "cart", "", "", errors_dns_nodata=10 * (w >= 20)) for w in range(END)],
    ],
    ids=[
        "no calls",
        "nothing fails",
        "AAAA look-ups of an IPv4 name, one of two",
        "SERVFAIL 3 % of the time",
        "a callee's own errors",
        "refused connections",
        "nobody says which name it was",
    ],
)
def test_what_is_no_failing_name_stays_silent(rows: list[Row]) -> None:
    assert dns_failures(windows(END, rows)) == []


@pytest.mark.parametrize(("failed", "found"), [(5, 0), (6, 1)])
def test_six_failures_in_a_row_are_needed_where_nothing_failed_before(failed: int, found: int) -> None:
    rows = [*lookups(0, 40, 0), *lookups(40, 41, failed, of=failed), *lookups(41, END, 0)]
    assert len(dns_failures(windows(END, rows))) == found


def test_repeats_of_one_request_are_one_witness() -> None:
    once = [*lookups(0, 40, 0), *lookups(40, 41, 20), *lookups(41, END, 0)]
    repeated = [*lookups(0, 40, 0), *lookups(40, 41, 20, originals=4), *lookups(41, END, 0)]
    assert len(dns_failures(windows(END, once))) == 1
    assert dns_failures(windows(END, repeated)) == []


def test_a_chronic_rate_that_doubles_is_found() -> None:
    rows = [*lookups(0, 40, 6, of=100), *lookups(40, END, 20, of=100)]
    (found,) = dns_failures(windows(END, rows))
    assert (found.started_at, found.ended_at) == (at(40), None)
    assert found.evidence[0].expected == pytest.approx(0.06, abs=0.01)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("nodata", "dns.empty_record"),
        ("nxdomain", "dns.nxdomain"),
        ("servfail", "dns.servfail"),
        ("refused", "dns.servfail"),
        ("timeout", "dns.resolver_down"),
        ("temporary", "dns.servfail"),
        ("unspecified", "dns.empty_record"),
    ],
)
def test_the_callers_words_give_the_kind(failure: str, kind: str) -> None:
    (found,) = dns_failures(windows(END, [*lookups(0, 30, 0), *lookups(30, END, 15, failure=failure)]))
    assert (found.facts["failure"], found.kind) == (failure, kind)


@pytest.mark.parametrize(
    ("most", "few", "failure", "kind"),
    [
        ("unspecified", "nxdomain", "nxdomain", "dns.nxdomain"),
        ("unspecified", "temporary", "temporary", "dns.servfail"),
        ("temporary", "refused", "refused", "dns.servfail"),
        ("temporary", "nxdomain", "temporary", "dns.servfail"),
    ],
)
def test_words_that_cannot_tell_give_way_to_the_few_that_can(most: str, few: str, failure: str, kind: str) -> None:
    rows = [*lookups(0, 30, 0), *lookups(30, END, 15, failure=most, **{f"errors_dns_{few}": 1})]
    (found,) = dns_failures(windows(END, rows))
    assert (found.facts["failure"], found.kind) == (failure, kind)


@pytest.mark.parametrize(("told", "failure"), [(3, "unspecified"), (10, "nodata")])
def test_the_words_of_hardly_any_tell_nothing_of_the_rest(told: int, failure: str) -> None:
    """As three look-ups that a resolver still answered when it was stopped, beside 276 of which nobody says how."""
    rows = [*lookups(0, 30, 0), *lookups(30, 31, told), *lookups(31, 40, 15, failure="unspecified")]
    (found,) = dns_failures(windows(40, rows))
    assert found.facts["failure"] == failure


@pytest.mark.parametrize(
    ("most", "few", "kind"),
    [
        ("unspecified", "nxdomain", "dns.nxdomain"),
        ("unspecified", "servfail", "dns.servfail"),
        ("temporary", "refused", "dns.servfail"),
        ("temporary", "timeout", "dns.resolver_down"),
    ],
)
def test_what_hardly_any_say_all_along_tells_of_the_rest(most: str, few: str, kind: str) -> None:
    """As one thread of a caller does that asks through a library of its own."""
    rows = [*lookups(0, 30, 0, of=100), *lookups(30, 45, 96, 100, most, **{f"errors_dns_{few}": 4})]
    rows += [*lookups(45, END, 0, of=100), *(call(window, "", "cart", attempts=120) for window in range(END))]
    rows += [call(window, "", "cart", attempts=100, errors_server=100) for window in range(30, 45)]
    (found,) = dns_failures(windows(END, rows))
    assert (found.facts["failure"], found.kind) == (few, kind)
    (incident,) = analyze(windows(END, rows), SUMMARY).incidents
    assert (incident.dns.failure, incident.trigger.kind) == (few, kind)


@pytest.mark.parametrize("first", [30, 43])
def test_a_few_words_as_look_ups_begin_or_cease_to_fail_tell_nothing_of_the_rest(first: int) -> None:
    rows = [*lookups(0, 30, 0, of=100), *lookups(30, 45, 90, 100, "unspecified"), *lookups(45, END, 0, of=100)]
    rows += lookups(first, first + 2, 10, 10, "nxdomain")
    (found,) = dns_failures(windows(END, rows))
    assert found.facts["failure"] == "unspecified"


def test_who_can_say_how_look_ups_fail_speaks_for_a_storm_of_one_who_cannot() -> None:
    rows = [*lookups(0, 30, 0), *lookups(30, 40, 1000, of=1000, failure="unspecified")]
    rows += [call(window, "mail", "", NAME, 5, errors_dns_nodata=5) for window in range(30, 40)]
    (found,) = dns_failures(windows(40, rows))
    assert found.facts["failure"] == "nodata"


@pytest.mark.parametrize(("told", "failure"), [(3, "temporary"), (10, "refused")])
def test_hardly_any_refusals_are_not_what_most_call_temporary(told: int, failure: str) -> None:
    rows = [*lookups(0, 30, 0), *lookups(30, 31, told, failure="refused"), *lookups(31, 40, 15, failure="temporary")]
    (found,) = dns_failures(windows(40, rows))
    assert found.facts["failure"] == failure


def test_a_name_that_is_no_longer_called_does_not_go_on_failing() -> None:
    rows = [*lookups(0, 20, 0), *lookups(20, 30, 20)]
    assert dns_failures(windows(50, rows))[0].ended_at is None
    (found,) = dns_failures(windows(51, rows))
    assert (found.started_at, found.ended_at) == (at(20), at(30))
