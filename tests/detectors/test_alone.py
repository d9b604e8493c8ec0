"""What others call proves only what they call just then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, call, windows

BAD, WELL, END = 30, 37, 60


def beside(burst: int) -> Iterator[Row]:
    """The stock loses its way to the store, and a report asks the store for much in every fifth window, and is well."""
    for window in range(END):
        lost = 30 * (BAD <= window < BAD + 10)
        for client, server in (("", "shop"), ("shop", "cart"), ("cart", "stock")):
            yield call(window, client, server, f"{server}.example" if client else "", 40, errors_server=lost)
        yield call(window, "stock", "store", "store.example", 40 - lost)
        yield call(window, "stock", "", "store.example", lost, errors_connect=lost)
        yield call(window, "report", "store", "store.example", burst if window % 5 == 0 else 0)


def test_others_are_well_in_whatever_windows_they_call_while_one_fails() -> None:
    (incident,) = analyze(windows(END, beside(2_000)), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.confidence < 0.8) == ("store", True)


def one_after_the_other(meanwhile: bool) -> Iterator[Row]:
    """A store fails the stock for seven windows. The bank asks it for what the stock has in store, before and after the
    outage, or all along by its own."""
    for window in range(END):
        bad = BAD <= window < WELL
        for client, server in (("", "shop"), ("shop", "cart"), ("cart", "stock"), ("stock", "store")):
            peer = f"{server}.example" if client else ""
            yield call(window, client, server, peer, attempts=60, errors_server=54 * bad)
        sold = 60 if meanwhile or not bad else 2
        for client, server in (("cart", "bank"), ("bank", "store")):
            yield call(window, client, server, f"{server}.example", attempts=sold)


@pytest.mark.parametrize("meanwhile", [True, False])
def test_only_calls_in_the_outage_show_that_others_are_well(meanwhile: bool) -> None:
    (incident,) = analyze(windows(END, one_after_the_other(meanwhile)), SUMMARY).incidents
    assert incident.candidates[0].component == "store"
    assert (incident.trigger.confidence > 0.7) == (not meanwhile)
