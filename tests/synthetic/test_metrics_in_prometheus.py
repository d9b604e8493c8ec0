"""A real Prometheus takes every dialect, and the dialects tell it the same story."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest

from epicenter.rules.prometheus import evaluate
from epicenter.synthetic.telemetry.metrics import DIALECTS, families
from tests.programs import require
from tests.prometheus import Prometheus, holding, scraped

from .dialects import EVERY_S, rich_history, tick
from .toy_history import DATABASE, OUTAGE, TICK_S

TOGETHER = tuple(name for name in DIALECTS if name not in ("semconv-pods", "envoy-pods", "cluster"))
"""`semconv` and `kube` tell the same names as these two."""
AS_IN_THE_WILD = (
    "use base unit",  # milliseconds
    "counter metrics should have",  # Envoy's have no _total
    'should not have "_',  # gauges of totals and counts, by Envoy, Coroot and YACE
    "not 'camelCase'",  # YACE
)
"""What promtool's linter has against the names that exporters really have."""


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    require("prometheus")
    with holding(scraped(rich_history(), EVERY_S, lambda _: True, TOGETHER)) as server:
        yield server


@pytest.mark.parametrize("dialect", DIALECTS)
def test_promtool_reads_each_dialect_as_a_page_of_metrics(dialect: str) -> None:
    lines: list[str] = []
    for family in families(rich_history(), EVERY_S, (dialect,)):
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        for series in family.series:
            labels = ",".join(f"{name}={json.dumps(value)}" for name, value in series.labels.items())
            if not math.isnan(value := float(series.values[OUTAGE.stop])):
                lines.append(f"{family.name}{series.suffix}{{{labels}}} {value}")
    page = "\n".join([*lines, ""])
    command = [require("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=page, capture_output=True, text=True, check=False)
    assert checked.returncode in (0, 3), checked.stderr  # 3: only the linter complains
    complaints = [line for line in checked.stderr.splitlines() if not any(known in line for known in AS_IN_THE_WILD)]
    assert complaints == []


def peak(prometheus: Prometheus, expr: str, ticks: slice = OUTAGE) -> float:
    """The greatest value of the expression within the outage, over all series; it must have one."""
    lines = evaluate(prometheus, expr, tick(ticks.start + 30), tick(ticks.stop - 1), TICK_S)
    values = [value for line in lines for value in line.points.values()]
    assert values, expr
    return float(np.max(values))


def test_all_that_count_the_checkout_s_failures_agree(prometheus: Prometheus) -> None:
    exprs = (
        'sum(rate(http_server_request_duration_seconds_count{job="checkout",error_type!=""}[4m]))',
        'sum(rate(traces_span_metrics_calls_total{service_name="checkout",span_kind="SPAN_KIND_SERVER",'
        'status_code="STATUS_CODE_ERROR"}[4m]))',
        'sum(rate(traces_spanmetrics_calls_total{service="checkout",span_kind="SPAN_KIND_SERVER",'
        'status_code="STATUS_CODE_ERROR"}[4m]))',
        'sum(rate(calls_total{service_name="checkout",span_kind="SPAN_KIND_SERVER",status_code="STATUS_CODE_ERROR"}[4m]))',
        'sum(rate(traces_service_graph_request_failed_total{server="checkout"}[4m]))',
        'sum(rate(envoy_http_downstream_rq_xx{job="checkout",envoy_response_code_class="5"}[4m]))',
        'sum(rate(envoy_cluster_upstream_rq_xx{envoy_cluster_name="checkout",envoy_response_code_class="5"}[4m]))',
    )
    history = rich_history()
    expected = history.failed[OUTAGE.start + 5, history.service("checkout")] / TICK_S
    for expr in exprs:
        assert peak(prometheus, expr) == pytest.approx(expected, rel=0.02), expr


def test_the_empty_record_shows_to_those_who_look_at_answers_and_to_nobody_else(prometheus: Prometheus) -> None:
    assert peak(prometheus, f'max(probe_dns_answer_rrs{{instance="{DATABASE}",query_type="A"}})') == 0
    empty = f'hubble_dns_responses_total{{query="{DATABASE}.",rcode="No Error",ips_returned="0"}}'
    assert peak(prometheus, f"sum(rate({empty}[4m]))") > 10
    bad = 'sum(rate(coredns_dns_responses_total{rcode=~"SERVFAIL|REFUSED"}[4m]))'
    assert peak(prometheus, f"{bad} / sum(rate(coredns_dns_responses_total[4m]))") < 0.01


def test_alerts_in_public_use_see_what_they_are_made_for(prometheus: Prometheus) -> None:
    amplification = (
        "sum by (job) (rate(grpc_client_attempt_started_total[4m]))"
        " / sum by (job) (rate(grpc_client_call_duration_seconds_count[4m]))"
    )
    assert peak(prometheus, amplification) == pytest.approx(2.2, rel=0.05)
    assert peak(prometheus, "100 * rate(envoy_cluster_upstream_rq_retry_limit_exceeded[4m])") > 0
    assert peak(prometheus, "sum_over_time(aws_lambda_errors_sum[5m])") > 0
    slow = 'histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="shop"}[4m])))'
    assert 0.03 < peak(prometheus, slow) < 0.25
    ready = 'min(kube_deployment_status_replicas_available{deployment="checkout"} / kube_deployment_spec_replicas)'
    assert peak(prometheus, f"{ready} < 1", slice(31, 70)) == pytest.approx(2 / 3)
