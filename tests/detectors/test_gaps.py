"""A counter that is read again tells what it grew by meanwhile, and nothing that it did not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from epicenter.detectors.gaps import evenly, remembered
from tests.detectors.frames import Row, at, signal, windows

END = 60
GAP = range(30, 40)


def dark(over: range = GAP) -> NDArray[np.bool_]:
    return np.isin(np.arange(END), list(over))


def read(concept: str, grew_by: float, item: str = "", component: str = "shop", nought: bool = False) -> list[Row]:
    """10 a window, except in the gap, whose growth is read right after it."""
    usual = [signal(w, component, concept, 10.0, item) for w in range(END) if w not in GAP and w != GAP.stop]
    noughts = [signal(w, component, concept, 0.0, item) for w in GAP] if nought else []
    return [*usual, *noughts, signal(GAP.stop, component, concept, grew_by, item)]


@pytest.mark.parametrize("nought", [False, True])
def test_growth_is_laid_over_all_windows_since_the_reading_before(nought: bool) -> None:
    told = windows(END, signals=read("requests", 110.0, nought=nought))
    laid = evenly(told, told.signals, dark()).groupby("window")["value"].sum()
    assert laid.tolist() == pytest.approx([10.0] * END)


def test_look_ups_that_failed_are_laid_beside_the_calls_that_failed_of_them() -> None:
    told = windows(END, signals=read("dns_lookup_failures", 110.0, "nxdomain", "prices.example"))
    assert remembered(told, dark(), set()).signals["value"].tolist() == pytest.approx([10.0] * END)


def test_a_gap_while_spans_speak_stays_as_it_is() -> None:
    told = windows(END, signals=read("requests", 110.0))
    assert evenly(told, told.signals, dark(range(0))).equals(told.signals)


def test_what_a_process_counted_that_was_started_anew_remembers_no_gap() -> None:
    told = windows(END, signals=read("requests", 12.0))
    assert evenly(told, told.signals, dark()).equals(told.signals)


def test_noughts_of_a_service_at_rest_stay_noughts() -> None:
    told = windows(END, signals=read("requests", 10.0, nought=True))
    assert evenly(told, told.signals, dark())["value"].sum() == told.signals["value"].sum()
    assert sorted(evenly(told, told.signals, dark())["value"]) == sorted(told.signals["value"])


def test_a_burst_after_a_rest_is_no_catching_up() -> None:
    rows = [signal(w, "shop", "requests", 0.0 if w in GAP else 30.0 if w < 45 else 10.0) for w in range(30, END)]
    told = windows(END, signals=[*(signal(w, "shop", "requests", 10.0) for w in range(30)), *rows])
    assert evenly(told, told.signals, dark())["value"].tolist() == told.signals["value"].tolist()


def test_a_leap_is_worth_the_gap_at_any_pace_of_reading() -> None:
    """Read in every second window: 20 at a time, and 240 after ten windows of noughts."""
    rows = [signal(w, "shop", "requests", 0.0 if w in GAP else 240.0 if w == 40 else 20.0) for w in range(0, END, 2)]
    told = windows(END, signals=rows[::-1])
    laid = evenly(told, told.signals, dark()).groupby("window")["value"].sum()
    assert laid.loc[at(29) : at(40)].tolist() == pytest.approx([20.0] * 12)


def test_statuses_become_outcomes_of_clients_that_tell_no_more() -> None:
    signals = [*read("client_requests", 110.0, "cart", "prices"), *read("client_errors", 88.0, "cart", "prices")]
    signals += [*read("client_requests", 110.0, "cart", "prices.example")]  # the library beside the proxy
    signals += [*read("client_requests", 110.0, "shop", "cart")]  # which also tells outcomes, below
    signals += [*read("client_outcomes", 110.0, "shop\t503", "cart")]
    told = remembered(windows(END, signals=signals), dark(), {"cart", "shop"}).signals
    rows = told[told["concept"] == "client_outcomes"]
    sums = rows.groupby(["component", "item"])["value"].sum()
    over = len(GAP) + 1
    assert sums["prices", "cart\t200"] == pytest.approx(22.0)
    assert sums["prices", "cart\t500"] == pytest.approx(88.0)
    assert sums["cart", "shop\t503"] == pytest.approx(10.0 * (END - over) + 110.0)
    assert len(sums) == 3
