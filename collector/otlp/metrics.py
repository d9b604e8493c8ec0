"""OTLP metrics -> Prometheus samples.

Follows "Prometheus and OpenMetrics Compatibility" of the OpenTelemetry specification: dots become underscores,
the unit and `_total` become suffixes, histograms become `_bucket`, `_sum` and `_count`, service.name and
service.instance.id become `job` and `instance`. Exponential histograms keep only `_sum` and `_count`.
Points of delta temporality are added up per series, in the order of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import SAMPLES
from .messages import DataPoint, Metric, Points, ResourceMetrics, pairs
from .rows import Columns, checked_time

_UNITS = {
    "ms": "milliseconds",
    "s": "seconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "%": "percent",
    "Cel": "celsius",
    "Hz": "hertz",
    "V": "volts",
    "W": "watts",
}
_NO_RECORDED_VALUE = 1
_DELTA = (1, "1", "AGGREGATION_TEMPORALITY_DELTA")

Labels = tuple[tuple[str, str], ...]


def prometheus_name(name: str, unit: str, *, counter: bool, gauge: bool) -> str:
    """The Prometheus name of an OTLP metric.

    >>> prometheus_name("http.server.request.duration", "s", counter=False, gauge=False)
    'http_server_request_duration_seconds'
    >>> prometheus_name("dns.questions", "{question}", counter=True, gauge=False)
    'dns_questions_total'
    """
    words = [word for word in re.split(r"[^a-zA-Z0-9:]+", name) if word]
    unit = re.sub(r"\{[^}]*\}", "", unit).strip()
    if unit == "1":
        unit_words = ["ratio"] if gauge else []
    else:
        top, _, per = unit.partition("/")
        unit_words = [_UNITS.get(top, top)] if top else []
        if per:
            unit_words += ["per", {"s": "second", "m": "minute", "h": "hour", "d": "day"}.get(per, per)]
    words += [word for word in unit_words if word and word not in words and re.fullmatch(r"\w+", word)]
    if counter:
        words = [word for word in words if word != "total"] + ["total"]
    result = "_".join(words)
    return f"_{result}" if result[:1].isdigit() else result


def label_name(key: str) -> str:
    """An attribute key as a label name."""
    name = re.sub(r"[^a-zA-Z0-9_]", "_", key)
    return f"key_{name}" if name[:1].isdigit() else name


class MetricRows:
    """Builds SAMPLES; keeps the running totals of series that are sent as deltas."""

    def __init__(self) -> None:
        self.samples = Columns(SAMPLES)
        self._totals: dict[tuple[str, Labels], float] = {}

    def add(self, message: ResourceMetrics) -> None:
        """Append the points of one resource; ValueError where a time or a number is none."""
        resource = dict(pairs(message.resource.attributes))
        base = _identity(resource)
        for scope in message.scope_metrics:
            for metric in scope.metrics:
                self._add_metric(metric, base)

    def _add_metric(self, metric: Metric, base: dict[str, str]) -> None:
        for points, counter, gauge in (
            (metric.gauge, False, True),
            (metric.sum, metric.sum is not None and metric.sum.is_monotonic, False),
            (metric.histogram, False, False),
            (metric.exponential_histogram, False, False),
            (metric.summary, False, False),
        ):
            if points is not None:
                gauge = gauge or (points is metric.sum and not counter)
                name = prometheus_name(metric.name, metric.unit, counter=counter, gauge=gauge)
                self._add_points(name, points, base)

    def _add_points(self, name: str, points: Points, base: dict[str, str]) -> None:
        delta = points.aggregation_temporality in _DELTA
        for point in points.data_points:
            if point.flags & _NO_RECORDED_VALUE:
                continue  # the protocol's staleness marker: a point that says there is no value
            time = checked_time(point.time_unix_nano, "timeUnixNano")
            labels = base | {label_name(key): value for key, value in pairs(point.attributes)}
            for suffix, extra, value in _values(point):
                key: Labels = tuple(sorted((labels | extra).items()))
                if delta:
                    value += self._totals.get((name + suffix, key), 0.0)
                    self._totals[name + suffix, key] = value
                self.samples.append(time, name + suffix, key, value)


def _identity(resource: dict[str, str]) -> dict[str, str]:
    """Resource attributes that become labels: job and instance as the specification has them, and service_name."""
    labels: dict[str, str] = {}
    service, namespace = resource.get("service.name", ""), resource.get("service.namespace", "")
    if service:
        labels["job"] = f"{namespace}/{service}" if namespace else service
        labels["service_name"] = service
    if resource.get("service.instance.id"):
        labels["instance"] = resource["service.instance.id"]
    return labels


def _values(point: DataPoint) -> Iterator[tuple[str, dict[str, str], float]]:
    """(name suffix, extra labels, value) of each sample that one point stands for."""
    number = point.as_int if point.as_int is not None else point.as_double
    if number is not None:
        yield "", {}, float(number)
        return
    total = 0
    for bound, count in zip([*point.explicit_bounds, float("inf")], point.bucket_counts, strict=False):
        total += int(count)
        yield "_bucket", {"le": "+Inf" if bound == float("inf") else f"{bound:g}"}, float(total)
    for quantile in point.quantile_values:
        yield "", {"quantile": f"{quantile.quantile:g}"}, float(quantile.value)
    yield "_count", {}, float(int(point.count))
    if point.sum is not None:
        yield "_sum", {}, float(point.sum)
