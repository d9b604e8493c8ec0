"""OpenTelemetry's HTTP, RPC and DNS conventions, by the names that Prometheus sees after the OTLP translation.

`job` is the service's name. Pods are added up, as a collector does that drops `service.instance.id`; `per_pod` keeps
them as `instance`, at three times the series.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...world.history import Edge, History
from ..conventions import method_of, route_of
from ..flows import Attempts, Flow, Served, answers_calls, attempts, lookups, merged, served
from ..wording import lookup_error_type, words
from .base import Family, Floats, Labels
from .grid import Grid
from .shapes import COARSE_BOUNDS_S, InstanceOf, gauges, histogram

GRPC = "grpc-python"
_GRPC_STATUS = {"ok": "OK", "deadline": "DEADLINE_EXCEEDED", "server": "INTERNAL"}


def semconv(grid: Grid, pods: InstanceOf | None = None) -> Iterator[Family]:
    """Durations of requests served, of calls and of look-ups, and the requests under way."""
    history = grid.history
    calls = "Duration of {} client requests, every attempt counted."
    by_grpc = grpc_share(history)
    by_http = {service.name: 1.0 - by_grpc.get(service.name, np.zeros(1)) for service in history.services}
    http = (_http_served(part) for part in served(history, share=by_http) if answers_calls(part.service))
    yield histogram(grid, "http_server_request_duration_seconds", "Duration of HTTP server requests.", http, pods=pods)
    yield gauges("http_server_active_requests", "HTTP server requests under way.", _active(grid, by_http, pods))
    yield histogram(
        grid,
        "http_client_request_duration_seconds",
        calls.format("HTTP"),
        merged(_http_call(part) for part in attempts(history) if part.edge.dialect != GRPC),
        COARSE_BOUNDS_S,
        pods,
    )
    yield histogram(
        grid,
        "dns_lookup_duration_seconds",
        "Time to look a name up before connecting.",
        merged(_lookup(part) for part in lookups(history)),
        COARSE_BOUNDS_S,
        pods,
    )
    if by_grpc:
        rpc = (_rpc_served(part) for part in served(history, share=by_grpc))
        yield histogram(grid, "rpc_server_call_duration_seconds", "Duration of RPC server calls.", rpc, pods=pods)
        yield histogram(
            grid,
            "rpc_client_call_duration_seconds",
            calls.format("RPC"),
            merged(_rpc_call(part) for part in attempts(history) if part.edge.dialect == GRPC),
            COARSE_BOUNDS_S,
            pods,
        )


def semconv_pods(grid: Grid) -> Iterator[Family]:
    """The same, pod by pod: `instance` is the service's instance id."""
    return semconv(grid, _instance)


def _instance(job: str, pod: int) -> Labels:
    return {"instance": f"{job}-{pod}"}


def grpc_share(history: History) -> dict[str, Floats]:
    """Service -> [T] share of its requests that come by gRPC; only services that have such callers."""
    came: dict[str, Floats] = {}
    for part in attempts(history, everybody=True):
        if part.edge.dialect == GRPC and part.reached:
            came[part.edge.server] = came.get(part.edge.server, 0.0) + part.count
    out: dict[str, Floats] = {}
    for name, count in came.items():
        arrivals = history.arrivals[:, history.service(name)]
        share = np.divide(count, arrivals, out=np.zeros(history.ticks), where=arrivals > 0)
        out[name] = np.clip(share, 0.0, 1.0)
    return out


def _http_served(part: Served) -> Flow:
    labels = {
        "job": part.service.name,
        "http_request_method": method_of(part.service.operation),
        "http_route": route_of(part.service.operation),
        "http_response_status_code": part.status,
        "error_type": "" if part.status == "200" else part.status,
    }
    return Flow(labels, part.count, part.mean_s, job=part.service.name)


def _rpc_served(part: Served) -> Flow:
    code = {"200": "OK", "500": "INTERNAL", "503": "UNAVAILABLE"}[part.status]
    labels = {
        "job": part.service.name,
        "rpc_system_name": "grpc",
        "rpc_method": part.service.operation.lstrip("/"),
        "rpc_response_status_code": code,
        "error_type": "" if code == "OK" else code,
    }
    return Flow(labels, part.count, part.mean_s, job=part.service.name)


def _active(grid: Grid, by_http: dict[str, Floats], pods: InstanceOf | None) -> Iterator[tuple[Labels, Floats]]:
    """By Little's law: requests under way are their rate times their duration."""
    for s, service in enumerate(grid.history.services):
        if not service.instrumented or not answers_calls(service):
            continue
        busy = grid.history.served[:, s] * grid.history.latency_s[:, s] * by_http[service.name]
        labels = {"job": service.name, "http_request_method": method_of(service.operation), "url_scheme": "https"}
        for part in grid.parts(service.name, pods=pods is not None):
            own = {} if pods is None or part.pod is None else pods(service.name, part.pod)
            yield {**labels, **own}, np.where(part.there, np.round(grid.rate(busy * part.share)), np.nan)


def _http_call(part: Attempts) -> Flow:
    edge = part.edge
    labels = {
        "job": edge.client,
        "server_address": edge.peer,
        "http_request_method": method_of(edge.operation),
        "http_response_status_code": part.status,
        "error_type": _error_type(part),
    }
    return Flow(labels, part.count, part.mean_s, part.spread, edge.client)


def _rpc_call(part: Attempts) -> Flow:
    code = "UNAVAILABLE" if part.status == "503" else _GRPC_STATUS.get(part.outcome, "UNAVAILABLE")
    labels = {
        "job": part.edge.client,
        "server_address": part.edge.peer,
        "rpc_system_name": "grpc",
        "rpc_method": part.edge.operation.lstrip("/"),
        "rpc_response_status_code": code,
        "error_type": "" if part.outcome == "ok" else code,
    }
    return Flow(labels, part.count, part.mean_s, part.spread, part.edge.client)


def _lookup(part: Attempts) -> Flow:
    labels = {
        "job": part.edge.client,
        "dns_question_name": part.edge.peer,
        "error_type": "" if part.outcome == "ok" else lookup_error_type(part.edge, part.outcome),
    }
    return Flow(labels, part.count, part.mean_s, part.spread, part.edge.client)


def _error_type(part: Attempts) -> str:
    if part.outcome == "ok":
        return ""
    return part.status or client_error_type(part.edge, part.outcome)


def client_error_type(edge: Edge, error_class: str) -> str:
    """`error.type` of the client's metric, which is required there although the span may lack it."""
    said = words(edge, error_class)
    if said.exception is not None:
        return said.error_type or said.exception[0].rpartition(".")[2]
    return said.error_type or said.status.removeprefix("StatusCode.").partition(":")[0]
