"""A history's metrics -> lines of OTLP JSON: cumulative sums, gauges, histograms and summaries, scrape by scrape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from ..telemetry.metrics import families, scrape_times
from ..telemetry.mix import DEFAULT
from ..world.history import History
from .batches import BATCH_ITEMS, METRICS, Ints, lines
from .json_text import attribute_lists, decimals, gathered, joined, quote
from .streams import Floats, Labels, Stream, streams_of

_compute: Any = pyarrow.compute
"""Its functions are made at run time, where no type checker sees them."""

_BLOCK_POINTS = 20_000
"""Points that are put into words at a time: some 20 MB of text."""

_EXACT = 2.0**53
"""Below it every whole number is a double."""

_CUMULATIVE = 2  # aggregation temporality


@dataclass(frozen=True)
class Lines:
    """Some lines, and the samples that Prometheus makes of them, from the first time to the last."""

    text: bytes
    samples: int
    times_ns: tuple[int, int]


def metric_lines(history: History, every_s: float, metrics: Sequence[str] = DEFAULT.metrics) -> Iterator[Lines]:
    """All metrics in order of time: the points of one scrape are one line, or several of `BATCH_ITEMS` points."""
    times_ns = np.round(scrape_times(history, every_s) * 1e9).astype(np.int64)
    numbers: dict[Labels, int] = {}
    streams = [
        streams_of(family, times_ns, lambda resource: numbers.setdefault(resource, len(numbers)))
        for family in families(history, every_s, metrics)
        if family.series
    ]
    resources = [text.encode() for text in _attribute_texts(list(numbers)).to_pylist()]
    words = [_Words(stream) for stream in streams]
    step = max(1, _BLOCK_POINTS // max(1, sum(len(stream.attributes) for stream in streams)))
    for begin in range(0, len(times_ns), step):
        block = slice(begin, begin + step)
        yield _block([one.metrics(block, times_ns) for one in words], times_ns[block], resources)


@dataclass(frozen=True)
class _Metrics:
    """One metric of each (scrape of the block, resource) that has points: its text and how many points it has."""

    texts: Any
    scrape: Ints
    resource: Ints
    points: Ints
    samples: int


def _block(parts: list[_Metrics], times_ns: Ints, resources: list[bytes]) -> Lines:
    texts = pa.concat_arrays([part.texts for part in parts])
    scrape = np.concatenate([part.scrape for part in parts])
    resource = np.concatenate([part.resource for part in parts])
    points = np.concatenate([part.points for part in parts])
    order = np.lexsort((resource, scrape))
    before = np.cumsum(points[order]) - points[order]
    first = np.searchsorted(scrape[order], np.arange(len(times_ns)))
    in_scrape = before - np.append(before, 0)[first][scrape[order]]
    _, batch = np.unique(np.stack([scrape[order], in_scrape // BATCH_ITEMS]), axis=1, return_inverse=True)
    text = lines(METRICS, texts.take(pa.array(order)), resource[order], resources, batch.ravel())
    return Lines(text, sum(part.samples for part in parts), (int(times_ns[0]), int(times_ns[-1])))


class _Words:
    """Puts the points of a family's streams into JSON."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._attributes = _attribute_texts(stream.attributes)
        kind = "sum" if stream.kind == "counter" else stream.kind
        self._head = (
            f'{{"name":{quote(stream.name)},"description":{quote(stream.help)},"unit":"{stream.unit}",'
            f'"{kind}":{{"dataPoints":['
        )
        monotonic = ',"isMonotonic":true' if stream.kind == "counter" else ""
        cumulative = "" if stream.kind in ("gauge", "summary") else f',"aggregationTemporality":{_CUMULATIVE}'
        self._tail = f"]{cumulative}{monotonic}}}}}"
        seen = stream.values[~np.isnan(stream.values)]
        self._whole = bool((np.abs(seen) < _EXACT).all() and (np.floor(seen) == seen).all())

    def metrics(self, block: slice, times_ns: Ints) -> _Metrics:
        """What the scrapes of `block` found."""
        stream = self._stream
        found = ~np.isnan(stream.values[:, block].T)
        scrape, which = np.nonzero(found)  # scrape by scrape, and within one by resource
        at = scrape + block.start
        start = "" if stream.kind == "gauge" else joined('"startTimeUnixNano":"', self._starts(which, at), '",')
        texts = joined(
            '{"attributes":[',
            self._attributes.take(pa.array(which)),
            "],",
            start,
            '"timeUnixNano":"',
            decimals(times_ns[at]),
            '",',
            self._value(which, at) if stream.parts is None else self._whole_of(which, at),
            "}",
        )
        owner = stream.resource[which]
        changes = (np.diff(scrape) != 0) | (np.diff(owner) != 0)
        begins = np.flatnonzero(np.append(len(scrape) > 0, changes))
        ends = np.append(begins[1:], len(scrape)) if len(begins) else begins
        lists = gathered(np.append(begins, len(scrape)) if len(begins) else [0], texts)
        metrics = joined(self._head, lists, self._tail)
        return _Metrics(metrics, scrape[begins], owner[begins], ends - begins, len(scrape) * stream.samples)

    def _starts(self, which: Ints, at: Ints) -> Any:
        return decimals(self._stream.starts_ns[which, at])

    def _value(self, which: Ints, at: Ints) -> Any:
        values = self._stream.values[which, at]
        if self._whole:
            return joined('"asInt":"', decimals(values.astype(np.int64)), '"')
        return joined('"asDouble":', _doubles(values))

    def _whole_of(self, which: Ints, at: Ints) -> Any:
        """A histogram or a summary."""
        stream = self._stream
        assert stream.sums is not None  # for the checker: told by the caller
        return joined(
            '"count":"',
            decimals(stream.values[which, at].astype(np.int64)),
            '","sum":',
            _doubles(stream.sums[which, at]),
            *(self._buckets(which, at) if stream.kind == "histogram" else self._quantiles(which, at)),
        )

    def _buckets(self, which: Ints, at: Ints) -> tuple[Any, ...]:
        counts = self._parts(which, at).astype(np.int64)
        bounds = ",".join(f"{bound:g}" for bound in self._stream.bounds)
        texts = joined('"', decimals(counts.ravel()), '"')
        return ',"bucketCounts":[', _lists(counts, texts), f'],"explicitBounds":[{bounds}]'

    def _quantiles(self, which: Ints, at: Ints) -> tuple[Any, ...]:
        values = self._parts(which, at)
        heads = pa.array(
            [f'{{"quantile":{bound:g},"value":' for bound in self._stream.bounds] * len(values), pa.string()
        )
        return ',"quantileValues":[', _lists(values, joined(heads, _doubles(values.ravel()), "}")), "]"

    def _parts(self, which: Ints, at: Ints) -> Floats:
        assert self._stream.parts is not None  # for the checker: told by the caller
        return self._stream.parts[which, :, at]


def _lists(rows: NDArray[Any], texts: Any) -> Any:
    """The texts of each row, one for each of its numbers, as one."""
    count, width = rows.shape
    return gathered(width * np.arange(count + 1), texts)


def _doubles(values: Floats) -> Any:
    """Shortest text that gives the same number; what JSON has no number for is a text, as proto3's mapping asks."""
    texts = pa.array(values).cast(pa.string())
    if np.isfinite(values).all():
        return texts
    for plain, proper in (("^inf$", '"Infinity"'), ("^-inf$", '"-Infinity"')):
        texts = _compute.replace_substring_regex(texts, plain, proper)
    return texts


def _attribute_texts(maps: list[Labels]) -> Any:
    return attribute_lists(pa.array([list(one) for one in maps], pa.map_(pa.string(), pa.string())))
