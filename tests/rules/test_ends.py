"""Series of a recorded world end at the scrape that no longer finds them."""

from __future__ import annotations

import numpy as np

from epicenter.rules.ends import ended
from epicenter.rules.write import Series, is_stale

TIMES = np.arange(1_700_000_000.0, 1_700_000_300.0, 30.0)


def test_each_gap_and_the_end_are_marked_once() -> None:
    there = (range(10), (0, 1, 4, 5, 6), (0,))
    told = ended([Series({"__name__": "m"}, TIMES[list(some)], np.ones(len(some))) for some in there], TIMES)
    marked = [list(np.searchsorted(TIMES, one.times[is_stale(one.values)])) for one in told]
    assert marked == [[], [2, 7], [1]]
    assert list(told[1].times) == list(TIMES[[0, 1, 2, 4, 5, 6, 7]])
    assert ended([], TIMES) == []


def test_a_scrape_that_finds_none_of_the_series_marks_them_all() -> None:
    (alone,) = ended([Series({"__name__": "m"}, TIMES[[0, 1, 5]], np.ones(3))], TIMES)
    assert list(alone.times[is_stale(alone.values)]) == [TIMES[2], TIMES[6]]
