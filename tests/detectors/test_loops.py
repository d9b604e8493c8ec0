"""A loop keeps an outage going only if the outage needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, call, change, gauge, windows
from tests.detectors.stories import NAME, calm

BAD, WELL, END = 30, 60, 90


def bad_release(stormed: range) -> Iterator[Row]:
    """The prices fail nine requests of ten at once; in some windows they are slow, and asked four times for each."""
    yield from calm(0, BAD)
    for window in range(BAD, WELL):
        yield call(window, "", "shop", attempts=40, errors_server=36)
        yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=36)
        late = window in stormed
        told = {"errors_deadline": 150, "wasted": 150} if late else {"errors_server": 36}
        yield call(window, "cart", "prices", NAME, attempts=160 if late else 40, originals=40, **told)
    yield from calm(WELL, END)


@pytest.mark.parametrize(("stormed", "loops"), [(range(34, 44), []), (range(34, WELL), ["retry_storm"])])
def test_a_storm_that_was_over_long_before_the_trigger_kept_nothing_going(stormed: range, loops: list[str]) -> None:
    ages = gauge("prices", "queue_age_s", [20.0 if BAD <= window < WELL else 0.0 for window in range(END)])
    changes = [change(BAD - 0.1, "deploy", "prices", "ci", 2)]
    (incident,) = analyze(windows(END, bad_release(stormed), ages, changes), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("prices", "bad_release")
    assert [loop.kind for loop in incident.sustaining] == loops
