"""OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` takes it.

OpenMetrics has no traces and no events, so these lie beside it as OTLP JSON Lines. Source of the format: OpenMetrics
1.0: a family's samples stand together, in it a series' points in order of time, a histogram's point as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from ..telemetry.metrics import Family, Sampled, families, scrape_times
from ..world.history import History
from .json_text import joined
from .otlp import OtlpJson
from .streams import Floats, Ints, Labels

_compute: Any = pyarrow.compute
"""Its functions are made at run time, where no type checker sees them."""


class OpenMetrics(OtlpJson):
    """`metrics.txt`, and beside it `traces.jsonl` and `logs.jsonl`."""

    def samples(self, history: History, every_s: float, metrics: Sequence[str]) -> None:
        """Write the metrics of these dialects, family by family."""
        file = self._writer.file("metrics.txt")
        times_ns = np.round(scrape_times(history, every_s) * 1e9).astype(np.int64)
        times = pa.array([_seconds(time) for time in times_ns.tolist()], pa.string())
        for family in families(history, every_s, metrics):
            file.write(_head(family))
            for metric in _metrics(family):
                text, samples = _lines(family.name, metric, times)
                file.write(text)
                file.count("samples", samples, (int(times_ns[0]), int(times_ns[-1])))
        file.write(b"# EOF\n")


def _head(family: Family) -> bytes:
    """TYPE and HELP; a counter whose samples are not called `_total` is none for OpenMetrics."""
    name, kind = family.name, str(family.kind)
    if kind == "counter":
        name, kind = (name.removesuffix("_total"), kind) if name.endswith("_total") else (name, "unknown")
    told = family.help.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f"# TYPE {name} {kind}\n# HELP {name} {told}\n".encode()


def _metrics(family: Family) -> Iterator[list[Sampled]]:
    """The series of each set of labels; of a histogram its buckets, ascending, count and sum."""
    grouped: dict[Labels, list[Sampled]] = {}
    for series in family.series:
        key = tuple(sorted((name, value) for name, value in series.labels.items() if name != "le"))
        grouped.setdefault(key, []).append(series)
    for metric in grouped.values():
        yield sorted(metric, key=lambda series: (float(series.labels.get("le", math.inf)), series.suffix))


def _lines(name: str, metric: list[Sampled], times: pa.StringArray) -> tuple[bytes, int]:
    """The lines of one metric, point by point, and how many they are."""
    values = np.stack([series.values for series in metric], axis=1)
    when, which = np.nonzero(~np.isnan(values))
    heads = pa.array([f"{name}{series.suffix}{_labels(series)} " for series in metric], pa.string())
    texts = joined(heads.take(pa.array(which)), _numbers(values[when, which]), " ", times.take(pa.array(when)), "\n")
    return _compute.binary_join(pa.ListArray.from_arrays(_all(texts), texts), "")[0].as_buffer().to_pybytes(), len(when)


def _all(texts: Any) -> Ints:
    return pa.array([0, len(texts)], pa.int32())


def _labels(series: Sampled) -> str:
    """An empty label is none in Prometheus' data model."""
    pairs = [(name, value) for name, value in sorted(series.labels.items()) if value]
    if not pairs:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(_bound(name, value))}"' for name, value in pairs) + "}"


def _bound(name: str, value: str) -> str:
    """OpenMetrics has one spelling of a bucket's bound: 1.0, where Prometheus' own text says 1."""
    return str(float(value)) if name == "le" and value != "+Inf" else value


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _numbers(values: Floats) -> Any:
    texts = pa.array(values).cast(pa.string())
    return texts if np.isfinite(values).all() else _compute.replace_substring_regex(texts, "^(-?)inf$", r"\1Inf")


def _seconds(nanos: int) -> str:
    """Unix seconds, exactly.

    >>> _seconds(1_760_940_000_500_000_000), _seconds(1_760_940_000_000_000_000)
    ('1760940000.5', '1760940000')
    """
    seconds, rest = divmod(nanos, 10**9)
    return f"{seconds}.{rest:09d}".rstrip("0").rstrip(".")
