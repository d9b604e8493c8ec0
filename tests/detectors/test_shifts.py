"""Extra time is what a service takes more than it used to."""

from __future__ import annotations

import pandas as pd

from epicenter.detectors.shifts import shifts
from tests.detectors.frames import Row, call


def frame(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame([dict(row) for row in rows])


def test_a_service_whose_background_calls_outweighed_its_requests_is_not_slow_when_they_end() -> None:
    """Twenty requests of 10 ms are served as ever; what used to take an hour was called beside them."""
    before = [
        row
        for window in range(30)
        for row in (
            call(window, "api", "worker"),
            call(window, "worker", "", "host.example", client_ns=120_000_000_000),
        )
    ]
    found = shifts(frame(before), frame([call(30, "api", "worker")]))
    assert sum(shift.extra for shift in found) <= 20 * 10
