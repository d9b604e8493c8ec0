"""Envoy's listeners: connections that come in, those turned away, and handshakes that break off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..flows import Flow, answers_calls
from .base import Family, Floats
from .envoy import busy, sidecar
from .grid import Grid
from .machines import wobble
from .shapes import counters, gauges

_LIFE_S = 300.0
"""Of a connection from another proxy (assumed)."""
_LIMIT = 10_000.0
"""Connections that a listener takes at a time (assumed)."""
_BROKEN, _IMPATIENT = 1e-4, 0.002
"""Shares of handshakes that break off anyway, and of failed requests whose clients drop the connection (assumed)."""


def listeners(grid: Grid) -> Iterator[Family]:
    """One listener for each service that is called."""
    history = grid.history
    fronts = [(s, one) for s, one in enumerate(history.services) if one.instrumented and answers_calls(one)]
    held = {s: history.served[:, s] / history.tick_s * history.latency_s[:, s] + 4.0 for s, _ in fronts}

    def opened(s: int) -> Floats:
        return held[s] * history.tick_s / _LIFE_S + 0.02 * history.failed[:, s]

    def broken(s: int) -> Floats:
        noise = wobble(history, f"{history.services[s].name}/handshakes", 0.5)
        return _BROKEN * opened(s) * noise + _IMPATIENT * history.failed[:, s]

    def beyond(s: int) -> Floats:
        return np.maximum(0.0, held[s] - _LIMIT)

    table: tuple[tuple[str, str, Callable[[int], Floats]], ...] = (
        ("downstream_cx_total", "Connections taken.", opened),
        ("downstream_cx_overflow", "Connections beyond the limit of a listener.", beyond),
        ("downstream_global_cx_overflow", "Connections beyond the limit of a proxy.", beyond),
        ("ssl_connection_error", "Handshakes that broke off.", broken),
        ("ssl_handshake", "Handshakes that ended well.", opened),
    )
    for name, told, of in table:
        flows = (Flow(_labels(one.name), of(s), held[s], job=one.name) for s, one in fronts)
        yield counters(grid, f"envoy_listener_{name}", told, flows, sidecar)
    rows = (
        ({**_labels(one.name), **own}, values)
        for s, one in fronts
        for own, values in busy(grid, one.name, held[s] * history.tick_s, sidecar)
    )
    yield gauges("envoy_listener_downstream_cx_active", "Connections that stand.", rows)


def _labels(service: str) -> dict[str, str]:
    return {"job": service, "envoy_listener_address": "0.0.0.0_8443"}
