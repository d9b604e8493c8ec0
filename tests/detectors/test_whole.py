"""What broke first is only named where it explains most of what failed until the end."""

from __future__ import annotations

from collections.abc import Iterator

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, call, windows

END = 80
HALF = range(22, 62)
"""Windows in which half of the payments wait in vain."""
BROKEN = range(40, 60)
"""Windows in which something else fails as well."""


def told(basket: dict[str, int], *, below: bool = False, asked: int = 60) -> Incident:
    """Users reach the shop: one in ten pays, most of them fill a basket, some of which fails in `BROKEN`.

    basket: errors of the calls to it; below: they are those of the basket's own calls to the payments.
    """
    rows = (row for window in range(END) for row in shop(window, basket if window in BROKEN else {}, below, asked))
    (incident,) = analyze(windows(END, rows), SUMMARY).incidents
    return incident


def shop(window: int, basket: dict[str, int], below: bool, asked: int) -> Iterator[Row]:
    late = 5 if window in HALF else 0
    lost = sum(basket.values())
    tried = asked if basket else 60
    yield call(window, "", "shop", attempts=90, errors_server=late + min(lost, 60))
    yield call(window, "shop", "pay", "pay.example", attempts=10, errors_server=late)
    yield call(window, "pay", "", "bank.example", attempts=10, errors_deadline=late, unanswered_ns=late * 10**9)
    if below:
        yield call(window, "shop", "basket", "basket.example", attempts=60, errors_server=lost)
        yield call(window, "basket", "", "bank.example", attempts=60, errors_deadline=lost)
        return
    yield call(window, "shop", "basket", "basket.example", attempts=tried - lost)
    if lost:
        yield call(window, "shop", "", "basket.example", attempts=lost, unanswered_ns=lost * 10**6, **basket)


def test_what_fails_few_does_not_take_the_blame_for_what_fails_most_later_and_apart_from_it() -> None:
    """To wait for the bank would not have brought the basket back."""
    for how, kind in (("errors_connect", "crash"), ("errors_dns_nxdomain", "dns.nxdomain")):
        incident = told({how: 50})
        assert (incident.trigger.component, incident.verdict) == ("bank.example", "unknown")
        assert incident.trigger.confidence < 0.5
        assert incident.trigger.started_at == at(22)
        second = incident.candidates[1]
        assert (second.service, second.kind) == ("basket", kind)
        assert [c.score for c in incident.candidates] == sorted((c.score for c in incident.candidates), reverse=True)


def test_what_fails_later_because_it_depends_on_what_broke_first_leaves_it_named() -> None:
    incident = told({"errors_server": 50}, below=True)
    assert (incident.trigger.component, incident.verdict) == ("bank.example", "cascade")


def test_what_fails_later_for_fewer_leaves_the_first_named() -> None:
    incident = told({"errors_connect": 5})
    assert (incident.trigger.component, incident.verdict) == ("bank.example", "cascade")


def test_who_is_asked_for_more_because_of_an_outage_and_drowns_is_a_part_of_it() -> None:
    incident = told({"errors_deadline": 200}, asked=240)
    assert (incident.trigger.component, incident.verdict) == ("bank.example", "cascade")
