"""Exemplars: for each bucket of a service's durations the trace of a request that a receiver really has.

A Prometheus that stores exemplars leads from a bar of a histogram to a trace. Only OpenMetrics carries them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id
from prometheus_client.samples import Exemplar, Sample

from .metrics import Family

Values = tuple[str, ...]

_STATUS = ("http.response.status_code", "http.status_code")


def _served(span: ReadableSpan) -> Values | None:
    said, who = span.attributes, span.resource.attributes
    if span.kind is not SpanKind.SERVER or said is None:
        return None
    return str(who["service.name"]), next((str(said[name]) for name in _STATUS if name in said), "")


def _counted(span: ReadableSpan) -> Values:
    kind, status = f"SPAN_KIND_{span.kind.name}", f"STATUS_CODE_{span.status.status_code.name}"
    return str(span.resource.attributes["service.name"]), kind, span.name, status


@dataclass(frozen=True)
class _Kind:
    """A histogram that observes spans.

    of: the values of its `labels` for a span, None for one that it does not observe. The other labels follow from
    these. per_second: its unit.
    """

    of: Callable[[ReadableSpan], Values | None]
    labels: Values
    per_second: float = 1.0


_SPAN_LABELS = ("span_kind", "span_name", "status_code")
KINDS: Mapping[str, _Kind] = {
    "http_server_request_duration_seconds": _Kind(_served, ("job", "http_response_status_code")),
    "traces_span_metrics_duration_milliseconds": _Kind(_counted, ("service_name", *_SPAN_LABELS), 1e3),
    "duration_milliseconds": _Kind(_counted, ("service_name", *_SPAN_LABELS), 1e3),
    "traces_spanmetrics_latency": _Kind(_counted, ("service", *_SPAN_LABELS)),
}
"""The histograms that lead to traces, by their names."""


class Exemplars:
    """The last span of each bucket of each series: few, however many spans are sent."""

    def __init__(self) -> None:
        self._bounds: dict[str, list[float]] = {}
        self._last: dict[tuple[str, Values, int], Exemplar] = {}

    def watch(self, families: Iterable[Family]) -> None:
        """Keep exemplars for those of the families that lead to traces."""
        for family in families:
            if family.name in KINDS:
                bounds = {series.labels["le"] for series in family.series if "le" in series.labels}
                self._bounds[family.name] = sorted(map(float, bounds))

    def note(self, spans: Iterable[ReadableSpan]) -> None:
        """Remember spans: when they began, and how long they took."""
        watched = [(name, KINDS[name], bounds) for name, bounds in self._bounds.items()]
        for span in spans:
            for name, kind, bounds in watched:
                values = kind.of(span)
                if values is not None:
                    value = ((span.end_time or 0) - (span.start_time or 0)) / 1e9 * kind.per_second
                    self._last[name, values, bisect_left(bounds, value)] = _exemplar(span, value)

    def shown(self, family: str, samples: list[Sample]) -> list[Sample]:
        """The samples of a family, bucket by bucket, with the exemplars of those that count anything."""
        return list(self._shown(family, samples)) if family in self._bounds else samples

    def _shown(self, family: str, samples: Iterable[Sample]) -> Iterator[Sample]:
        bounds, names = self._bounds[family], KINDS[family].labels
        below, series = 0.0, dict[str, str]()
        for sample in samples:
            if "le" not in sample.labels:
                yield sample
                continue
            bound, labels = float(sample.labels["le"]), {**sample.labels, "le": ""}
            below, series = (below, series) if labels == series else (0.0, labels)
            key = (family, tuple(labels.get(name, "") for name in names), bisect_left(bounds, bound))
            yield sample._replace(exemplar=self._last.get(key)) if sample.value > below else sample
            below = sample.value


def _exemplar(span: ReadableSpan, value: float) -> Exemplar:
    context = span.context
    assert context is not None
    ids = {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}
    # dated by its beginning: where time is compressed, its end may still lie ahead
    return Exemplar(ids, value, (span.start_time or 0) / 1e9)
