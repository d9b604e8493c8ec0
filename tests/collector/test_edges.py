"""The edges of calls: told of rows at once or in parts, they are the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epicenter.collector.edges import Edges, edges_of, joined
from epicenter.collector.errors import UsageError
from epicenter.collector.model import EDGE_KEYS

NAMES = st.sampled_from(["", "a", "b", "b.example", "Ä"])
ROWS = st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=12)
Row = tuple[str, str, str]


def frame(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(EDGE_KEYS)).astype(str)


def told(edges: Edges) -> list[Row]:
    """Each row's names, by its edge."""
    names = list(zip(*(edges.names[key].tolist() for key in EDGE_KEYS), strict=True))
    assert names == sorted(set(names))
    assert set(edges.of.tolist()) == set(range(len(names)))
    return [names[edge] for edge in edges.of]


@given(ROWS)
def test_each_row_has_the_edge_of_its_names(rows: list[Row]) -> None:
    assert told(edges_of(frame(rows))) == rows


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_edges_of_parts_join_to_those_of_all_rows(parts: list[list[Row]]) -> None:
    assert told(joined([edges_of(frame(rows)) for rows in parts])) == [row for rows in parts for row in rows]


@given(ROWS)
def test_edges_of_some_rows_in_any_order_are_theirs(rows: list[Row]) -> None:
    at = np.array([place for place in range(len(rows)) if place % 3], np.int64)[::-1]
    assert told(edges_of(frame(rows)).picked(at)) == [rows[place] for place in at]


@pytest.mark.parametrize("name", EDGE_KEYS)
def test_a_name_that_is_missing_is_refused(name: str) -> None:
    calls = frame([("a", "b", "b.example"), ("", "a", "")])
    calls.loc[1, name] = None
    with pytest.raises(UsageError, match=f"a row of calls has no {name}"):
        edges_of(calls)


def test_counts_are_added_up_by_edge() -> None:
    edges = edges_of(frame([("", "a", ""), ("a", "b", "b.example"), ("", "a", "")]))
    assert edges.total(pd.Series([1.0, 2.0, 4.0])).tolist() == [5.0, 2.0]
    assert edges.any(np.array([False, True, False])).tolist() == [False, True]
    assert edges.services == {"", "a", "b"}
