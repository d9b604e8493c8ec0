"""gRPC's own metrics (proposals A66 and A96): attempts over calls is the amplification by retries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flows import Attempts, Flow, attempts, merged, served
from ..odds import failure_s
from .base import Family, Labels
from .grid import Grid
from .semconv import GRPC, grpc_share
from .shapes import counters, histogram

_BOUNDS_S = (0.00065, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
"""Of the proposals' buckets, those that matter here."""


def grpc(grid: Grid) -> Iterator[Family]:
    """Attempts and calls of gRPC clients, and the calls that their servers got."""
    history = grid.history
    edges = [e for e, edge in enumerate(history.edges) if edge.dialect == GRPC]
    started = merged(
        Flow(_target(e, grid), history.attempts[:, e], history.latency_ok_s[:, e], job=history.edges[e].client)
        for e in edges
    )
    told = "Attempts of calls that were started, retries included."
    yield counters(grid, "grpc_client_attempt_started_total", told, started)
    ended = merged(_attempt(part) for part in attempts(history) if part.edge.dialect == GRPC)
    told = "Duration of attempts of calls."
    yield histogram(grid, "grpc_client_attempt_duration_seconds", told, ended, _BOUNDS_S)
    whole = merged(flow for e in edges for flow in _calls(grid, e))
    told = "Duration of calls with all their attempts."
    yield histogram(grid, "grpc_client_call_duration_seconds", told, whole, _BOUNDS_S)
    share = grpc_share(history)
    came = [
        Flow(
            {
                "job": part.service.name,
                "grpc_method": _method(part.service.operation),
                "grpc_status": {"200": "OK", "500": "INTERNAL", "503": "UNAVAILABLE"}[part.status],
            },
            part.count,
            part.mean_s,
            job=part.service.name,
        )
        for part in served(history, share=share)
        if part.service.name in share
    ]
    begun = merged(
        Flow({k: v for k, v in f.labels.items() if k != "grpc_status"}, f.count, f.mean_s, job=f.job) for f in came
    )
    yield counters(grid, "grpc_server_call_started_total", "Calls that a server got.", begun)
    told = "Duration of calls at the server."
    yield histogram(grid, "grpc_server_call_duration_seconds", told, came, _BOUNDS_S)


def _method(operation: str) -> str:
    return operation.lstrip("/").replace(".", "/")


def _target(e: int, grid: Grid) -> Labels:
    edge = grid.history.edges[e]
    return {"job": edge.client, "grpc_method": _method(edge.operation), "grpc_target": f"dns:///{edge.peer}:443"}


def _attempt(part: Attempts) -> Flow:
    edge = part.edge
    status = {"ok": "OK", "deadline": "DEADLINE_EXCEEDED", "server": "INTERNAL"}.get(part.outcome, "UNAVAILABLE")
    labels = {
        "job": edge.client,
        "grpc_method": _method(edge.operation),
        "grpc_target": f"dns:///{edge.peer}:443",
        "grpc_status": "UNAVAILABLE" if part.status == "503" else status,
    }
    return Flow(labels, part.count, part.mean_s, part.spread, edge.client)


def _calls(grid: Grid, e: int) -> Iterator[Flow]:
    """A call that is given up has lasted for all its attempts and the pauses between them."""
    history, edge = grid.history, grid.history.edges[e]
    yield Flow({**_target(e, grid), "grpc_status": "OK"}, history.ok[:, e], history.latency_ok_s[:, e], job=edge.client)
    lasts = np.where(np.isnan(failure_s(edge)), 0.0, failure_s(edge))
    failed = history.failures[:, e].sum(axis=1)
    spent = (
        history.failures[:, e] @ lasts
        + history.failures[:, e, np.isnan(failure_s(edge))].sum(axis=1) * (history.latency_server_s[:, e])
    )
    pauses = edge.backoff_s * sum(edge.backoff_growth**k for k in range(edge.retries))
    each = np.divide(spent, failed, out=np.zeros(history.ticks), where=failed > 0)
    mean_s = each * (edge.retries + 1) + pauses
    yield Flow({**_target(e, grid), "grpc_status": "UNAVAILABLE"}, history.given_up[:, e], mean_s, job=edge.client)
