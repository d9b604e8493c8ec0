"""CloudWatch's metrics as YACE exposes them: gauges, each the statistic of the last whole minute. Never `rate` them.

What a service is shows in its host: dynamodb, lambda and ec2 under amazonaws.com are AWS's own services, whatever else
stands on instances of EC2 behind an Application Load Balancer. `History.targets` are Network Load Balancers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...world.books import CLASS
from ...world.history import Edge, History, Service
from ..looks import INSTANCES
from ..naming import hexadecimal
from .base import Family, Floats, Labels
from .grid import Grid
from .shapes import gauges

PERIOD_S = 60.0
_ACCOUNT = {"account_id": "123456789012", "region": "us-east-1"}
_CPU = 0.3
"""Share of the time of a service's own work in which it computes (assumed)."""

Rows = Iterator[tuple[Labels, Floats]]
Of = Callable[[History, int], Floats]


def yace(grid: Grid) -> Iterator[Family]:
    """DynamoDB per table, Lambda per function, EC2 per instance, load balancers per zone."""
    period = _Period(grid)
    for host, namespace, table, labels in (
        ("dynamodb", "dynamodb", _DYNAMODB, _table),
        ("lambda", "lambda", _LAMBDA, _function),
    ):
        edges = [e for e, edge in enumerate(grid.history.edges) if _is(edge, host) and edge.calls_per_request > 0]
        for name, told, statistic, of in table if edges else ():
            rows = ((labels(grid.history.edges[e]), period(statistic, of(grid.history, e))) for e in edges)
            yield gauges(f"aws_{namespace}_{name}_{statistic}", told, rows)
    yield from _instances(grid, period)
    yield from _fronts(grid, period)
    yield from _network_balancers(grid, period)


