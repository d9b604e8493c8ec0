"""What a proxy before the estate fails is told, and what others tell of counts once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import Analysis, analyze
from epicenter.detectors.metric_calls import from_metrics, with_metric_calls
from tests.detectors.frames import SUMMARY, Row, at, signal, windows
from tests.detectors.stories import callee_fails, calm

BAD, WELL, END = 20, 30, 40


def proxy(backend: str = "shop", failed: float = 0, came: float = 40, more: float = 0) -> Iterator[Row]:
    """What a backend answers by its counters; from BAD until WELL so much of that with an error, and so much more."""
    for window in range(END):
        during = BAD <= window < WELL
        yield signal(window, backend, "proxied", came + more * during)
        bad = failed * during
        yield signal(window, backend, "proxied_errors", bad, "5xx")


def found(spans: Iterator[Row], *counts: Iterator[Row]) -> Analysis:
    return analyze(windows(END, spans, [row for story in counts for row in story]), SUMMARY)


@pytest.mark.parametrize("backend", ["shop", "be_front", "cart"])
@pytest.mark.parametrize("share", [1, 10])
def test_on_a_calm_day_a_proxy_adds_no_users_to_those_that_spans_tell_of(backend: str, share: int) -> None:
    """Spans may be a sample of one in ten."""
    laid = with_metric_calls(windows(END, calm(0, END), proxy(backend, came=40 * share)))
    assert not from_metrics(laid).any()
    assert found(calm(0, END), proxy(backend)).incidents == ()


@pytest.mark.parametrize("backend", ["shop", "be_front"])
def test_what_a_proxy_fails_before_it_reaches_the_service_is_the_services(backend: str) -> None:
    (incident,) = found(calm(0, END), proxy(backend, 30, more=30)).incidents
    assert (incident.trigger.component, incident.trigger.started_at) == ("shop", at(BAD))
    assert incident.impact == pytest.approx(300, rel=0.1)


def test_a_service_that_hangs_and_so_sends_no_spans_is_told_of_by_its_proxy() -> None:
    spans = [*calm(0, BAD), *calm(WELL, END)]
    (incident,) = found(iter(spans), proxy(failed=40)).incidents
    assert (incident.trigger.component, incident.trigger.ended_at) == ("shop", at(WELL))


def test_users_who_are_well_while_spans_are_lost_are_no_incident() -> None:
    spans = [*calm(0, BAD), *calm(WELL, END)]
    assert found(iter(spans), proxy(failed=1)).incidents == ()


@pytest.mark.parametrize("backend", ["shop", "be_front"])
def test_failures_that_spans_tell_of_are_not_counted_again(backend: str) -> None:
    spans = [*calm(0, BAD), *callee_fails(BAD, WELL), *calm(WELL, END)]
    (alone,) = found(iter(spans)).incidents
    (incident,) = found(iter(spans), proxy(backend, 30)).incidents
    assert (incident.trigger.component, incident.impact) == ("prices", alone.impact)


def test_a_proxy_between_two_services_tells_of_no_users() -> None:
    """The shop tries again, so that its users are well."""
    assert found(calm(0, END), proxy("cart", 30)).incidents == ()


@pytest.mark.parametrize("every", [1, 6])
def test_a_proxy_alone_tells_of_its_users_however_often_it_is_scraped(every: int) -> None:
    rows = [row for row in proxy(failed=30) if (row["window"] - at(0)) % (10 * every) == 0]
    (incident,) = found(iter(()), iter(rows)).incidents
    assert incident.trigger.component == "shop"


def test_errors_that_spans_told_of_since_the_last_scrape_are_no_new_ones() -> None:
    spans = [*calm(0, BAD), *callee_fails(BAD, WELL), *calm(WELL, END)]
    scraped = []
    for window in range(5, END, 6):
        since = sum(BAD <= past < WELL for past in range(window - 5, window + 1))
        scraped += [signal(window, "shop", "proxied", 240), signal(window, "shop", "proxied_errors", 30 * since, "5xx")]
    (alone,) = found(iter(spans)).incidents
    (incident,) = found(iter(spans), iter(scraped)).incidents
    assert incident.impact == pytest.approx(alone.impact)
