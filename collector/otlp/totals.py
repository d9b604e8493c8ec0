"""Points of delta temporality -> the running totals that Prometheus' counters are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa

from ..columns import Pairs

DELTAS = "deltas"
"""The name of a table of SAMPLES whose values are to be added up, per series and in their order."""

_STATE = msgspec.msgpack.Decoder(list[tuple[str, Pairs, float]])


class Totals:
    """The running total of each series that is sent as deltas.

    state: what `encode` gave. most: series that are kept; of more, those that were silent longest begin again at zero.
    """

    def __init__(self, state: bytes = b"", *, most: int | None = None) -> None:
        self._totals = {(name, labels): total for name, labels, total in _STATE.decode(state)} if state else {}
        self._most = most

    def added_up(self, tables: Iterable[tuple[str, pa.Table]]) -> Iterator[tuple[str, pa.Table]]:
        """The tables, with what was added up in place of DELTAS, as samples."""
        for table, rows in tables:
            yield ("samples", self._add(rows)) if table == DELTAS else (table, rows)

    def _add(self, rows: pa.Table) -> pa.Table:
        columns = (rows[name].to_pylist() for name in ("Name", "Labels", "Value"))
        values = [
            value if math.isnan(value) else self._total(name, tuple(labels), value)
            for name, labels, value in zip(*columns, strict=True)
        ]
        return rows.set_column(rows.schema.get_field_index("Value"), "Value", pa.array(values, pa.float64()))

    def _total(self, name: str, labels: Pairs, value: float) -> float:
        total = self._totals.pop((name, labels), 0.0) + value
        self._totals[name, labels] = total  # at the end: the first are those that were silent longest
        if self._most is not None and len(self._totals) > self._most:
            del self._totals[next(iter(self._totals))]
        return total

    def encode(self) -> bytes:
        """All of it, for another `Totals` to go on from."""
        return msgspec.msgpack.encode([(name, labels, total) for (name, labels), total in self._totals.items()])
