"""Families of series -> the streams that they are in OTLP: a histogram's buckets, count and sum are one stream.

So are a summary's quantiles, count and sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...collector.otlp.names import label_name, metric_name
from ..telemetry.metrics import Family, Kind, Sampled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = tuple[tuple[str, str], ...]

_SEMANTIC_METRICS = (
    ("http.server.request.duration", "s"),
    ("http.client.request.duration", "s"),
    ("dns.lookup.duration", "s"),
    ("grpc.client.attempt.duration", "s"),
    ("grpc.client.call.duration", "s"),
    ("rpc.client.duration", "ms"),
    ("rpc.server.duration", "ms"),
)
_SEMANTIC_ATTRIBUTES = (
    "dns.question.name",
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "network.protocol.version",
    "rpc.method",
    "rpc.service",
    "rpc.system",
    "server.address",
    "server.port",
    "url.scheme",
)
_METRIC_NAMES = {metric_name(name, unit): (name, unit) for name, unit in _SEMANTIC_METRICS}
_ATTRIBUTE_NAMES = {label_name(name): name for name in _SEMANTIC_ATTRIBUTES}
"""Prometheus name -> OpenTelemetry's; what has no convention keeps its name, as the Collector's own scraper has it."""


_PART: Mapping[Kind, str] = {"histogram": "le", "summary": "quantile"}
"""The label that tells the parts of one stream apart."""


@dataclass(frozen=True)
class Stream:
    """The metrics of one family, all of whose streams have the same shape; N streams, K scrapes, B buckets.

    name, unit: as OpenTelemetry has them. attributes, resource: of each stream; resources by number.
    values [N, K]: the value, or a histogram's or summary's count; NaN while there is none. Only of these two: sums
    [N, K], and parts [N, B, K], of a histogram each bucket's own count, with the upper bounds of all but the last, of
    a summary the value at each of the quantiles that are its bounds.
    starts_ns [N, K]: when the counting began, which a restart of the process makes later.
    """

    name: str
    unit: str
    help: str
    kind: Kind
    attributes: list[Labels]
    resource: Ints
    values: Floats
    starts_ns: Ints
    sums: Floats | None = None
    parts: Floats | None = None
    bounds: tuple[float, ...] = ()

    @property
    def samples(self) -> int:
        """What Prometheus makes of one point."""
        return 1 if self.parts is None else self.parts.shape[1] + 2


def streams_of(family: Family, times_ns: Ints, number: Callable[[Labels], int]) -> Stream:
    """The family as streams, ordered by resource; `number` gives each resource, a set of attributes, its number."""
    grouped: dict[Labels, list[Sampled]] = {}
    part = _PART.get(family.kind)
    for series in family.series:
        grouped.setdefault(tuple((k, v) for k, v in sorted(series.labels.items()) if k != part), []).append(series)
    resources = {labels: number(_resource(labels)) for labels in grouped}
    ordered = sorted(grouped, key=lambda labels: resources[labels])
    parts = [_Parts.of(grouped[labels], family.kind) for labels in ordered]
    name, unit = _METRIC_NAMES.get(family.name, (family.name, ""))
    values = np.stack([one.values for one in parts])
    return Stream(
        name=name.removesuffix("_total") if family.kind == "counter" else name,
        unit=unit,
        help=family.help,
        kind=family.kind,
        attributes=[_attributes(labels) for labels in ordered],
        resource=np.array([resources[labels] for labels in ordered], np.int64),
        values=values,
        starts_ns=_starts(values, times_ns),
        sums=np.stack([one.sums for one in parts]) if part else None,
        parts=np.stack([one.parts for one in parts]) if part else None,
        bounds=parts[0].bounds,
    )


@dataclass(frozen=True)
class _Parts:
    values: Floats
    sums: Floats
    parts: Floats
    bounds: tuple[float, ...]

    @classmethod
    def of(cls, series: list[Sampled], kind: Kind) -> _Parts:
        """The series of one stream, told apart by suffix and by bucket or quantile."""
        label = _PART.get(kind, "")
        by_suffix = {one.suffix: one.values for one in series if label not in one.labels}
        if not label:
            (values,) = by_suffix.values()
            return cls(values, values, values[np.newaxis], ())
        ascending = sorted((float(one.labels[label]), one.values) for one in series if label in one.labels)
        bounds, values = tuple(bound for bound, _ in ascending), np.stack([values for _, values in ascending])
        if kind == "histogram":
            bounds, values = bounds[:-1], np.diff(values, axis=0, prepend=0.0)
        return cls(by_suffix["_count"], by_suffix["_sum"], values, bounds)


def _starts(values: Floats, times_ns: Ints) -> Ints:
    """[N, K] A counter that falls was reset after the scrape before: from there on it counts anew."""
    fell = np.zeros(values.shape, np.bool_)
    fell[:, 1:] = values[:, 1:] < values[:, :-1]
    since = np.maximum.accumulate(np.where(fell, np.arange(values.shape[1]) - 1, 0), axis=1)
    return times_ns[since]


def _resource(labels: Labels) -> Labels:
    """Who exposes it; the translation to Prometheus makes `job` and `instance` of these again."""
    by_name: Mapping[str, str] = dict(labels)
    namespace, _, service = by_name.get("job", "").rpartition("/")
    found = {
        "service.name": service,
        "service.namespace": namespace,
        "service.instance.id": by_name.get("instance", ""),
    }
    return tuple((key, value) for key, value in found.items() if value)


def _attributes(labels: Labels) -> Labels:
    """What is left; an empty label is none in Prometheus' data model."""
    left = [(name, value) for name, value in labels if name not in ("job", "instance") and value]
    return tuple((_ATTRIBUTE_NAMES.get(name, name), value) for name, value in left)
