"""Users whom only counters and probes tell of are found, and what is none is taken for none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.metric_calls import from_metrics, with_metric_calls
from tests.detectors.frames import SUMMARY, Row, at, call, signal, windows
from tests.detectors.test_metric_calls import END, NAME, calm, found, lost, outcomes, probes, requests

ESTATE = [*calm(0, 20), *lost(20, 30, "EAI_NODATA"), *calm(30, END)]


@pytest.mark.parametrize("count", [1, END])
def test_spans_of_an_unrelated_job_hide_no_outage_that_metrics_tell_of(count: int) -> None:
    spans = [call(window, "", "cron", attempts=1) for window in range(count)]
    (alone,) = found(iter(ESTATE)).incidents
    analysis = analyze(windows(END, spans, ESTATE), SUMMARY)
    (incident,) = analysis.incidents
    assert (incident.trigger.component, incident.trigger.kind) == (NAME, "dns.empty_record")
    assert incident.impact == pytest.approx(alone.impact)
    assert "No service sends both spans and counters" in " ".join(s.statement for s in analysis.blind_spots)


def test_whom_spans_show_being_called_is_not_where_users_come_in() -> None:
    spans = [call(0, "", "desk", attempts=40), call(0, "desk", "", NAME, attempts=40)]
    laid = with_metric_calls(windows(1, spans, [*requests(0, "cart", 40, 30), *requests(0, "shop", 40, 30)]))
    assert laid.calls.loc[from_metrics(laid), "server"].unique().tolist() == ["shop"]


@pytest.mark.parametrize(("left", "told"), [(0, True), (1, True), (40, False)])
def test_probes_speak_for_a_counted_service_while_its_counter_stands_still(left: int, told: bool) -> None:
    """Nobody counts requests that never come: a dead process, an expired certificate, a public name without addresses.
    If they come as ever, the probers have lost their way."""
    gone = range(20, 30)
    counts = [row for window in range(END) for row in requests(window, "www", left if window in gone else 40)]
    incidents = found(iter(counts), probes("www.example", gone)).incidents
    assert [(i.started_at, i.trigger.service or i.trigger.component) for i in incidents] == [(at(20), "www")] * told


@pytest.mark.parametrize("caller", [False, True])
def test_a_mean_that_grew_at_one_service_alone_is_no_more_than_a_suspicion(caller: bool) -> None:
    def slow(took_s: float, start: int, end: int) -> Iterator[Row]:
        for window in range(start, end):
            yield from requests(window, "shop", 400)
            yield signal(window, "shop", "server_s", took_s)
            if caller:
                yield from outcomes(window, "shop", NAME, s200=400)
                yield signal(window, NAME, "client_s", took_s, "shop\t200")

    analysis = found(slow(20, 0, 20), slow(800, 20, 30), slow(20, 30, END))
    (incident,) = analysis.incidents
    assert (incident.trigger.confidence > 0.8, incident.verdict != "unknown") == (caller, caller)
    said = any(spot.statement.startswith("Only the mean of its own counter") for spot in analysis.blind_spots)
    assert said == (not caller)


def hung(start: int, end: int, **words: float) -> Iterator[Row]:
    """The shop's calls to the cart; what the cart counts does not change."""
    for window in range(start, end):
        yield from requests(window, "cart", 80)
        yield from outcomes(window, "shop", NAME, **words)


@pytest.mark.parametrize("began", [10, 30])
def test_calls_that_a_server_counted_and_its_clients_gave_up_are_no_users(began: int) -> None:
    told = windows(END, signals=[*hung(0, began, s200=80), *hung(began, END, s200=5, timeout=75)])
    rows = with_metric_calls(told).calls
    assert rows["entries"].sum() == 0
    assert rows.loc[rows["client"] == "", "attempts"].sum() == 0


def test_an_outage_of_a_service_that_others_call_makes_it_no_entry_of_users() -> None:
    """Its callers' counters may be lost with them; that it is called is what is usual."""
    told = windows(
        END, signals=[*hung(0, 30, s200=80), *(row for w in range(30, END) for row in requests(w, "cart", 900))]
    )
    assert with_metric_calls(told).calls["entries"].sum() == 0
