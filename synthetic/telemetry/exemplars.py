"""Exemplars: for each bucket of a service's durations the trace of a request that was really sent.

A Prometheus that stores exemplars leads from a bar of a histogram to a trace. Only OpenMetrics carries them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from prometheus_client.samples import Exemplar

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

    def note(self, row: Mapping[str, Any], at: float) -> None:
        """Remember a row of SPANS that was sent at `at`, in Unix seconds, if it is a request served."""
        if row["SpanKind"] != "Server" or not self._bounds:
            return
        said = dict(row["SpanAttributes"])
        status = next((said[name] for name in _STATUS if name in said), "")
        seconds = row["Duration"] / 1e9
        key = (row["ServiceName"], status, bisect_left(self._bounds, seconds))
        self._last[key] = Exemplar({"trace_id": row["TraceId"], "span_id": row["SpanId"]}, seconds, at)

    def of(self, labels: Mapping[str, str]) -> Exemplar | None:
        """The one of a bucket, by the labels of its series."""
        if "le" not in labels:
            return None
        bucket = bisect_left(self._bounds, float(labels["le"].replace("+Inf", "inf")))
        return self._last.get((labels.get("job", ""), labels.get("http_response_status_code", ""), bucket))
