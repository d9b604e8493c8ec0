"""OTLP metrics -> Prometheus samples.

Follows "Prometheus and OpenMetrics Compatibility" of the OpenTelemetry specification: histograms become `_bucket`
with `le`, `_sum` and `_count`; summaries get `quantile`; service.name (with service.namespace) and
service.instance.id become `job` and `instance`. service.name is kept as `service_name` too, for that is the name
that spans go by. Of the resource's other attributes, which make `target_info`, service.version alone is read.

Exponential histograms keep only `_sum` and `_count`: their buckets have no counterpart in the classic data model.
Points of delta temporality are kept apart, to be added up where the order of requests is known (totals.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from ..columns import Columns, Pairs, checked_time, shared_maps
from ..model import SAMPLES
from .messages import DataPoint, Metric
from .names import label_name, metric_name
from .values import number_text, pairs

_NO_RECORDED_VALUE = 1
"""The data point flag that says "there is no value now": Prometheus' staleness, a NaN."""

_VERSION = "service.version"

_DELTA = (1, "AGGREGATION_TEMPORALITY_DELTA")

Values = Iterator[tuple[str, Pairs, float]]


class MetricRows:
    """Builds SAMPLES, and of what is sent as deltas a table like it."""

    def __init__(self) -> None:
        self.samples = Columns(SAMPLES, Labels=shared_maps)
        self.deltas = Columns(SAMPLES, Labels=shared_maps)
        self._info: tuple[object, ...] = ()  # the last sample of `target_info`: a resource's metrics come together

    def add(self, metric: Metric, resource: Pairs) -> None:
        """Append one metric's points, or, at a ValueError (a time, a name, a number that is none), nothing of it."""
        rows: list[tuple[int, str, Pairs, float]] = []
        about = dict(resource)
        identity = _identity(about)
        for points, values, counter in (
            (metric.gauge, _number, False),
            (metric.sum, _number, metric.sum is not None and metric.sum.is_monotonic),
            (metric.histogram, _histogram, False),
            (metric.exponential_histogram, _histogram, False),
            (metric.summary, _summary, False),
        ):
            if points is not None:
                name = metric_name(metric.name, metric.unit, counter=counter, gauge=points is metric.gauge)
                for point in points.data_points:
                    time = checked_time(point.time_unix_nano, "timeUnixNano")
                    labels = _labels(point, identity)
                    rows += [(time, name + end, _with(labels, more), value) for end, more, value in values(point)]
        columns = self.deltas if _is_delta(metric) else self.samples
        for row in rows:
            columns.append(row)
        if about.get(_VERSION) and rows:
            self._tell(identity | {label_name(_VERSION): about[_VERSION]}, max(time for time, *_ in rows))

    def _tell(self, labels: dict[str, str], time: int) -> None:
        info = (time, "target_info", tuple(sorted(labels.items())), 1.0)
        if info != self._info:
            self.samples.append(info)
            self._info = info


def _is_delta(metric: Metric) -> bool:
    kinds = (metric.sum, metric.histogram, metric.exponential_histogram)
    return any(points is not None and points.aggregation_temporality in _DELTA for points in kinds)


def _identity(resource: dict[str, str]) -> dict[str, str]:
    """Resource attributes that become labels."""
    labels: dict[str, str] = {}
    service, namespace = resource.get("service.name", ""), resource.get("service.namespace", "")
    if service:
        labels["service_name"] = service
        labels["job"] = f"{namespace}/{service}" if namespace else service
    if resource.get("service.instance.id"):
        labels["instance"] = resource["service.instance.id"]
    return labels


def _labels(point: DataPoint, identity: dict[str, str]) -> Pairs:
    labels: dict[str, str] = {}
    for key, value in pairs(point.attributes):
        name = label_name(key)
        # the specification joins the values of keys that fall together as labels
        labels[name] = f"{labels[name]};{value}" if name in labels else value
    own_service = labels.get("service_name")
    labels |= identity
    if own_service:
        labels["service_name"] = own_service  # a connector speaks for the services that it saw
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def _with(labels: Pairs, more: Pairs) -> Pairs:
    return tuple(sorted((*labels, *more))) if more else labels


def _number(point: DataPoint) -> Values:
    value = point.as_int if point.as_int is not None else point.as_double
    stale = point.flags & _NO_RECORDED_VALUE or value is None
    yield "", (), math.nan if stale else _double(value or 0)


def _double(number: float) -> float:
    """A number as a double; ValueError where it is too great for one, as only JSON can write it."""
    try:
        return float(number)
    except OverflowError as error:
        raise ValueError("a value or a count has more than 308 digits") from error


def _histogram(point: DataPoint) -> Values:
    if point.flags & _NO_RECORDED_VALUE:
        yield from (("_count", (), math.nan), ("_sum", (), math.nan))
        return
    total = 0
    for bound, count in zip([*point.explicit_bounds, math.inf], point.bucket_counts, strict=False):
        total += count
        yield "_bucket", (("le", "+Inf" if bound == math.inf else number_text(bound)),), _double(total)
    yield "_count", (), _double(point.count)
    if point.sum is not None:
        yield "_sum", (), point.sum


def _summary(point: DataPoint) -> Values:
    for quantile in point.quantile_values:
        yield "", (("quantile", number_text(quantile.quantile)),), quantile.value
    # a summary always has a sum, and JSON leaves it out where it is 0
    yield from _histogram(point if point.sum is not None else msgspec.structs.replace(point, sum=0.0))
