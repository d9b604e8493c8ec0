"""Rows as arrays: in parts they say what they say at once, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from epicenter.collector.model import Windows
from epicenter.detectors.series import Table, tables, tally
from tests.detectors.frames import WINDOW_S, at, windows

SEEN = windows(6)
ROWS = pd.DataFrame(
    {
        "window": [at(w) for w in (0, 5, 2, 2, 3, 1, -1, 6)],
        "service": ["b", "a", "c", "c", "e", "d", "a", "b"],
        "calls": [1, 2, 3, 4, 5, 6, 100, 100],
        "failed": [0.5, 0.0, 1.0, 2.0, 0.0, 0.0, 9.0, 9.0],
    }
)


def parts(at_once: int | None, rows: pd.DataFrame = ROWS, seen: Windows = SEEN) -> list[Table]:
    return list(tables(seen, rows, ("service",), ("calls", "failed"), at_once))


@pytest.mark.parametrize(("at_once", "lengths"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (100, [5]), (None, [5])])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_parts_hold_the_series_of_the_whole_in_order_and_as_many_as_are_wanted(
    at_once: int | None, lengths: list[int], seed: int | None
) -> None:
    rows = ROWS if seed is None else ROWS.sample(frac=1, random_state=seed)
    whole, found = tally(SEEN, ROWS, ("service",), ("calls", "failed")), parts(at_once, rows)
    assert [len(part) for part in found] == lengths
    assert [name for part in found for name in part.names("service")] == whole.names("service") == list("abcde")
    for quantity in ("calls", "failed"):
        together = np.concatenate([part[quantity] for part in found])
        assert np.array_equal(together, whole[quantity])


def test_what_lies_outside_of_the_data_counts_nothing_and_same_windows_add_up() -> None:
    (table,) = parts(None)
    assert table["calls"].tolist() == [
        [0, 0, 0, 0, 0, 2],
        [1, 0, 0, 0, 0, 0],
        [0, 0, 7, 0, 0, 0],
        [0, 6, 0, 0, 0, 0],
        [0, 0, 0, 5, 0, 0],
    ]


def test_no_rows_make_no_parts() -> None:
    assert parts(None, ROWS.iloc[:0]) == []


def test_a_longer_time_is_laid_out_in_smaller_parts() -> None:
    rows = pd.DataFrame({"window": at(0), "service": [f"{n:04d}" for n in range(300)], "calls": 1, "failed": 0.0})
    assert len(parts(None, rows)) == 1
    assert [len(part) for part in parts(None, rows, windows(86_400 // WINDOW_S * 5))] == [128, 128, 44]
