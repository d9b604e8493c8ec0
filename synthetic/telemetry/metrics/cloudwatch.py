"""cloudwatch_exporter beside YACE: its own state, queues of SQS, and targets of load balancers by its own spelling."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...world.history import History
from ..looks import INSTANCES
from .base import Family, Floats, Labels
from .grid import Grid
from .machines import totals, wobble
from .shapes import gauges

EXPORTER = {"job": "aws_cloudwatch", "instance": "cloudwatch-exporter:9106"}
_DELAY_S = 600.0
"""CloudWatch's figures are asked for this long after their time, unless the exporter is told otherwise."""
_SCRAPE_S, _PERIOD_S = 7.0, 60.0
_CREDENTIALS_S = 3600.0
"""How long a role's credentials hold unless it is told otherwise."""
_REFUSED = 0.5
"""Share of failed requests from which the exporter, which tries a few times, gets none (assumed)."""
_NAMESPACES = ("AWS/ApplicationELB", "AWS/SQS")


def cloudwatch(grid: Grid) -> Iterator[Family]:
    """Figures as they were ten minutes ago."""
    history = grid.history
    queues = [(s, one) for s, one in enumerate(history.services) if np.isfinite(one.capacity_rps)]
    for name, told, values in (
        ("number_of_messages_visible_average", "Messages that wait.", history.queue_depth),
        ("age_of_oldest_message_maximum", "Age of the oldest message.", history.queue_age_s),
    ):
        rows = (({**EXPORTER, "queue_name": one.name}, _late(grid, np.round(values[:, s]))) for s, one in queues)
        yield gauges(f"aws_sqs_approximate_{name}", told, rows)
    fronts = [(s, one) for s, one in enumerate(history.services) if one.user_facing and one.instrumented]
    told = "Targets that fail their checks."
    rows = (
        (
            {**EXPORTER, "load_balancer": f"app/{one.name}", "target_group": f"targetgroup/{one.name}"},
            _late(grid, INSTANCES - np.ceil(INSTANCES * history.up[:, s] - 1e-9)),
        )
        for s, one in fronts
    )
    yield gauges("aws_applicationelb_unhealthy_host_count_average", told, rows)
    yield from _exporter(grid)


def _late(grid: Grid, values: Floats) -> Floats:
    """[K] state as it was ten minutes ago; NaN before the world was that old."""
    before = grid.ticks - round(_DELAY_S / grid.history.tick_s)
    return np.where(before >= 0, values[np.clip(before, 0, len(values) - 1)], np.nan)


def _locked_out(history: History) -> Floats:
    """[T] whether the exporter's credentials, which STS gives for a full hour, ran out while STS fails."""
    failing = np.zeros(history.ticks, np.bool_)
    for s, one in enumerate(history.services):
        if any(host.startswith("sts.") for host in one.hosts):
            failing = history.failed[:, s] > _REFUSED * history.arrivals[:, s]
    answered = np.maximum.accumulate(np.where(failing, -np.inf, history.times))
    expired = np.floor(history.times / _CREDENTIALS_S) * _CREDENTIALS_S
    return (failing & (answered < expired)).astype(float)


def _exporter(grid: Grid) -> Iterator[Family]:
    history = grid.history
    lasts = _SCRAPE_S * grid.state(wobble(history, "cloudwatch", 0.15))
    error = grid.state(_locked_out(history))
    yield gauges("cloudwatch_exporter_scrape_error", "Whether the last scrape failed.", [(EXPORTER, error)])
    yield gauges("cloudwatch_exporter_scrape_duration_seconds", "Time of the last scrape.", [(EXPORTER, lasts)])
    asked = history.tick_s / _PERIOD_S * len(history.services) * np.ones(history.ticks)
    rows: Iterator[tuple[Labels, Floats]] = (
        ({**EXPORTER, "action": "getMetricStatistics", "namespace": namespace}, asked) for namespace in _NAMESPACES
    )
    yield totals(grid, "cloudwatch_requests_total", "Requests to CloudWatch.", rows)
