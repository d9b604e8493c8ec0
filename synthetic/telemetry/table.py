"""Drawn spans -> rows of `model.SPANS`: texts and attributes are looked up by number, never built span by span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...collector.model import ATTRIBUTES, SPANS
from .conventions import REQUEST_ID
from .ids import hex_text, random_ids
from .looks import Looks

Ints = NDArray[np.int64]
_NS = 1_000_000_000
_EVENT = SPANS.field("Events").type.value_type


@dataclass
class Rows:
    """Drawn spans as columns, in any order.

    parent: row of the parent span, or -1. trace: number within the chunk. start_s: since the history's start.
    look, resource: numbers in `Looks`.
    """

    parent: Ints
    trace: Ints
    start_s: NDArray[np.float64]
    lasts_s: NDArray[np.float64]
    look: Ints
    resource: Ints

    def __len__(self) -> int:
        return len(self.trace)


class SpanTables:
    """Makes tables of a world's looks; the generator that is passed gives the ids."""

    def __init__(self, looks: Looks, start_s: float) -> None:
        self._start_ns = round(start_s * _NS)
        names = ("name", "kind", "service", "status", "message")
        self._texts = {name: pa.array([getattr(look, name) for look in looks.all], pa.string()) for name in names}
        self._attributes = AttributePool([look.attributes for look in looks.all])
        self._resources = AttributePool(looks.resources)
        self._exceptions = AttributePool([look.exception or {} for look in looks.all])
        self._raises = np.array([look.exception is not None for look in looks.all])

    def make(self, rows: Rows, traces: int, generator: np.random.Generator) -> pa.Table:
        """The rows as a table of SPANS, ordered by start."""
        trace_ids = random_ids(generator, traces, 16)
        span_ids = hex_text(random_ids(generator, len(rows), 8))
        start_ns = self._start_ns + np.round(rows.start_s * _NS).astype(np.int64)
        end_ns = start_ns + np.maximum(1, np.round(rows.lasts_s * _NS)).astype(np.int64)
        order = np.argsort(start_ns, kind="stable")
        look = pa.array(rows.look[order])
        texts = {name: column.take(look) for name, column in self._texts.items()}
        parents = rows.parent[order]
        columns = [
            pa.array(start_ns[order]).cast(pa.timestamp("ns")),
            hex_text(trace_ids[rows.trace[order]]),
            span_ids.take(pa.array(order)),
            span_ids.take(pa.array(parents, mask=parents < 0)).fill_null(""),
            texts["name"],
            texts["kind"],
            texts["service"],
            pa.array((end_ns - start_ns)[order]),
            texts["status"],
            texts["message"],
            self._resources.maps(rows.resource[order], generator),
            self._attributes.maps(rows.look[order], generator),
            self._events(rows.look[order], end_ns[order], generator),
        ]
        return pa.table(columns, schema=SPANS)

    def _events(self, look: Ints, end_ns: Ints, generator: np.random.Generator) -> pa.Array:
        raises = self._raises[look]
        offsets = np.append(0, np.cumsum(raises)).astype(np.int32)
        times = pa.array(end_ns[raises]).cast(pa.timestamp("ns"))
        names = pa.array(["exception"], pa.string()).take(pa.array(np.zeros(len(times), np.int64)))
        attributes = self._exceptions.maps(look[raises], generator)
        events = pa.StructArray.from_arrays([times, names, attributes], fields=list(_EVENT))
        return pa.ListArray.from_arrays(pa.array(offsets), events, type=SPANS.field("Events").type)


class AttributePool:
    """Attribute maps, each once, from which whole columns are put together by number."""

    def __init__(self, maps: Sequence[Mapping[str, str]]) -> None:
        pairs = [pair for one in maps for pair in sorted(one.items())]
        self._keys = pa.array([key for key, _ in pairs], pa.string())
        self._values = pa.array([value for _, value in pairs], pa.string())
        self._sizes = np.array([len(one) for one in maps], np.int64)
        self._first = np.cumsum(self._sizes) - self._sizes
        self._drawn = np.array([value == REQUEST_ID for _, value in pairs], np.bool_)

    def maps(self, which: Ints, generator: np.random.Generator | None = None) -> pa.MapArray:
        """A column of the maps with these numbers; what stands for a request id is drawn from `generator`."""
        sizes = self._sizes[which]
        offsets = np.append(0, np.cumsum(sizes))
        flat = np.arange(offsets[-1]) + np.repeat(self._first[which] - offsets[:-1], sizes)
        values, value_rows = self._values, flat
        drawn = np.flatnonzero(self._drawn[flat])
        if generator is not None and len(drawn):
            ids = hex_text(random_ids(generator, len(drawn), 8))
            values = pa.concat_arrays([values, ids])
            value_rows = flat.copy()
            value_rows[drawn] = len(self._values) + np.arange(len(drawn))
        items = values.take(pa.array(value_rows))
        return pa.MapArray.from_arrays(pa.array(offsets.astype(np.int32)), self._keys.take(pa.array(flat)), items).cast(
            ATTRIBUTES
        )
