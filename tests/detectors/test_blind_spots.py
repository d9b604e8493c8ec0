"""What an analysis could not know is told."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, call, signal, windows
from tests.detectors.stories import NAME, calm, name_gone

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
