"""A history's edges and services -> flows of counted things with their labels: what the metrics count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...collector.model import ERROR_CLASSES
from ..world.history import Edge, History
from .conventions import method_of, route_of
from .odds import CLASS, failure_s
from .wording import lookup_error_type, words

Floats = NDArray[np.float64]

_FIXED = 0.05
"""Spread of durations that a time-out decides."""
_FREE = 0.5
"""Spread of all others: sigma of a log-normal (assumed)."""
_LOOKUP_S = 0.004


@dataclass
class Flow:
    """Things counted: `count` [T] a tick, their mean duration, and its spread (sigma of the logarithm)."""

    labels: Mapping[str, str]
    count: Floats
    mean_s: Floats
    spread: float = _FREE

    def __post_init__(self) -> None:
        self.labels = dict(sorted((key, value) for key, value in self.labels.items() if value))


def request_flows(history: History) -> list[Flow]:
    """Requests served, per service and status."""
    flows: list[Flow] = []
    for s, service in enumerate(history.services):
        served = history.arrivals[:, s]
        if not service.instrumented or not (service.hosts or service.user_facing) or not served.any():
            continue
        failed = np.minimum(history.failed[:, s], served)
        own = np.minimum(history.own_failed[:, s], failed)
        for status, count in (("200", served - failed), ("500", failed - own), ("503", own)):
            labels = {
                "job": service.name,
                "http_request_method": method_of(service.operation),
                "http_route": route_of(service.operation),
                "http_response_status_code": status,
                "error_type": "" if status == "200" else status,
            }
            flows.append(Flow(labels, count, history.latency_s[:, s]))
    return flows


def call_flows(history: History) -> list[Flow]:
    """Attempts, per calling service, peer, status and kind of failure."""
    flows: list[Flow] = []
    instrumented = {service.name for service in history.services if service.instrumented}
    for e, edge in enumerate(history.edges):
        if edge.client not in instrumented:
            continue
        flows.append(Flow(_call_labels(edge, "200", ""), history.ok[:, e], history.latency_ok_s[:, e]))
        lasts = failure_s(edge)
        for name, c in CLASS.items():
            count = history.failures[:, e, c]
            if not count.any():
                continue
            if name == "server":
                flows += _answered_errors(history, e, count)
                continue
            mean_s = np.full(history.ticks, lasts[c]) if np.isfinite(lasts[c]) else history.latency_ok_s[:, e]
            spread = _FIXED if name in ("deadline", "connect", "dns_timeout") else _FREE
            flows.append(Flow(_call_labels(edge, "", client_error_type(edge, name)), count, mean_s, spread))
    return _merged(flows)


def lookup_flows(history: History) -> list[Flow]:
    """Look-ups of names, per calling service and kind of failure: one for each new connection.

    A connection lives `pool_tau_s`; by Little's law there are as many as attempts under way, and one at least.
    """
    flows: list[Flow] = []
    instrumented = {service.name for service in history.services if service.instrumented}
    for e, edge in enumerate(history.edges):
        if edge.client not in instrumented:
            continue
        open_connections = 1.0 + history.ok[:, e] / history.tick_s * history.latency_ok_s[:, e]
        renewed = np.where(history.ok[:, e] > 0, open_connections * history.tick_s / edge.pool_tau_s, 0.0)
        labels = {"job": edge.client, "dns_question_name": edge.peer}
        flows.append(Flow(labels, renewed, np.full(history.ticks, _LOOKUP_S)))
        lasts = failure_s(edge)
        for c, name in enumerate(ERROR_CLASSES):
            if name.startswith("dns_") and history.failures[:, e, c].any():
                failed = labels | {"error_type": lookup_error_type(edge, name)}
                flows.append(Flow(failed, history.failures[:, e, c], np.full(history.ticks, lasts[c])))
    return _merged(flows)


def client_error_type(edge: Edge, error_class: str) -> str:
    """`error.type` of the client's metric, which is required there although the span may lack it."""
    said = words(edge, error_class)
    if said.exception is not None:
        return said.error_type or said.exception[0].rpartition(".")[2]
    return said.error_type or said.status.removeprefix("StatusCode.").partition(":")[0]


def _answered_errors(history: History, e: int, count: Floats) -> list[Flow]:
    server = history.service(history.edges[e].server)
    failed = history.failed[:, server]
    own = np.divide(history.own_failed[:, server], failed, out=np.zeros(history.ticks), where=failed > 0)
    own = count * np.clip(own, 0.0, 1.0)
    mean_s = history.latency_server_s[:, e]
    edge = history.edges[e]
    parts = (("500", count - own), ("503", own))
    return [Flow(_call_labels(edge, status, status), part, mean_s) for status, part in parts]


def _call_labels(edge: Edge, status: str, error_type: str) -> dict[str, str]:
    return {
        "job": edge.client,
        "server_address": edge.peer,
        "http_request_method": method_of(edge.operation),
        "http_response_status_code": status,
        "error_type": error_type,
    }


def _merged(flows: list[Flow]) -> list[Flow]:
    """Flows of equal labels added up: two edges may address one peer."""
    by_labels: dict[tuple[tuple[str, str], ...], Flow] = {}
    for flow in flows:
        key = tuple(flow.labels.items())
        if key not in by_labels:
            by_labels[key] = flow
            continue
        other = by_labels[key]
        count = other.count + flow.count
        time = other.count * other.mean_s + flow.count * flow.mean_s
        mean_s = np.divide(time, count, out=flow.mean_s.copy(), where=count > 0)
        by_labels[key] = Flow(flow.labels, count, mean_s, max(flow.spread, other.spread))
    return list(by_labels.values())
