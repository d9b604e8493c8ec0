"""Of clients that count no failed calls nothing tells that their look-ups went well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, call, gauge, put, signal, windows

BAD, WELL, END = 30, 45, 60


def counters(reached: float) -> Iterator[Row]:
    """Most requests to the cart fail, and with them those of the shop, which counts all its calls. The cart counts its
    calls of the prices that were answered, `reached` of 40 for the while; negative where it counts none ever."""
    for window in range(END):
        bad = 30 if BAD <= window < WELL else 0
        for service in ("shop", "cart"):
            yield signal(window, service, "requests", 40)
            yield signal(window, service, "errors", bad)
        yield signal(window, "cart.example", "client_outcomes", 40 - bad, "shop\t200")
        yield signal(window, "cart.example", "client_outcomes", bad, "shop\t500")
        if reached >= 0:
            yield signal(window, "prices.example", "client_outcomes", reached if bad else 40, "cart\t200")


def codes(code: str = "NXDOMAIN") -> list[Row]:
    bad = gauge("unbound-0", "dns_server_responses", put([1.0] * END, BAD, [30.0] * 15), code)
    return [*bad, *gauge("unbound-0", "dns_server_responses", [100.0] * END, "NOERROR")]


def explained(signals: list[Row], calls: Iterable[Row] = ()) -> Incident:
    (incident,) = analyze(windows(END, calls, signals), SUMMARY).incidents
    return incident


@pytest.mark.parametrize(("reached", "role"), [(-1, "none"), (10, "none"), (40, "innocent")])
def test_calls_by_name_that_were_answered_as_ever_clear_the_names_and_no_others(reached: float, role: str) -> None:
    incident = explained([*counters(reached)])
    assert (incident.trigger.component, incident.dns.role) == ("cart", role)


def test_a_resolver_whose_bad_answers_rose_just_then_makes_dns_a_suspect() -> None:
    incident = explained([*counters(-1), *codes()])
    assert (incident.verdict, incident.dns.role, incident.dns.failure) == ("unknown", "symptom", "nxdomain")
    assert any("of the answers of unbound-0 were NXDOMAIN" in item.statement for item in incident.evidence)
    assert explained([*counters(40), *codes()]).dns.role != "symptom"


def test_spans_of_a_service_would_tell_of_its_failed_look_ups() -> None:
    def spans() -> Iterator[Row]:
        for window in range(END):
            bad = 30 if BAD <= window < WELL else 0
            yield call(window, "", "shop", attempts=40, errors_server=bad)
            yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=bad)

    incident = explained(codes(), spans())
    assert (incident.trigger.component, incident.dns.role) == ("cart", "innocent")