class _Period:
    """Statistics of the last whole period before each scrape; NaN before the first is over."""

    def __init__(self, grid: Grid) -> None:
        self.ticks = max(1, round(PERIOD_S / grid.history.tick_s))
        self.last = grid.ticks // self.ticks - 1

    def __call__(self, statistic: str, values: Floats) -> Floats:
        """[K] sum, average, minimum or maximum of [T]; of flows the sum, of states the rest."""
        if not len(values) // self.ticks:
            return np.full(len(self.last), np.nan)
        whole = values[: len(values) // self.ticks * self.ticks].reshape(-1, self.ticks)
        made = {"sum": np.sum, "average": np.mean, "minimum": np.min, "maximum": np.max}[statistic](whole, axis=1)
        return np.where(self.last >= 0, made[np.maximum(self.last, 0)], np.nan)


def _is(edge: Edge, name: str) -> bool:
    return edge.peer.startswith(f"{name}.") and edge.peer.endswith(".amazonaws.com")


def _arn(service: str, rest: str) -> Labels:
    return _ACCOUNT | {"name": f"arn:aws:{service}:us-east-1:{_ACCOUNT['account_id']}:{rest}"}


def _table(edge: Edge) -> Labels:
    """Each client has a table of its own."""
    dimensions = {"dimension_TableName": edge.client, "dimension_Operation": edge.operation.rpartition(".")[2]}
    return {**_arn("dynamodb", f"table/{edge.client}"), **dimensions}


def functions_of(history: History) -> Iterator[tuple[str, str]]:
    """Each service that invokes Lambda functions, and the name of one of its own."""
    return ((edge.client, _function_name(edge)) for edge in history.edges if _is(edge, "lambda"))


def _function_name(edge: Edge) -> str:
    return f"{edge.client}-{edge.operation.rpartition('.')[2].lower()}"


def _function(edge: Edge) -> Labels:
    """Each client has functions of its own."""
    function = _function_name(edge)
    return {**_arn("lambda", f"function:{function}"), "dimension_FunctionName": function}


def _failed(history: History, e: int, *, own: bool) -> Floats:
    """[T] errors that the server answered: by its own limits, or for all other reasons."""
    server = history.service(history.edges[e].server)
    failed = history.failed[:, server]
    share = np.divide(history.own_failed[:, server], failed, out=np.zeros(history.ticks), where=failed > 0)
    return history.failures[:, e, CLASS["server"]] * np.clip(share if own else 1.0 - share, 0.0, 1.0)


def _reached(history: History, e: int) -> Floats:
    return history.ok[:, e] + history.failures[:, e, CLASS["server"]] + history.failures[:, e, CLASS["deadline"]]


def _server_ms(history: History, e: int) -> Floats:
    return 1e3 * history.latency_s[:, history.service(history.edges[e].server)]


def _concurrent(history: History, e: int) -> Floats:
    """By Little's law."""
    return np.ceil(_reached(history, e) / history.tick_s * _server_ms(history, e) / 1e3)


def _whole(of: Of) -> Of:
    return lambda history, e: np.diff(np.floor(np.cumsum(of(history, e)) + 1e-6), prepend=0.0)


_Table = tuple[tuple[str, str, str, Of], ...]
_DYNAMODB: _Table = (
    ("system_errors", "Requests that DynamoDB failed.", "sum", _whole(lambda h, e: _failed(h, e, own=False))),
    ("throttled_requests", "Requests over a limit.", "sum", _whole(lambda h, e: _failed(h, e, own=True))),
    ("successful_request_latency", "Time of requests that ended well, in milliseconds.", "average", _server_ms),
    ("successful_request_latency", "Time of requests that ended well, in milliseconds.", "maximum", _server_ms),
    ("returned_item_count", "Items returned.", "sum", _whole(lambda h, e: h.ok[:, e])),
)
_LAMBDA: _Table = (
    ("invocations", "Invocations.", "sum", _whole(lambda h, e: _reached(h, e) - _failed(h, e, own=True))),
    ("errors", "Invocations that failed.", "sum", _whole(lambda h, e: _failed(h, e, own=False))),
    ("throttles", "Invocations that were throttled.", "sum", _whole(lambda h, e: _failed(h, e, own=True))),
    ("duration", "Time of invocations, in milliseconds.", "average", _server_ms),
    ("concurrent_executions", "Invocations under way.", "maximum", _concurrent),
)


def _customers(history: History) -> list[tuple[int, Service]]:
    """Services that run on instances of EC2, with the ones at the front among them."""
    return [
        (s, service)
        for s, service in enumerate(history.services)
        if service.instrumented and not any(host.endswith((".amazonaws.com", ".aws")) for host in service.hosts)
    ]


def _instances(grid: Grid, period: _Period) -> Iterator[Family]:
    history = grid.history
    owners = _customers(history)

    def rows(statistic: str, value: Callable[[int, int], Floats]) -> Rows:
        for s, service in owners:
            for pod in range(INSTANCES):
                instance = f"i-0{hexadecimal(f'{service.name}-{pod}', 16)}"
                labels = {"dimension_InstanceId": instance, "tag_Name": f"{service.name}-{pod}"}
                yield {**_arn("ec2", f"instance/{instance}"), **labels}, period(statistic, value(s, pod))

    def down(s: int, pod: int) -> Floats:
        return 1.0 - grid.alive[history.services[s].name][pod]

    def busy(s: int, pod: int) -> Floats:
        """Two cores each."""
        alive = grid.alive[history.services[s].name]
        work = history.served[:, s] / history.tick_s * history.services[s].latency_s * _CPU
        each = work * alive[pod] / np.maximum(1, alive.sum(axis=0))
        return np.minimum(100.0, 3.0 + 100.0 * each / 2.0)

    for name in ("status_check_failed", "status_check_failed_instance"):
        for statistic in ("sum", "maximum"):
            told = "Minutes in which an instance failed its status check."
            made = "maximum"  # one check a minute
            yield gauges(f"aws_ec2_{name}_{statistic}", told, rows(made, down))
    yield gauges(
        "aws_ec2_status_check_failed_system_maximum",
        "The host of an instance failed.",
        rows("maximum", lambda s, pod: 0.0 * down(s, pod)),
    )
    yield gauges("aws_ec2_cpuutilization_average", "CPU in use, in percent.", rows("average", busy))
    yield gauges("aws_ec2_cpuutilization_maximum", "CPU in use, in percent.", rows("maximum", busy))


def _fronts(grid: Grid, period: _Period) -> Iterator[Family]:
    history = grid.history
    fronts = [(s, service) for s, service in _customers(history) if service.user_facing]
    whole = lambda flow: np.diff(np.floor(np.cumsum(flow) + 1e-6), prepend=0.0)  # noqa: E731
    table: tuple[tuple[str, str, str, Callable[[int], Floats]], ...] = (
        ("request_count", "Requests.", "sum", lambda s: whole(history.arrivals[:, s])),
        (
            "httpcode_target_2_xx_count",
            "Good answers of targets.",
            "sum",
            lambda s: whole(history.arrivals[:, s] - history.failed[:, s]),
        ),
        (
            "httpcode_target_5_xx_count",
            "Errors of targets.",
            "sum",
            lambda s: whole(history.failed[:, s] - history.own_failed[:, s]),
        ),
        (
            "httpcode_elb_5_xx_count",
            "Errors of the balancer, for want of a target that takes the request.",
            "sum",
            lambda s: whole(history.own_failed[:, s]),
        ),
        (
            "target_response_time",
            "Time until a target answered, in seconds.",
            "average",
            lambda s: history.latency_s[:, s],
        ),
        ("healthy_host_count", "Targets in service.", "average", lambda s: np.ceil(INSTANCES * history.up[:, s])),
        (
            "un_healthy_host_count",
            "Targets that fail their checks.",
            "average",
            lambda s: INSTANCES - np.ceil(INSTANCES * history.up[:, s]),
        ),
    )
    for name, told, statistic, of in table:
        rows = ((_balancer("app", service.name), period(statistic, of(s))) for s, service in fronts)
        yield gauges(f"aws_applicationelb_{name}_{statistic}", told, rows)


def _balancer(kind: str, name: str, zone: str = "") -> Labels:
    path = f"{kind}/{name}/{hexadecimal(name, 16)}"
    labels = {"dimension_LoadBalancer": path, "dimension_AvailabilityZone": zone}
    return {**_arn("elasticloadbalancing", f"loadbalancer/{path}"), **labels}


def _network_balancers(grid: Grid, period: _Period) -> Iterator[Family]:
    history = grid.history
    told = {
        "healthy": "Targets of a load balancer that are in service and pass their health checks.",
        "unhealthy": "Targets of a load balancer that fail their health checks.",
    }
    for which, name in (("healthy", "healthy_host_count"), ("unhealthy", "un_healthy_host_count")):
        for statistic in ("minimum", "average", "maximum"):
            rows = (
                (
                    _balancer("net", t.balancer, t.zone),
                    period(statistic, t.healthy if which == "healthy" else t.unhealthy),
                )
                for t in history.targets
            )
            yield gauges(f"aws_networkelb_{name}_{statistic}", told[which], rows)
    balancers = sorted({target.balancer for target in history.targets})
    connect = CLASS["connect"]
    for name, help_text, of in (
        ("new_flow_count", "Connections opened through a load balancer.", lambda e: _reached(history, e)),
        ("tcp_elb_reset_count", "Connections that a load balancer reset.", lambda e: history.failures[:, e, connect]),
    ):
        rows = (
            (
                _balancer("net", one),
                period("sum", sum((of(e) for e in _through(history, one)), np.zeros(history.ticks))),
            )
            for one in balancers
        )
        yield gauges(f"aws_networkelb_{name}_sum", help_text, rows)


def _through(history: History, balancer: str) -> list[int]:
    return [e for e, edge in enumerate(history.edges) if edge.via == balancer]
