"""Dialects that count requests and calls agree with the books, each in its own words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic.world.simulation import STRAY

from .dialects import DARK, DOWN, Told, rich_history
from .toy_history import DATABASE, OUTAGE, toy_history

HISTORY = rich_history()
BEFORE, DURING = slice(0, OUTAGE.start), OUTAGE
CHECKOUT, SHOP, DYNAMODB = (HISTORY.service(name) for name in ("checkout", "shop", "dynamodb"))


def during(flow: np.ndarray, ticks: slice = DURING) -> float:
    return float(flow[ticks].sum())


def test_semconv_counts_http_and_grpc_apart() -> None:
    told = Told(HISTORY, "semconv")
    served = "{}_server_{}_duration_seconds_count"
    grpc = told.grew(served.format("rpc", "call"), DURING, job="dynamodb")
    assert grpc == pytest.approx(during(HISTORY.ok[:, 1]), abs=2)
    http = told.grew(served.format("http", "request"), DURING, job="dynamodb")
    assert http == pytest.approx(during(HISTORY.arrivals[:, DYNAMODB] - HISTORY.ok[:, 1]), abs=2)
    failed = "rpc_client_call_duration_seconds_count"
    unreached = told.total(failed, job="checkout", rpc_response_status_code="UNAVAILABLE", error_type="UNAVAILABLE")
    assert unreached[OUTAGE.stop] == pytest.approx(HISTORY.failures[: OUTAGE.stop, 1].sum(), abs=2)
    looked_up = told.total("dns_lookup_duration_seconds_count", error_type="EAI_NODATA", job="checkout")
    assert looked_up[OUTAGE.stop] == pytest.approx(HISTORY.failures[: OUTAGE.stop, 1].sum(), abs=2)


def test_requests_under_way_are_their_rate_times_their_duration() -> None:
    history = replace(HISTORY, latency_s=HISTORY.latency_s * 100.0)
    active = Told(history, "semconv").total("http_server_active_requests", job="checkout")
    assert active[50] == pytest.approx(np.round(history.arrivals[49, CHECKOUT] / 10.0 * 2.0))
    assert active[120] > 1.4 * active[50]


def test_pods_add_up_to_their_service_and_one_that_is_down_serves_nothing() -> None:
    whole, pods = Told(toy_history(), "semconv"), Told(HISTORY, "semconv-pods")
    name = "http_server_request_duration_seconds_count"
    each = pods.each(name, job="checkout", http_response_status_code="200")
    assert len(each) == 3
    assert sum(one[DOWN.start] for one in each) == pytest.approx(
        whole.total(name, job="checkout", http_response_status_code="200")[DOWN.start], abs=3
    )
    *_, last = sorted(each, key=lambda one: np.isnan(one).sum())
    assert np.isnan(last[DOWN.start + 1 : DOWN.stop + 1]).all()
    assert last[DOWN.stop + 1] < 0.05 * last[DOWN.start]  # a new process counts from nothing
    others = sum(one[DOWN.stop] - one[DOWN.start] for one in each if one is not last)
    served = HISTORY.arrivals[DOWN, CHECKOUT] - HISTORY.failed[DOWN, CHECKOUT]
    assert others == pytest.approx(served.sum(), abs=3)


@pytest.mark.parametrize(
    ("dialect", "calls", "durations", "service", "per_s"),
    [
        (
            "spanmetrics",
            "traces_span_metrics_calls_total",
            "traces_span_metrics_duration_milliseconds",
            "service_name",
            1e3,
        ),
        ("spanmetrics-tempo", "traces_spanmetrics_calls_total", "traces_spanmetrics_latency", "service", 1.0),
        ("spanmetrics-plain", "calls_total", "duration_milliseconds", "service_name", 1e3),
    ],
)
def test_span_metrics_count_spans_by_kind_and_status(
    dialect: str, calls: str, durations: str, service: str, per_s: float
) -> None:
    told = Told(HISTORY, dialect)
    labels = {service: "checkout", "span_kind": "SPAN_KIND_SERVER"}
    failed = told.grew(calls, DURING, **labels, status_code="STATUS_CODE_ERROR")
    assert failed == pytest.approx(during(HISTORY.failed[:, CHECKOUT]), abs=2)
    every = told.grew(calls, DURING, **labels)
    assert every == pytest.approx(during(HISTORY.arrivals[:, CHECKOUT]), abs=3)
    took = told.grew(f"{durations}_sum", DURING, **labels) / told.grew(f"{durations}_count", DURING, **labels)
    assert took == pytest.approx(0.02 * per_s, rel=0.01)
    attempts = told.grew(calls, DURING, **{service: "checkout", "span_kind": "SPAN_KIND_CLIENT"})
    assert attempts == pytest.approx(during(HISTORY.attempts[:, 1]), abs=3)


def test_a_client_whose_one_span_hides_its_attempts_is_counted_by_calls() -> None:
    history = toy_history("python-botocore")
    told = Told(history, "spanmetrics")
    labels = {"service_name": "checkout", "span_kind": "SPAN_KIND_CLIENT"}
    spans = told.grew("traces_span_metrics_calls_total", DURING, **labels)
    assert spans == pytest.approx(during(history.originals[:, 1]), abs=3)
    assert spans < 0.5 * during(history.attempts[:, 1])


def test_spans_that_are_lost_are_not_counted() -> None:
    for dialect, name, label in (
        ("spanmetrics", "traces_span_metrics_calls_total", "service_name"),
        ("servicegraph", "traces_service_graph_request_total", "client"),
    ):
        told = Told(HISTORY, dialect)
        assert told.grew(name, DARK, **{label: "shop"}) == 0
        assert told.grew(name, DARK, **{label: "checkout"}) > 0


def test_a_service_graph_pairs_what_both_sides_saw() -> None:
    told = Told(HISTORY, "servicegraph")
    name = "traces_service_graph_request"
    paired = told.grew(f"{name}_total", DURING, client="checkout", server="dynamodb")
    assert paired == pytest.approx(during(HISTORY.ok[:, 1]), abs=2)
    alone = told.total(f"{name}_failed_total", client="checkout", server=DATABASE, connection_type="database")
    assert alone[OUTAGE.stop] == pytest.approx(HISTORY.failures[: OUTAGE.stop, 1].sum(), abs=2)
    virtual = told.total(f"{name}_total", client="shop", connection_type="virtual_node")
    assert virtual[-1] == pytest.approx(HISTORY.attempts[:, 3].sum() - during(HISTORY.attempts[:, 3], DARK), abs=5)
    assert {"client": "shop", "server": "lambda"} not in [
        {k: v for k, v in series.labels.items() if k in ("client", "server")}
        for series in told.families[f"{name}_server_seconds"].series
    ]


def test_grpc_s_attempts_over_calls_are_the_amplification() -> None:
    told = Told(HISTORY, "grpc")
    method = {"job": "checkout", "grpc_method": "DynamoDB/GetItem", "grpc_target": f"dns:///{DATABASE}:443"}
    started = told.grew("grpc_client_attempt_started_total", DURING, **method)
    calls = told.grew("grpc_client_call_duration_seconds_count", DURING, **method)
    assert started / calls == pytest.approx(2.2, rel=0.01)  # 40 % pass at once, 60 % try three times
    assert told.grew("grpc_client_attempt_started_total", BEFORE, **method) == pytest.approx(
        told.grew("grpc_client_call_duration_seconds_count", BEFORE, **method), abs=2
    )
    given_up = told.total("grpc_client_call_duration_seconds_count", grpc_status="UNAVAILABLE")
    assert given_up[OUTAGE.stop] == pytest.approx(HISTORY.given_up[: OUTAGE.stop, 1].sum(), abs=2)
    got = told.grew("grpc_server_call_started_total", DURING, job="dynamodb", grpc_method="DynamoDB/GetItem")
    assert got == pytest.approx(during(HISTORY.ok[:, 1]), abs=2)


def test_envoy_tells_retries_limits_and_an_empty_cluster() -> None:
    told = Told(HISTORY, "envoy")
    database = {"job": "checkout", "envoy_cluster_name": "dynamodb"}

    def grew(name: str, **labels: str) -> float:
        return told.grew(f"envoy_cluster_upstream_{name}", DURING, **(database | labels))

    unreached = during(HISTORY.failures[:, 1, ERROR_CLASSES.index("dns_nodata")])
    assert grew("rq_total") == pytest.approx(during(HISTORY.ok[:, 1]), abs=2)
    assert grew("rq_completed") == pytest.approx(during(HISTORY.attempts[:, 1]), abs=2)
    assert grew("rq_xx", envoy_response_code_class="5") == pytest.approx(unreached, abs=2)
    assert grew("rq_retry") == pytest.approx(during(HISTORY.attempts[:, 1] - HISTORY.originals[:, 1]), abs=2)
    assert grew("rq_retry_limit_exceeded") == pytest.approx(during(HISTORY.given_up[:, 1]), abs=2)
    assert grew("cx_none_healthy") == pytest.approx(unreached, abs=2)
    assert grew("rq_retry_overflow") == 0
    members = told.total("envoy_cluster_membership_total", **database)
    assert members[50] == 3
    assert members[120] < 3
    healthy = told.total("envoy_cluster_membership_healthy", job="shop", envoy_cluster_name="checkout")
    assert healthy[DOWN.start] == 3
    assert healthy[DOWN.stop - 1] == 2
    came = told.grew("envoy_http_downstream_rq_total", DURING, job="checkout")
    assert came == pytest.approx(during(HISTORY.arrivals[:, CHECKOUT]), abs=2)
    live = told.each("envoy_server_live", job="checkout")
    assert sorted(np.isnan(one[DOWN.start + 1]) for one in live) == [False, False, True]


def test_envoy_tells_time_outs_budgets_and_refused_connections() -> None:
    history = toy_history(failure="deadline")
    odds = replace(history.odds, granted=np.full_like(history.odds.granted, 0.25))
    told = Told(replace(history, odds=odds), "envoy")
    database = {"job": "checkout", "envoy_cluster_name": "dynamodb"}
    late = during(history.failures[:, 1, ERROR_CLASSES.index("deadline")])
    assert told.grew("envoy_cluster_upstream_rq_timeout", DURING, **database) == pytest.approx(late, abs=2)
    retries = during(history.attempts[:, 1] - history.originals[:, 1])
    overflow = told.grew("envoy_cluster_upstream_rq_retry_overflow", DURING, **database)
    assert overflow == pytest.approx(3.0 * retries, rel=0.01)
    rescued = told.grew("envoy_cluster_upstream_rq_retry_success", DURING, **database)
    assert rescued == pytest.approx(during(history.ok[:, 1] - history.originals[:, 1] * 0.4), rel=0.01)
    refused = Told(toy_history(failure="connect"), "envoy")
    assert refused.grew("envoy_cluster_upstream_cx_connect_fail", DURING, **database) > 0
    assert refused.grew("envoy_cluster_upstream_cx_connect_timeout", DURING, **database) > 0


def test_sidecars_share_what_is_counted_and_each_checks_for_itself() -> None:
    whole, pods = Told(HISTORY, "envoy"), Told(HISTORY, "envoy-pods")
    database = {"job": "shop", "envoy_cluster_name": "checkout"}
    for name in ("envoy_cluster_upstream_rq_completed", "envoy_cluster_upstream_rq_retry"):
        assert pods.grew(name, DURING, **database) == pytest.approx(whole.grew(name, DURING, **database), abs=6)
        assert len(pods.each(name, **database)) == 3
    for name in ("envoy_cluster_health_check_failure", "envoy_cluster_update_attempt"):
        assert pods.grew(name, DOWN, **database) == pytest.approx(3 * whole.grew(name, DOWN, **database), abs=6)
    for one in pods.each("envoy_cluster_membership_healthy", **database):
        assert (one[DOWN.start], one[DOWN.stop - 1]) == (3, 2)


def test_what_a_sidecar_does_for_itself_is_the_same_while_a_sibling_is_down() -> None:
    from_checkout = {"job": "checkout", "envoy_cluster_name": "dynamodb"}
    up = np.ones_like(HISTORY.up)
    up[DOWN, HISTORY.service("dynamodb")] = 2.0 / 3.0
    calm = Told(replace(HISTORY, up=up), "envoy-pods")
    pods = Told(replace(HISTORY, up=np.minimum(up, HISTORY.up)), "envoy-pods")
    for name in ("envoy_cluster_update_attempt", "envoy_cluster_health_check_failure"):
        expected = calm.each(name, **from_checkout)
        found = pods.each(name, **from_checkout)
        assert np.isnan(found[2][DOWN.start + 1])
        assert expected[0][DOWN.stop] > expected[0][DOWN.start] + 5.0
        np.testing.assert_array_equal(found[:2], expected[:2])


def test_envoy_opens_connections_that_stand_and_few_of_the_new_ones_fail() -> None:
    stray = STRAY * HISTORY.originals * [1.0 + edge.retries for edge in HISTORY.edges]
    failures = HISTORY.failures.copy()
    failures[:, :, ERROR_CLASSES.index("connect")] += stray
    told = Told(replace(HISTORY, failures=failures), "envoy")
    assert stray[BEFORE].sum() > 1.0
    opened = told.grew("envoy_cluster_upstream_cx_total", BEFORE)
    assert told.grew("envoy_cluster_upstream_cx_connect_fail", BEFORE) <= 0.01 * opened
