"""Drawn spans -> rows of `model.SPANS`: texts and attributes are looked up by number, never built span by span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...collector.model import LOGS, SPANS
from .conventions import REQUEST_ID
from .ids import hex_digits, random_ids, text_of
from .looks import Looks

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
_NS = 1_000_000_000
_EVENT = SPANS.field("Events").type.value_type


@dataclass
class Rows:
    """Drawn spans as columns, in any order.

    parent: row of the parent span, or -1. trace: number within the chunk. start_s: since the history's start.
    look, resource: numbers in `Looks`. arrives: whether the span reaches whoever records it; None: all do.
    """

    parent: Ints
    trace: Ints
    start_s: NDArray[np.float64]
    lasts_s: NDArray[np.float64]
    look: Ints
    resource: Ints
    arrives: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.trace)


@dataclass(frozen=True)
class Drawn:
    """Rows of SPANS, and the log records (LOGS) that were written inside them, each ordered by time."""

    spans: pa.Table
    logs: pa.Table


class SpanTables:
    """Makes tables of a world's looks; the generator that is passed gives the ids.

    logged: exceptions are log records, not span events. encoded: texts are dictionary-encoded, which Parquet takes
    over as it is; else the tables have the model's own types.
    """

    def __init__(self, looks: Looks, start_s: float, *, logged: bool = False, encoded: bool = False) -> None:
        self._start_ns, self._logged = round(start_s * _NS), logged
        names = ("name", "kind", "service", "status", "message")
        self._texts = {name: Texts([getattr(look, name) for look in looks.all], encoded) for name in names}
        self._attributes = AttributePool([look.attributes for look in looks.all], encoded)
        self._resources = AttributePool(looks.resources, encoded)
        self._exceptions = AttributePool([look.exception or {} for look in looks.all])
        self._raises = np.array([look.exception is not None for look in looks.all], np.bool_)

    def make(self, rows: Rows, traces: int, generator: np.random.Generator) -> Drawn:
        """The rows as tables, ordered by start."""
        trace_ids = hex_digits(random_ids(generator, traces, 16))
        span_ids = hex_digits(random_ids(generator, len(rows), 8))
        start_ns = self._start_ns + np.round(rows.start_s * _NS).astype(np.int64)
        order = np.argsort(start_ns, kind="stable")
        if rows.arrives is not None:
            order = order[rows.arrives[order]]
        start_ns, look, parents = start_ns[order], rows.look[order], rows.parent[order]
        lasts_ns = np.maximum(1, np.round(rows.lasts_s[order] * _NS)).astype(np.int64)
        hangs = parents >= 0
        raises = self._raises[look]
        ids = trace_ids[rows.trace[order]], span_ids[order]
        columns = [
            pa.array(start_ns).view(pa.timestamp("ns")),
            text_of(ids[0]),
            text_of(ids[1]),
            text_of(span_ids[parents[hangs]], hangs),
            self._texts["name"].take(look),
            self._texts["kind"].take(look),
            self._texts["service"].take(look),
            pa.array(lasts_ns),
            self._texts["status"].take(look),
            self._texts["message"].take(look),
            self._resources.maps(rows.resource[order], generator),
            self._attributes.maps(look, generator),
            self._events(look, start_ns + lasts_ns, np.zeros_like(raises) if self._logged else raises),
        ]
        logs = LOGS.empty_table()
        if self._logged and raises.any():
            at = np.flatnonzero(raises)
            at = at[np.argsort((start_ns + lasts_ns)[at], kind="stable")]
            where = text_of(ids[0][at]), text_of(ids[1][at])
            logs = self._records(look[at], rows.resource[order][at], (start_ns + lasts_ns)[at], where)
        return Drawn(pa.table(columns, names=SPANS.names), logs)

    def _events(self, look: Ints, end_ns: Ints, raises: NDArray[np.bool_]) -> pa.Array:
        offsets = np.append(0, np.cumsum(raises)).astype(np.int32)
        times = pa.array(end_ns[raises]).view(pa.timestamp("ns"))
        attributes = self._exceptions.maps(look[raises])
        events = pa.StructArray.from_arrays(
            [times, _repeated("exception", len(times)), attributes], fields=list(_EVENT)
        )
        return pa.ListArray.from_arrays(pa.array(offsets), events, type=SPANS.field("Events").type)

    def _records(self, look: Ints, resource: Ints, at_ns: Ints, ids: tuple[pa.Array, pa.Array]) -> pa.Table:
        """Exceptions as log records, as OpenTelemetry now asks for them."""
        n = len(look)
        columns = [
            pa.array(at_ns).view(pa.timestamp("ns")),
            *ids,
            _repeated("ERROR", n),
            self._texts["service"].plain(look),
            _repeated("", n),
            _repeated("exception", n),
            self._resources.maps(resource, encoded=False),
            self._exceptions.maps(look),
        ]
        return pa.table(columns, schema=LOGS)


def _repeated(text: str, count: int) -> pa.Array:
    return pa.array([text], pa.string()).take(pa.array(np.zeros(count, np.int64)))


class Texts:
    """One text a look, each of them once."""

    def __init__(self, texts: Sequence[str], encoded: bool = False) -> None:
        self.all, self._codes = _coded(texts)
        self._encoded = encoded

    def take(self, which: Ints) -> pa.Array:
        """A column of the texts with these numbers."""
        if not self._encoded:
            return self.plain(which)
        return pa.DictionaryArray.from_arrays(pa.array(self._codes[which]), self.all, safe=False)

    def plain(self, which: Ints) -> pa.Array:
        """The same, never encoded."""
        return self.all.take(pa.array(self._codes[which]))


class AttributePool:
    """Attribute maps, each once, from which whole columns are put together by number."""

    def __init__(self, maps: Sequence[Mapping[str, str]], encoded: bool = False) -> None:
        pairs = [pair for one in maps for pair in sorted(one.items())]
        self._keys, self._key_codes = _coded([key for key, _ in pairs])
        self._values, self._value_codes = _coded([value for _, value in pairs])
        self._sizes = np.array([len(one) for one in maps], np.int32)
        self._first = (np.cumsum(self._sizes) - self._sizes).astype(np.int32)
        self._encoded = encoded
        # what is drawn anew for each span cannot be looked up
        self._drawn = next((code for code, value in enumerate(self._values.to_pylist()) if value == REQUEST_ID), None)

    def maps(
        self, which: Ints, generator: np.random.Generator | None = None, *, encoded: bool | None = None
    ) -> pa.MapArray:
        """A column of the maps with these numbers; what stands for a request id is drawn from `generator`."""
        encoded = self._encoded if encoded is None else encoded
        sizes = self._sizes[which]
        offsets = np.zeros(len(which) + 1, np.int32)
        np.cumsum(sizes, out=offsets[1:])
        flat = np.repeat(self._first[which] - offsets[:-1], sizes)
        flat += np.arange(len(flat), dtype=np.int32)
        keys, codes = self._key_codes[flat], self._value_codes[flat]
        if encoded:
            of_keys = pa.DictionaryArray.from_arrays(pa.array(keys), self._keys, safe=False)
        else:
            of_keys = self._keys.take(pa.array(keys))
        if self._drawn is not None and generator is not None:
            of_values = self._with_drawn(codes, self._drawn, generator)
        elif encoded:
            of_values = pa.DictionaryArray.from_arrays(pa.array(codes), self._values, safe=False)
        else:
            of_values = self._values.take(pa.array(codes))
        return pa.MapArray.from_arrays(pa.array(offsets), of_keys, of_values)

    def _with_drawn(self, codes: Codes, drawn: int, generator: np.random.Generator) -> pa.Array:
        rows = np.flatnonzero(codes == drawn)
        ids = text_of(hex_digits(random_ids(generator, len(rows), 8)))
        codes[rows] = len(self._values) + np.arange(len(rows), dtype=np.int32)
        return pa.concat_arrays([self._values, ids]).take(pa.array(codes))


def _coded(texts: Sequence[str]) -> tuple[pa.StringArray, Codes]:
    """The different texts in order, and of each text its number among them."""
    different = sorted(set(texts))
    numbers = {text: number for number, text in enumerate(different)}
    return pa.array(different, pa.string()), np.array([numbers[text] for text in texts], np.int32)
