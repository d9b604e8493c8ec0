"""What an analysis could not know is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, call, gauge, put, signal, windows
from tests.detectors.stories import NAME, calm, name_gone
from tests.detectors.test_metric_calls import END, broken
from tests.detectors.test_metric_calls import calm as metrics_calm

TOLD = "75% of the requests of users of shop failed from the beginning of the data on"


@pytest.mark.parametrize("begun", [0, 20])
def test_an_outage_that_began_before_the_data_is_not_passed_over_in_silence(begun: int) -> None:
    seen = analyze(windows(60, [*calm(0, begun), *name_gone(begun, 40), *calm(40, 60)]), SUMMARY)
    assert len(seen.incidents) == (begun > 0)
    assert any(spot.statement.startswith(TOLD) for spot in seen.blind_spots) == (begun == 0)


def test_counters_of_outcomes_that_nobody_reads_are_told_by_their_names_though_others_are_read() -> None:
    told = [signal(0, "shop", "up", 1.0), signal(0, "orders_total", "unread", 4.0)]
    statements = " ".join(spot.statement for spot in analyze(windows(1, signals=told), SUMMARY).blind_spots)
    assert "No concept reads orders_total" in statements
    unread = " ".join(spot.statement for spot in analyze(windows(1, signals=told[1:]), SUMMARY).blind_spots)
    assert "No metrics that we know" in unread


@pytest.mark.parametrize(
    ("outcomes", "errors", "told"),
    [((), 0, True), (("",), 0, True), (("200", "404"), 0, False), (("200", "503"), 0, True), (("200",), 2, True)],
)
def test_spans_without_an_error_are_doubted_unless_their_services_count_statuses_and_none_of_an_error(
    outcomes: tuple[str, ...], errors: int, told: bool
) -> None:
    calls = [call(0, "", "shop", attempts=40), call(0, "shop", "cart", NAME, attempts=40)]
    counts = [signal(0, NAME, "client_outcomes", 20, f"shop\t{word}") for word in outcomes]
    counts += [signal(0, "shop", "requests", 40), *([signal(0, "shop", "errors", errors, "503")] if errors else [])]
    seen = analyze(windows(1, calls, counts), SUMMARY)
    assert any("No span carries an error status" in spot.statement for spot in seen.blind_spots) == told


PARTNER = "api.partner.example"
DARK = range(30, 45)


def partner(lost: int) -> Iterator[Row]:
    """The shop needs a partner who sends no spans, and whose answers fail for a while."""
    for window in range(60):
        failed = lost if window in DARK else 0
        yield call(window, "", "shop", attempts=40, errors_server=failed)
        yield call(window, "shop", "cart", "cart.example", attempts=40)
        yield call(window, "shop", "", PARTNER, attempts=40, errors_other=failed)


def silent() -> Windows:
    up = [row for name in ("shop", "cart", "prices") for row in gauge(name, "up", put([1.0] * 60, 30, [0.0] * 15))]
    return windows(60, [*calm(0, DARK.start), *calm(DARK.stop, 60)], up)


def slower() -> Windows:
    """The shop counts how long its requests take, and nobody else tells of them."""
    took = put([20.0] * 60, 30, [800.0] * 15)
    return windows(60, signals=[*gauge("shop", "requests", [400.0] * 60), *gauge("shop", "server_s", took)])


def counted() -> Windows:
    """The cart answers the shop with errors, as both count."""
    return windows(END, signals=[*metrics_calm(0, 20), *broken(20, 30), *metrics_calm(30, END)])


@pytest.mark.parametrize(
    ("seen", "component", "told"),
    [
        (windows(60, partner(0)), PARTNER, f"{PARTNER} sends no spans: whether it failed or was never reached"),
        (slower(), "shop", "Only the mean of its own counter tells that shop took longer: whether users waited"),
        (silent(), "", "For 450 s 100% of the services sent no spans"),
    ],
    ids=["a callee without spans", "a mean", "a silence"],
)
def test_what_nothing_tells_is_a_blind_spot_with_what_would_settle_it(seen: Windows, component: str, told: str) -> None:
    (spot,) = [spot for spot in analyze(seen, SUMMARY).blind_spots if spot.statement.startswith(told)]
    assert spot.component == component
    assert spot.statement.endswith("would settle it.")
    well = analyze(windows(60, calm(0, 60), gauge("shop", "up", [1.0] * 60)), SUMMARY).blind_spots
    assert not any(spot.statement.startswith(told) for spot in well)


@pytest.mark.parametrize(
    ("seen", "told"),
    [(counted(), "No traces"), (windows(60, partner(30)), f"{PARTNER} sends no spans"), (silent(), "For 450 s")],
    ids=["metrics alone", "a callee without spans", "a silence"],
)
def test_an_incident_whose_cause_is_unknown_has_a_blind_spot_that_says_why(seen: Windows, told: str) -> None:
    analysis = analyze(seen, SUMMARY)
    assert [incident.verdict for incident in analysis.incidents] == ["unknown"]
    assert any(spot.statement.startswith(told) for spot in analysis.blind_spots)
