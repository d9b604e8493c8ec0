"""HAProxy (2.0 and later) at the edge: a backend for each service that users see, a server for each of its pods."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...world.history import History, Service
from ..flows import CLASS, FREE
from ..looks import INSTANCES
from ..naming import pod_name
from .base import Family, Floats, Labels
from .grid import Grid
from .machines import totals, wobble
from .shapes import gauges

_CHECK_S = 2.0
_SESSIONS = 2000.0
"""Sessions at which a backend counts as full, unless it is told otherwise: a tenth of those of its frontends."""
_SERVER_SESSIONS = 100.0
"""`maxconn` of a server (assumed): what comes beyond it waits in the backend's queue."""
_UNKNOWN = 0.002
"""Requests for what is not there, beside those of the world, per request (assumed)."""
_UP_S = 5.5 * 86400.0
"""How long the edge had been running when the world began (assumed)."""
_PROBES = 0.02
"""Connections, and requests, a second that the edge refuses, from machines that try every address (assumed)."""

EDGE = {"job": "haproxy", "instance": "haproxy-0:8405"}

Of = Callable[[int, Service], Floats]


def haproxy(grid: Grid) -> Iterator[Family]:
    """Frontends, backends and servers."""
    history = grid.history
    fronts = [(s, one) for s, one in enumerate(history.services) if one.user_facing]

    def backends(of: Of) -> Iterator[tuple[Labels, Floats]]:
        return ((_proxy(one), of(s, one)) for s, one in fronts)

    def servers(of: Of) -> Iterator[tuple[Labels, Floats]]:
        for s, one in fronts:
            for part in grid.parts(one.name, pods=one.instrumented):
                yield {**_proxy(one), "server": pod_name(one.name, part.pod or 0)}, of(s, one) * part.share

    codes = (
        ({**labels, "code": code}, flow)
        for code, of in (("1xx", _none(grid)), ("2xx", _good(grid)), ("3xx", _none(grid)))
        for labels, flow in servers(of)
    )
    failed = (
        ({**labels, "code": code}, flow)
        for code, of in (("4xx", _unknown(grid)), ("5xx", lambda s, _: history.failed[:, s]))
        for labels, flow in servers(of)
    )
    told = "Responses by class of status."
    yield totals(grid, "haproxy_server_http_responses_total", told, (row for rows in (codes, failed) for row in rows))
    for name, told, of in (
        ("server_response_errors_total", "Responses that broke off.", lambda s, _: history.own_failed[:, s] * 0.05),
        ("server_connection_errors_total", "Connections that failed.", _refused(grid)),
    ):
        yield totals(grid, f"haproxy_{name}", told, servers(of))
    for name, told, of in (
        ("backend_connection_errors_total", "Connections that failed.", _refused(grid)),
        ("backend_retry_warnings_total", "Connections that were tried again.", _refused(grid)),
        ("backend_http_requests_total", "Requests.", lambda s, _: history.arrivals[:, s]),
        ("frontend_http_requests_total", "Requests.", lambda s, _: history.arrivals[:, s]),
        *(
            (
                f"frontend_{name}_total",
                told,
                lambda _, one, name=name: _PROBES * history.tick_s * wobble(history, f"{one.name}/{name}", 0.5),
            )
            for name, told in (
                ("denied_connections", "Connections refused by a rule."),
                ("requests_denied", "Requests refused by a rule."),
            )
        ),
    ):
        yield totals(grid, f"haproxy_{name}", told, backends(of))
    yield from _states(grid, fronts)


def _states(grid: Grid, fronts: list[tuple[int, Service]]) -> Iterator[Family]:
    history = grid.history
    alive = {one.name: grid.state(np.ceil(INSTANCES * history.up[:, s] - 1e-9)) for s, one in fronts}
    table: tuple[tuple[str, str, Of], ...] = (
        ("current_sessions", "Sessions under way.", lambda s, _: np.round(_held(grid, s))),
        ("limit_sessions", "Sessions that may be under way.", lambda _, one: _SESSIONS + 0.0 * alive[one.name]),
        (
            "current_queue",
            "Requests that wait for a server.",
            lambda s, one: np.maximum(0.0, np.round(_held(grid, s) - _SERVER_SESSIONS * alive[one.name])),
        ),
        (
            "max_total_time_seconds",
            "Slowest request since the start of the edge.",
            lambda s, _: grid.state(_slowest(history, s)),
        ),
        ("active_servers", "Servers that take requests.", lambda _, one: alive[one.name]),
        ("backup_servers", "Servers in reserve.", lambda _, one: 0.0 * alive[one.name]),
    )
    for name, told, of in table:
        yield gauges(f"haproxy_backend_{name}", told, ((_proxy(one), of(s, one)) for s, one in fronts))
    checks = (
        (
            {**_proxy(one), "server": pod_name(one.name, i)},
            np.where(i < np.ceil(INSTANCES * history.up[:, s] - 1e-9), 0.0, history.tick_s / _CHECK_S),
        )
        for s, one in fronts
        for i in range(INSTANCES)
    )
    yield totals(grid, "haproxy_server_check_failures_total", "Checks of a server that failed.", checks)


def _held(grid: Grid, s: int) -> Floats:
    """[K] requests that users wait for, by Little's law; a slow callee holds them as well."""
    return grid.rate(grid.history.served[:, s] * grid.history.latency_s[:, s])


def _slowest(history: History, s: int) -> Floats:
    """[T] of log-normal times, the slowest of n lies about z sigma above the middle (Gumbel's limit for n)."""
    rate = history.arrivals[0, s] / history.tick_s
    log_n = np.log(np.maximum(10.0, rate * _UP_S + np.cumsum(history.arrivals[:, s])))
    z = np.sqrt(2.0 * log_n) - np.log(4.0 * np.pi * log_n) / (2.0 * np.sqrt(2.0 * log_n))
    return np.maximum.accumulate(history.latency_s[:, s] * np.exp(FREE * z - FREE**2 / 2))


def _proxy(service: Service) -> dict[str, str]:
    return {**EDGE, "proxy": service.name}


def _none(grid: Grid) -> Of:
    return lambda _s, _one: np.zeros(grid.history.ticks)


def _good(grid: Grid) -> Of:
    return lambda s, _: np.maximum(0.0, grid.history.arrivals[:, s] - grid.history.failed[:, s])


def _unknown(grid: Grid) -> Of:
    history = grid.history
    return lambda s, one: _UNKNOWN * history.arrivals[:, s] * wobble(history, f"{one.name}/unknown", 0.3)


def _refused(grid: Grid) -> Of:
    """Connections to pods that are down, until the checks have seen it; users' own do not count."""
    history = grid.history

    def of(s: int, _: Service) -> Floats:
        fell = np.maximum(0.0, -np.diff(history.up[:, s], prepend=history.up[0, s]))
        seen = min(1.0, 3.0 * _CHECK_S / history.tick_s)
        refused = sum(history.failures[:, e, CLASS["connect"]] for e in _into(grid, s))
        return fell * seen * history.arrivals[:, s] + refused

    return of


def _into(grid: Grid, s: int) -> list[int]:
    """Edges of clients that reach the service through the edge."""
    name = grid.history.services[s].name
    return [e for e, edge in enumerate(grid.history.edges) if edge.server == name]
