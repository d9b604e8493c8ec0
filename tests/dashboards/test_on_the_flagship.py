"""Every panel shows something during the simulated outage: empty panels are the commonest fault of dashboards."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from epicenter.rules.prometheus import Line, Prometheus, evaluate
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.exposition import WorldMetrics
from epicenter.synthetic.telemetry.sdk import Tally
from tests.dashboards.boards import PANELS, exprs
from tests.dashboards.promql import plain, selected

STEP_S = 300.0
EXPRS = {
    title: [plain(expr) for expr in exprs(panel)]
    for title, panel in PANELS.items()
    if not title.startswith("own-health: ")  # the world is no Epicenter: see test_live_metrics.py
}
TALLEST, LOWEST = max, min

JUMPS: list[tuple[str, str, Callable[[list[float]], float], float]] = [
    ("dns: Addresses in the answer, by name", "record empty", LOWEST, -1.0),
    ("dns: Answers against the past day, by name", "record empty", LOWEST, -1.0),
    ("dns: Failed look-ups, by name and error", "record empty", TALLEST, 10.0),
    ("dns: Failed share of look-ups, by name", "record empty", TALLEST, 0.2),
    ("dns: Addresses in the answer, by city", "record empty", LOWEST, -1.0),
    ("dns: Probes from outside that succeed, by city", "users affected", LOWEST, -0.1),
    ("retry-storm: Originals against attempts, by peer", "record empty", TALLEST, 100.0),
    ("retry-storm: Calls per request, by peer", "record empty", TALLEST, 1.0),
    ("retry-storm: Wasted share of attempts, by peer", "record empty", TALLEST, 0.5),
    ("retry-storm: Queue age against the time-out", "lease collapse", TALLEST, 10.0),
    ("retry-storm: Work waiting in queues", "lease collapse", TALLEST, 100.0),
    ("retry-storm: Attempts at queued work, by outcome", "lease collapse", TALLEST, 1.0),
    ("retry-storm: Leases held", "lease collapse", LOWEST, -1000.0),
    ("retry-storm: Throttled requests, by service", "launches throttled", TALLEST, 0.1),
    ("cascade-overview: Failed share of calls, by peer", "record empty", TALLEST, 0.5),
    ("cascade-overview: Health-check flips", "health checks flapping", TALLEST, 0.1),
]
"""Panel, phase of the outage, which of its lines tells, and by how much more (or less) than at any time before."""

every_panel = pytest.mark.parametrize("title", EXPRS)


@pytest.fixture(scope="module")
def exposed(flagship: History) -> frozenset[str]:
    """Names on the page that `epicenter emit` serves, at the end of the world, when every series has begun."""
    registry = CollectorRegistry()
    registry.register(WorldMetrics(flagship, lambda: flagship.end, 1.0, Tally()))
    page = generate_latest(registry).decode()
    return frozenset(sample.name for family in text_string_to_metric_families(page) for sample in family.samples)


@every_panel
def test_metrics_are_what_emit_exposes(title: str, exposed: frozenset[str]) -> None:
    for expr in EXPRS[title]:
        for name, is_pattern in selected(expr):
            assert name in exposed or (is_pattern and any(re.fullmatch(name, other) for other in exposed))


@every_panel
def test_panel_is_not_empty(title: str, flagship: History, flagship_prometheus: Prometheus) -> None:
    for expr in EXPRS[title]:
        lines = evaluate(flagship_prometheus, expr, flagship.start + 600, flagship.end, STEP_S)
        values = [value for line in lines for value in line.points.values()]
        assert values, f"{title}: no series"
        assert any(value > 0 for value in values), f"{title}: nothing but zero and NaN"


@pytest.mark.parametrize(("title", "phase", "worst", "least"), JUMPS, ids=[jump[0] for jump in JUMPS])
def test_the_panel_that_should_jump_does(
    title: str,
    phase: str,
    worst: Callable[[list[float]], float],
    least: float,
    flagship: History,
    flagship_prometheus: Prometheus,
) -> None:
    """Against its own calm: a line that is always high tells nobody anything."""
    (told,) = (one for one in flagship.truth.phases if one.name == phase)
    lines = evaluate(flagship_prometheus, EXPRS[title][0], flagship.start + 600, flagship.end, STEP_S)
    jumps = [
        worst(during) - worst(values(line, flagship.start, flagship.truth.trigger[0]) or [0.0])
        for line in lines
        if (during := values(line, told.start, told.end or flagship.end))
    ]
    assert jumps
    assert worst(jumps) >= least if worst is TALLEST else worst(jumps) <= least, jumps


def values(line: Line, start: float, end: float) -> list[float]:
    return [value for at, value in line.points.items() if start <= at < end and not math.isnan(value)]
