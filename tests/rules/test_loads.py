"""What of the samples changes: a rule that reads nothing else can tell nothing."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.rules.loads import moving_in
from epicenter.rules.write import STALE, Series

TIMES = np.arange(0.0, 3600.0, 30.0)
STEADY = Series({"__name__": "m", "job": "steady"}, TIMES, np.ones(len(TIMES)))


@pytest.mark.parametrize(
    ("other", "moves"),
    [
        (Series({"__name__": "m", "job": "other"}, TIMES, np.ones(len(TIMES))), False),
        (Series({"__name__": "m", "job": "other"}, TIMES[1:], np.ones(len(TIMES) - 1)), False),
        (Series({"__name__": "m", "job": "other"}, TIMES, np.where(TIMES < 600.0, 1.0, 2.0)), True),
        (Series({"__name__": "m", "job": "other"}, TIMES[60:], np.ones(len(TIMES) - 60)), True),
        (Series({"__name__": "m", "job": "other"}, TIMES[:60], np.ones(60)), True),
        (Series({"__name__": "m", "job": "other"}, TIMES, np.where(TIMES == 600.0, STALE, 1.0)), True),
    ],
    ids=["steady", "scraped a little later", "changes", "comes", "goes", "is away for once"],
)
def test_a_series_moves_if_it_changes_comes_or_goes(other: Series, moves: bool) -> None:
    assert moving_in([STEADY, other]) == ({"m": {"__name__": {"m"}, "job": {"other"}}} if moves else {})


def test_nothing_moves_where_nothing_is() -> None:
    assert moving_in([]) == {}
