"""The OpenTelemetry Collector of itself: what it took, sent on and held back, in names without `_total`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...world.history import History
from .base import Family, Flags, Floats, Labels
from .grid import Grid
from .machines import addon, totals, trailing, wobble
from .shapes import gauges

_POINTS_PER_SERVICE = 15.0
"""Metric points a second of each service (assumed)."""
_LOGS_PER_REQUEST, _LOGS_PER_FAILURE = 0.1, 2.0
"""Records of each request, and beside them of each that fails (assumed)."""
_QUEUE = 1000.0
"""Batches that the sending queue holds, as it is set up unless told otherwise."""
_BATCH, _TIMEOUT_S = 8192.0, 0.2
"""Spans in a batch, which goes out after so long at the latest: settings of the batch processor."""
_SEND_S, _RETRIED_S = 0.1, 300.0
"""To send a batch (assumed); how long one that fails is tried again, as exporters are set up."""
_HEAP_BYTES, _SPAN_BYTES = 90e6, 1500.0
_HELD_S = 5.0
"""From its coming until Go's collector has freed it, a span that is sent at once holds memory for so long (assumed)."""
_LIMIT_BYTES = 0.55 * 2.0**30
"""From which the memory limiter refuses: a limit of 80% of a container's GiB (assumed), less a spike of 25%."""
_SIGNALS = ("spans", "metric_points", "log_records")


def otelcol(grid: Grid) -> Iterator[Family]:
    """One collector, through which all telemetry of the services goes."""
    history = grid.history
    own = addon("otel-collector", "monitoring", 0, 8888)
    made = _made(history)
    lost = _lost(history)
    rate = made["spans"] / history.tick_s
    size, queued, refuses, full = _queue(history, rate, lost)
    refused, unqueued, failed = lost * refuses, lost * full, lost * ~(refuses | full)
    received, sent = own | {"receiver": "otlp", "transport": "grpc"}, own | {"exporter": "otlphttp"}
    held = own | {"processor": "memory_limiter"}
    for signal in _SIGNALS:
        flow = made[signal]
        rows: tuple[tuple[str, str, Labels, Floats], ...] = (
            ("receiver_accepted", f"The {signal} that were taken.", received, flow * (1.0 - refused)),
            ("receiver_refused", f"The {signal} that were turned away.", received, flow * refused),
            ("processor_accepted", f"The {signal} that passed.", held, flow * (1.0 - refused)),
            ("processor_refused", f"The {signal} that were turned away for want of memory.", held, flow * refused),
            ("exporter_sent", f"The {signal} that were sent on.", sent, flow * (1.0 - lost)),
            ("exporter_send_failed", f"The {signal} that could not be sent on.", sent, flow * failed),
            ("exporter_enqueue_failed", f"The {signal} that found the queue full.", sent, flow * unqueued),
        )
        for name, told, labels, of in rows:
            yield totals(grid, f"otelcol_{name}_{signal}", told, [(labels, of)])
    ones = np.ones(len(grid.times))
    yield gauges("otelcol_exporter_queue_size", "Batches that wait to be sent.", [(sent, grid.state(size))])
    yield gauges("otelcol_exporter_queue_capacity", "Batches that may wait.", [(sent, _QUEUE * ones)])
    heap = _HEAP_BYTES + _SPAN_BYTES * (rate * _HELD_S + queued)
    heap = grid.state(heap * wobble(history, "heap", 0.08))
    whole = 1.4 * np.maximum.accumulate(heap)  # Go gives little back
    for name, told, values in (
        ("heap_alloc_bytes", "Heap in use.", heap),
        ("total_sys_memory_bytes", "Memory from the system.", whole),
    ):
        yield gauges(f"otelcol_process_runtime_{name}", told, [(own, values)])
    yield gauges("otelcol_process_memory_rss", "Memory in use.", [(own, 0.8 * whole)])
    uptime = [(own, np.full(history.ticks, history.tick_s))]
    yield totals(grid, "otelcol_process_uptime", "Seconds since the collector started.", uptime)


def _queue(history: History, rate: Floats, lost: Floats) -> tuple[Floats, Floats, Flags, Flags]:
    """[T] batches in the queue, spans in them, whether the memory limiter refuses more, and whether the queue is full.

    rate [T]: spans a second. What comes first, memory or queue, is a matter of how much a batch holds.
    """
    batches = np.maximum(rate / _BATCH, np.minimum(rate, 1.0 / _TIMEOUT_S))
    waits = batches * _SEND_S + _RETRIED_S * trailing(batches * lost, _RETRIED_S, history.tick_s)
    waits = np.floor(waits * wobble(history, "queue", 0.2))
    each = rate / np.maximum(batches, 1e-9)
    free = np.maximum(0.0, _LIMIT_BYTES - _HEAP_BYTES - _SPAN_BYTES * rate * _HELD_S)
    room = np.floor(free / np.maximum(_SPAN_BYTES * each, 1e-9))
    size = np.minimum(np.minimum(waits, _QUEUE), room)
    return size, size * each, (waits >= room) & (room < _QUEUE), (waits >= _QUEUE) & (room >= _QUEUE)


def _made(history: History) -> dict[str, Floats]:
    """Signal -> [T] what the services hand over in a tick."""
    instrumented = np.array([service.instrumented for service in history.services], float)
    clients = np.array([history.services[history.service(edge.client)].instrumented for edge in history.edges], float)
    requests = (history.arrivals * instrumented).sum(axis=1)
    calls = (history.attempts * clients).sum(axis=1)
    failed = (history.failed * instrumented).sum(axis=1)
    points = _POINTS_PER_SERVICE * instrumented.sum() * history.tick_s
    return {
        "spans": requests + calls,
        "metric_points": points * wobble(history, "points", 0.01),
        "log_records": _LOGS_PER_REQUEST * requests + _LOGS_PER_FAILURE * failed,
    }


def _lost(history: History) -> Floats:
    """[T] share of the spans that never arrive: the collector cannot send them on."""
    share = history.lost * history.arrivals
    total = history.arrivals.sum(axis=1)
    return np.divide(share.sum(axis=1), total, out=np.zeros(history.ticks), where=total > 0)
