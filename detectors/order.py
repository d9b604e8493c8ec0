"""Rows in one order, so that sums of floats do not depend on the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray

from ..collector.edges import Edges, edges_of, joined
from ..collector.model import CALL_COUNTS, EDGE_KEYS, LATENCY_COLUMNS, Windows
from .series import Indices

_SIGNALS = ("window", "component", "concept", "item")
_CHANGES = ("time", "Kind", "Target", "Actor", "Generation", "Answers", "Outcome", "Detail")
_TEXTS = ("window", "component", "side", "text")


def in_order(windows: Windows) -> Windows:
    """The same windows with rows in order, and without what no detector reads."""
    calls, edges = windows.calls, windows.edges
    order = _order(calls["window"], edges)
    read = [name for name in calls.columns if name not in LATENCY_COLUMNS]
    ordered = replace(
        windows,
        calls=_frame({name: calls[name].array if order is None else calls[name].array.take(order) for name in read}),
        signals=_sorted(windows.signals, _SIGNALS),
        changes=windows.changes.sort_values(list(_CHANGES), kind="stable", ignore_index=True),
        texts=windows.texts.sort_values(list(_TEXTS), kind="stable", ignore_index=True),
    )
    return ordered.with_edges(edges if order is None else edges.picked(order))


def laid_in(windows: Windows, more: pd.DataFrame) -> Windows:
    """The windows with more rows of calls among theirs, in order if theirs are."""
    calls, edges = windows.calls, joined([windows.edges, edges_of(more)])
    order = _order(pd.concat([calls["window"], more["window"]]), edges)
    at = np.arange(len(edges.of)) if order is None else order
    counts = [name for name in calls.columns if name in CALL_COUNTS]
    laid = np.empty((len(counts), len(at)))  # at one go: one column's memory costs more to get than to fill
    place = np.empty(len(at), np.int64)
    place[at] = np.arange(len(at))
    of_calls, of_more = np.split(place, [len(calls)])
    for name, column in zip(counts, laid, strict=True):
        column[of_calls], column[of_more] = calls[name], more[name]
    columns = {name: edges.names[name].array.take(edges.of[at]) for name in EDGE_KEYS}
    others = [name for name in calls.columns if name not in counts and name not in EDGE_KEYS]
    columns |= {name: rows.array.take(at) for name, rows in end_to_end([calls[others], more[others]]).items()}
    columns |= {name: pd.Series(column, copy=False).array for name, column in zip(counts, laid, strict=True)}
    return replace(windows, calls=_frame({name: columns[name] for name in calls.columns})).with_edges(edges.picked(at))


def end_to_end(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several frames, with their texts in one piece each: pandas leaves them in as many as there were, and
    step after step would leave ever more."""
    together = pd.concat(frames, ignore_index=True)
    texts = {
        str(name): pa.array(rows.array) for name, rows in together.items() if isinstance(rows.dtype, pd.StringDtype)
    }
    whole = {name: rows.combine_chunks() for name, rows in texts.items() if isinstance(rows, pa.ChunkedArray)}
    return together.assign(**{name: pd.array(rows, dtype=together[name].dtype) for name, rows in whole.items()})


def _order(window: pd.Series[int], edges: Edges) -> Indices | None:
    """By window and edge, which come in order of their names; None where rows stand so."""
    place = window.to_numpy(np.int64) * max(1, len(edges)) + edges.of
    return None if (np.diff(place) >= 0).all() else np.argsort(place, kind="stable")


def _frame(columns: dict[str, ExtensionArray]) -> pd.DataFrame:
    """Each column by itself: to pick some of them copies none, and to make them holds no frame beside the two."""
    return pd.DataFrame(columns, copy=False)


def _sorted(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Rows sorted by text and whole numbers; those that come in order, as from the collector, are not copied."""
    if _is_sorted(rows, by):
        return rows.reset_index(drop=True)
    return rows.sort_values(list(by), kind="stable", ignore_index=True)


def _is_sorted(rows: pd.DataFrame, by: Sequence[str]) -> bool:
    equal = np.ones(max(0, len(rows) - 1), np.bool_)
    for name in by:
        values = rows[name].array
        before, after = values[:-1], values[1:]
        if (equal & np.asarray(after < before, np.bool_)).any():
            return False
        equal &= np.asarray(after == before, np.bool_)
    return True
