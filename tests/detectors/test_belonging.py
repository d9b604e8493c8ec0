"""Names and codes that go wrong by chance meanwhile neither date an incident nor colour it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, call, gauge, put, windows
from tests.detectors.stories import NAME, callee_fails, calm, name_gone, process_gone

BAD, WELL, END = 30, 45, 60
STRAY = 26


def fails() -> Iterator[Row]:
    yield from calm(0, BAD)
    yield from callee_fails(BAD, WELL)
    yield from calm(WELL, END)


def probed(name: str, start: int = STRAY) -> list[Row]:
    return gauge(name, "dns_answers", put([2.0] * END, start, [0.0] * (END - start)), "A")


def codes(component: str, code: str, counted: str = "dns_responses", start: int = STRAY) -> list[Row]:
    good = gauge(component, counted, put([100.0] * END, start, [60.0] * (END - start)), "NOERROR")
    return [*good, *gauge(component, counted, put([1.0] * END, start, [40.0] * (END - start)), code)]


def explained(calls: list[Row], signals: list[Row]) -> Incident:
    (incident,) = analyze(windows(END, calls, signals), SUMMARY).incidents
    return incident


@pytest.mark.parametrize(
    "noise",
    [
        probed("legacy.example"),
        codes("example", "SERVFAIL"),
        codes("ns1", "SERVFAIL", "dns_server_responses"),
        codes("example", "NXDOMAIN"),
    ],
    ids=["a name that nobody calls", "a zone's codes", "a server's codes", "search domains"],
)
def test_what_goes_wrong_with_other_names_is_no_part_of_an_outage(noise: list[Row]) -> None:
    incident = explained([*fails()], noise)
    assert (incident.trigger.component, incident.dns.role, incident.dns.names) == ("prices", "innocent", ())
    assert (incident.started_at, incident.ended_at) == (at(BAD), at(WELL))


def test_what_another_client_looks_up_in_vain_is_no_part_of_an_outage() -> None:
    """Users never reach the batch, whose feed is gone."""
    batch = [call(w, "batch", "", "feeds.example", attempts=8, errors_dns_nodata=7 * (w >= STRAY)) for w in range(END)]
    incident = explained([*fails(), *batch], [])
    assert (incident.trigger.component, incident.dns.role, incident.ended_at) == ("prices", "innocent", at(WELL))


def test_a_probed_name_whose_callers_fail_users_is_the_cause() -> None:
    calls = [*calm(0, BAD), *name_gone(BAD, WELL, "dns_unspecified"), *calm(WELL, END)]
    incident = explained(calls, gauge(NAME, "dns_answers", put([2.0] * END, BAD, [0.0] * 15), "A"))
    assert (incident.trigger.component, incident.dns.role, incident.dns.names) == (NAME, "root", (NAME,))


def test_more_nxdomain_of_a_zone_is_no_part_of_a_process_that_died() -> None:
    calls = [*calm(0, BAD), *process_gone(BAD, WELL), *calm(WELL, END)]
    incident = explained(calls, codes("example", "NXDOMAIN", start=BAD))
    assert (incident.trigger.component, incident.dns.role) == ("cart", "innocent")
