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
_FOREVER_NS = np.iinfo(np.int64).max
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
        order = _order(start_ns)
        if rows.arrives is not None:
            order = order[rows.arrives[order]]
        # `take` gathers rows many times as fast as indexing does
        start_ns, look, parents = start_ns.take(order), rows.look.take(order), rows.parent.take(order)
        lasts_ns = np.maximum(1, np.round(rows.lasts_s.take(order) * _NS)).astype(np.int64)
        hangs = parents >= 0
        raises = self._raises.take(look)
        ids = trace_ids.take(rows.trace.take(order), axis=0), span_ids.take(order, axis=0)
        resource = rows.resource.take(order)
        columns = [
            pa.array(start_ns).view(pa.timestamp("ns")),
            text_of(ids[0]),
            text_of(ids[1]),
            text_of(span_ids.take(parents[hangs], axis=0), hangs),
            self._texts["name"].take(look),
            self._texts["kind"].take(look),
            self._texts["service"].take(look),
            pa.array(lasts_ns),
            self._texts["status"].take(look),
            self._texts["message"].take(look),
            self._resources.maps(resource, generator),
            self._attributes.maps(look, generator),
            self._events(look, start_ns + lasts_ns, np.zeros_like(raises) if self._logged else raises),
        ]
        logs = LOGS.empty_table()
        if self._logged and raises.any():
            at = np.flatnonzero(raises)
            at = at[np.argsort((start_ns + lasts_ns)[at], kind="stable")]
            where = text_of(ids[0][at]), text_of(ids[1][at])
            logs = self._records(look[at], resource[at], (start_ns + lasts_ns)[at], where)
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


def _order(times_ns: Ints) -> Ints:
    """The rows by time, those of one time as they stand: as a stable sort has them, but several times as fast."""
    bits = max(1, len(times_ns)).bit_length()
    since = times_ns - times_ns.min(initial=_FOREVER_NS)
    if len(since) and int(since.max()) >> (63 - bits):
        return np.argsort(times_ns, kind="stable")
    keys = np.sort((since << bits) | np.arange(len(since)))
    return keys & ((1 << bits) - 1)


def _repeated(text: str, count: int) -> pa.Array:
    return pa.array([text], pa.string()).take(pa.array(np.zeros(count, np.int64)))


class Texts:
    """One text a look, each of them once."""

    def __init__(self, texts: Sequence[str], encoded: bool = False) -> None:
        self.all, self._codes = _coded(texts)
        self._encoded = encoded

    def take(self, which: Ints) -> pa.Array:
        """A column of the texts with these numbers."""
        return _looked_up(self._codes.take(which), self.all, self._encoded)

    def plain(self, which: Ints) -> pa.Array:
        """The same, never encoded."""
        return _looked_up(self._codes.take(which), self.all, encoded=False)


class AttributePool:
    """Attribute maps, each once, from which whole columns are put together by number."""

    def __init__(self, maps: Sequence[Mapping[str, str]], encoded: bool = False) -> None:
        pairs = [pair for one in maps for pair in sorted(one.items())]
        self._keys, self._key_codes = _coded([key for key, _ in pairs])
        self._values, self._value_codes = _coded([value for _, value in pairs])
        self._sizes = np.array([len(one) for one in maps], np.int32)
        self._first = np.cumsum(self._sizes) - self._sizes
        # where all maps are of one size, they are rows of a grid
        alike = len(maps) > 0 and bool((self._sizes == self._sizes[0]).all())
        self._width = int(self._sizes[0]) if alike and self._sizes[0] else None
        self._encoded = encoded
        # what is drawn anew for each span cannot be looked up
        self._drawn = next((code for code, value in enumerate(self._values.to_pylist()) if value == REQUEST_ID), None)

    def maps(
        self, which: Ints, generator: np.random.Generator | None = None, *, encoded: bool | None = None
    ) -> pa.MapArray:
        """A column of the maps with these numbers; what stands for a request id is drawn from `generator`."""
        encoded = self._encoded if encoded is None else encoded
        offsets = np.zeros(len(which) + 1, np.int32)
        np.cumsum(self._sizes.take(which), out=offsets[1:])
        keys, codes = self._pairs(which, offsets)
        values = self._values
        if self._drawn is not None and generator is not None:
            rows = np.flatnonzero(codes == self._drawn)
            codes[rows] = len(values) + np.arange(len(rows), dtype=np.int32)
            values = pa.concat_arrays([values, text_of(hex_digits(random_ids(generator, len(rows), 8)))])
        return pa.MapArray.from_arrays(
            pa.array(offsets), _looked_up(keys, self._keys, encoded), _looked_up(codes, values, encoded)
        )

    def _pairs(self, which: Ints, offsets: Codes) -> tuple[Codes, Codes]:
        """The numbers of keys and of values, map after map."""
        if self._width is not None:
            grids = (self._key_codes, self._value_codes)
            keys, codes = (grid.reshape(-1, self._width).take(which, axis=0).ravel() for grid in grids)
            return keys, codes
        flat = np.repeat(self._first.take(which) - offsets[:-1], self._sizes.take(which))
        flat += np.arange(len(flat))
        return self._key_codes.take(flat), self._value_codes.take(flat)


def _looked_up(codes: Codes, texts: pa.Array, encoded: bool) -> pa.Array:
    if encoded:
        return pa.DictionaryArray.from_arrays(pa.array(codes), texts, safe=False)
    return texts.take(pa.array(codes))


def _coded(texts: Sequence[str]) -> tuple[pa.StringArray, Codes]:
    """The different texts in order, and of each text its number among them."""
    different = sorted(set(texts))
    numbers = {text: number for number, text in enumerate(different)}
    return pa.array(different, pa.string()), np.array([numbers[text] for text in texts], np.int32)
