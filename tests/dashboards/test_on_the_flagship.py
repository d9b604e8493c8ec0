"""Every panel shows something during the simulated outage: empty panels are the commonest fault of dashboards."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from epicenter.dashboards import build
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.exposition import WorldMetrics
from epicenter.synthetic.telemetry.sdk import Tally
from tests.dashboards.promql import plain, selected
from tests.prometheus import Prometheus

PANELS: list[dict[str, Any]] = [
    panel for panel in json.loads(build.FILE.read_text(encoding="utf-8"))["panels"] if panel["type"] != "row"
]
EXPRS = {panel["title"]: [plain(target["expr"]) for target in panel["targets"]] for panel in PANELS}

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
        lines = flagship_prometheus.query_range(expr, flagship.start + 600, flagship.end, 300)
        values = [value for line in lines for value in line.points.values()]
        assert values, f"{title}: no series"
        assert any(value > 0 for value in values), f"{title}: nothing but zero and NaN"
