"""Hand-made windows: a few calls per window, written as a story."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from epicenter.collector.model import CALLS, CHANGES, SIGNALS, TEXTS, Windows, empty
from epicenter.detectors.analysis import RecordingSummary

WINDOW_S = 30
START = 1_700_000_010 // WINDOW_S * WINDOW_S

Row = Mapping[str, Any]


def call(window: int, client: str, server: str, peer: str = "", attempts: int = 20, **counts: int | str) -> Row:
    """A row of calls in the given window (a number, from 0); what is not told follows from the rest."""
    errors = sum(int(count) for name, count in counts.items() if name.startswith("errors_"))
    row: dict[str, object] = {**dict.fromkeys(CALLS.names, 0)}
    row |= {"example_trace": f"{window:032x}", "error_trace": ""}
    row |= {"window": START + window * WINDOW_S, "client": client, "server": server, "peer": peer}
    row |= {"attempts": attempts, "originals": attempts, "errors": errors}
    row |= {"answered": attempts if server else 0, "unanswered": 0 if server else attempts}
    row |= {"entries": attempts if not client else 0, "error_trace": f"{window:032x}" if errors else ""}
    row |= {"client_ns": attempts * 12_000_000 if client else 0, "server_ns": attempts * 10_000_000 if server else 0}
    row |= {"uncovered_ns": attempts * 2_000_000 if client and server else 0}
    return row | counts


def signal(window: int, component: str, concept: str, value: float, item: str = "") -> Row:
    """A row of signals in the given window."""
    return {
        "window": START + window * WINDOW_S,
        "component": component,
        "concept": concept,
        "item": item,
        "value": value,
        "low": value,
        "high": value,
    }


def gauge(component: str, concept: str, values: Sequence[float | None], item: str = "") -> list[Row]:
    """A row of signals a window, from the first on; None: nobody reported in that window."""
    return [signal(window, component, concept, value, item) for window, value in enumerate(values) if value is not None]


def change(at_window: float, kind: str, target: str, actor: str, generation: int | None, **rest: object) -> Row:
    """A row of changes, `at_window` windows after the start."""
    row = {"time": START + at_window * WINDOW_S, "Kind": kind, "Target": target, "Actor": actor}
    return row | {"Generation": generation, "Answers": None, "Outcome": "ok", "Detail": ""} | rest


def words(window: int, component: str, text: str, failed: int, side: str = "server") -> Row:
    """A row of texts in the given window."""
    return {"window": START + window * WINDOW_S, "component": component, "side": side, "text": text, "failed": failed}


def windows(
    count: int,
    calls: Iterable[Row] = (),
    signals: Iterable[Row] = (),
    changes: Iterable[Row] = (),
    texts: Iterable[Row] = (),
) -> Windows:
    """Windows of the given rows, `count` of them."""
    changed = empty(CHANGES).drop(columns="Timestamp")
    changed.insert(0, "time", pd.Series(dtype="float64"))
    return Windows(
        window_s=WINDOW_S,
        start=START,
        end=START + count * WINDOW_S,
        calls=_frame(calls, empty(CALLS)),
        signals=_frame(signals, empty(SIGNALS)),
        changes=_frame(changes, changed),
        texts=_frame(texts, empty(TEXTS)),
    )


def _frame(rows: Iterable[Row], like: pd.DataFrame) -> pd.DataFrame:
    made = pd.DataFrame([dict(row) for row in rows], columns=like.columns)
    if made.empty:
        return like
    return made.astype({c: "float64" if c in ("Generation", "Answers") else like[c].dtype for c in like.columns})


def put(usual: Sequence[float], start: int, values: Sequence[float]) -> list[float]:
    """`usual` with `values` from window `start` on in place of what was there."""
    return [*usual[:start], *values, *usual[start + len(values) :]]


def at(window: float) -> float:
    """Unix seconds of the start of a window."""
    return START + window * WINDOW_S


SUMMARY = RecordingSummary(from_=0.0, to=0.0, spans=0, samples=0, changes=0, services=0, skipped=())
