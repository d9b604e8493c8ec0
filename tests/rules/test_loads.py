"""What of the samples changes: a rule that reads nothing else can tell nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from epicenter.rules.loads import moving_in
from epicenter.rules.write import STALE, Series

Floats = npt.NDArray[np.float64]

END = 3600.0
TIMES = np.arange(0.0, END, 30.0)
ONES = np.ones(len(TIMES))


@pytest.mark.parametrize(
    ("times", "values", "moves"),
    [
        (TIMES, ONES, False),
        (TIMES[1:], ONES[1:], False),
        (TIMES[20:], ONES[20:], False),
        (TIMES, np.full(len(TIMES), np.nan), False),
        (TIMES, np.where(TIMES < 600.0, 1.0, 2.0), True),
        (TIMES[60:], ONES[60:], True),
        (TIMES[:60], ONES[:60], True),
        (np.delete(TIMES, slice(40, 80)), ONES[40:], True),
        (TIMES, np.where(TIMES == 600.0, STALE, 1.0), True),
    ],
    ids=[
        *("steady", "scraped a little later", "read with a delay of ten minutes", "never a number"),
        *("changes", "comes", "goes", "is away for long", "is away for once"),
    ],
)
def test_a_series_moves_if_it_changes_comes_or_goes(times: Floats, values: Floats, moves: bool) -> None:
    """By the world's own bounds: nothing else need be there."""
    one = Series({"__name__": "m", "job": "a"}, times, values)
    assert moving_in([one], 0.0, END) == ({"m": {"__name__": {"m"}, "job": {"a"}}} if moves else {})
