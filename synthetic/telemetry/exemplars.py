"""Exemplars: for each bucket of a service's durations the trace of a request that a receiver really has.

A Prometheus that stores exemplars leads from a bar of a histogram to a trace. Only OpenMetrics carries them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id
from prometheus_client.samples import Exemplar, Sample

FAMILY = "http_server_request_duration_seconds"
"""The histogram that server spans are the requests of."""

_STATUS = ("http.response.status_code", "http.status_code")


class Exemplars:
    """The last span of each (service, status, bucket): few, however many spans are sent."""

    def __init__(self) -> None:
        self._bounds: list[float] = []
        self._last: dict[tuple[str, str, int], Exemplar] = {}

    def bounds(self, bounds: list[float]) -> None:
        """The upper bounds of the histogram's buckets, ascending."""
        self._bounds = bounds

    def note(self, spans: Iterable[ReadableSpan]) -> None:
        """Remember those of the spans that are requests served: when they began, and how long they took."""
        if not self._bounds:
            return
        for span in spans:
            said, context = span.attributes, span.context
            if span.kind is not SpanKind.SERVER or said is None or context is None:
                continue
            begun_ns, ended_ns = span.start_time or 0, span.end_time or 0
            seconds = (ended_ns - begun_ns) / 1e9
            status = next((str(said[name]) for name in _STATUS if name in said), "")
            service = str(span.resource.attributes["service.name"])
            ids = {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}
            # dated by its beginning: where time is compressed, its end may still lie ahead
            self._last[service, status, bisect_left(self._bounds, seconds)] = Exemplar(ids, seconds, begun_ns / 1e9)

    def shown(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The samples of the histogram, bucket by bucket, with the exemplars of those that count anything."""
        below, series = 0.0, dict[str, str]()
        for sample in samples:
            if "le" not in sample.labels:
                yield sample
                continue
            bound, labels = float(sample.labels["le"]), {**sample.labels, "le": ""}
            below, series = (below, series) if labels == series else (0.0, labels)
            key = (labels.get("job", ""), labels.get("http_response_status_code", ""), bisect_left(self._bounds, bound))
            yield sample._replace(exemplar=self._last.get(key)) if sample.value > below else sample
            below = sample.value
