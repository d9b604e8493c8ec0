"""Metric names in the wild are read as the concepts that detectors know, and others are left alone."""

from __future__ import annotations

import re

import pytest

from epicenter.collector.concepts import CONCEPTS, concepts_of, counts_outcomes, normalise

SEEN = {
    "probe_dns_answer_rrs": {"dns_answers"},
    "probe_dns_query_succeeded": {"dns_probe_ok"},
    "probe_success": {"probe_ok"},
    "coredns_dns_responses_total": {"dns_responses", "dns_server_responses"},
    "unbound_answer_rcodes_total": {"dns_server_responses", "dns_server_empty"},
    "unbound_query_types_total": {"dns_server_aaaa"},
    "hubble_dns_queries_total": {"dns_wire_requests"},
    "unbound_queries_total": {"dns_server_requests"},
    "container_dns_requests_total": {"dns_responses"},
    "traces_span_metrics_calls_total": {"requests", "errors"},
    "traces_spanmetrics_calls_total": {"requests", "errors"},
    "calls_total": {"requests", "errors"},
    "traces_service_graph_request_total": {"graph_requests"},
    "traces_service_graph_request_failed_total": {"graph_errors"},
    "grpc_server_call_duration_seconds_count": {"requests", "errors"},
    "grpc_client_attempt_duration_seconds_count": {"client_requests", "client_errors"},
    "envoy_http_downstream_rq_xx": {"requests", "errors"},
    "envoy_cluster_upstream_rq_xx": {"client_requests", "client_errors"},
    "aws_applicationelb_request_count_sum": {"requests"},
    "aws_applicationelb_httpcode_elb_5_xx_count_sum": {"errors"},
    "haproxy_backend_http_responses_total": {"proxied", "proxied_errors"},
    "haproxy_backend_active_servers": {"healthy_hosts"},
    "haproxy_backend_current_queue": {"queue_depth"},
    "aws_lambda_invocations_sum": {"requests"},
    "aws_lambda_errors_sum": {"errors"},
    "aws_lambda_throttles_sum": {"throttled"},
    "container_cpu_usage_seconds_total": {"cpu"},
    "hubble_dns_responses_total": {"dns_responses", "dns_wire_responses"},
    "dns.lookup.duration_seconds_count": {"dns_lookup_failures"},
    "http_server_request_duration_seconds_count": {"requests", "errors"},
    "http.server.request.duration_seconds_count": {"requests", "errors"},
    "http.server.request.duration_count": {"requests", "errors"},
    "http.client.request.duration_sum": {"client_s"},
    "http_server_duration_milliseconds_count": {"requests", "errors"},
    "http_server_requests_seconds_count": {"requests", "errors"},
    "http_server_request_duration_seconds_sum": {"server_s"},
    "http_server_duration_milliseconds_sum": {"server_s"},
    "http_client_request_duration_seconds_sum": {"client_s"},
    "http_client_duration_milliseconds_sum": {"client_s"},
    "traces_service_graph_request_client_seconds_sum": {"graph_client_s"},
    "traces_service_graph_request_server_seconds_sum": {"graph_server_s"},
    "http_requests_total": {"requests", "errors"},
    "http_request_duration_seconds_count": {"requests", "errors"},
    "http_request_duration_seconds_sum": {"server_s"},
    "nginx_ingress_controller_requests": {"requests", "errors"},
    "nginx_ingress_controller_request_duration_seconds_sum": {"server_s"},
    "istio_requests_total": {"requests", "errors", "client_outcomes"},
    "istio_request_duration_milliseconds_sum": {"server_s", "client_s"},
    "grpc_server_handled_total": {"requests", "errors"},
    "grpc_server_handling_seconds_sum": {"server_s"},
    "grpc_client_handled_total": {"client_requests", "client_errors"},
    "rpc_server_duration_milliseconds_count": {"requests", "errors"},
    "rpc_server_call_duration_seconds_count": {"requests", "errors"},
    "http_client_request_duration_seconds_count": {"client_requests", "client_errors", "client_outcomes"},
    "rpc_client_duration_milliseconds_count": {"client_requests", "client_errors", "client_outcomes"},
    "PodServerLatencyP95(s)": {"latency_s"},
    "orders_queue_depth": {"queue_depth"},
    "celery_queue_length": {"queue_depth"},
    "dwfm_queue_oldest_age_seconds": {"queue_age_s"},
    "dwfm_queue_age_seconds": {"queue_age_s"},
    "orders_queue_age_ms": {"queue_age_s"},
    "dwfm_lease_attempts_total": {"work"},
    "dwfm_leases_active": {"leases_active"},
    "aws_networkelb_healthy_host_count_average": {"healthy_hosts"},
    "aws_applicationelb_healthy_host_count_minimum": {"healthy_hosts"},
    "envoy_cluster_membership_healthy": {"healthy_hosts"},
    "aws_networkelb_un_healthy_host_count_average": {"unhealthy_hosts"},
    "nlb_health_check_flips_total": {"health_flips"},
    "network_propagation_delay_seconds": {"propagation_delay_s"},
    "ec2_throttled_requests_total": {"throttled"},
    "aws_dynamodb_throttled_requests_sum": {"throttled"},
    "dns_plan_generation": {"plan_generation"},
    "dns_lock_failures_total": {"lock_failures"},
    "envoy_cluster_upstream_rq_retry": {"retries"},
    "traefik_service_retries_total": {"retries"},
    "process_cpu_seconds_total": {"cpu"},
    "CpuUsage(m)": {"cpu"},
    "container_memory_working_set_bytes": {"memory"},
    "process_resident_memory_bytes": {"memory"},
    "MemoryUsage(Mi)": {"memory"},
    "container_network_receive_bytes_total": {"network"},
    "NetworkTransmitBytes": {"network"},
    "redis_keyspace_hits_total": {"cache_hits"},
    "redis_keyspace_misses_total": {"cache_misses"},
    "up": {"up"},
    "target_info": {"version"},
    "shop_build_info": {"version"},
    "kube_pod_container_info": {"version"},
}


@pytest.mark.parametrize("name", SEEN)
def test_a_name_from_the_wild_is_read(name: str) -> None:
    assert {concept.name for concept in concepts_of(name)} == SEEN[name]


def test_every_row_of_the_table_reads_some_name_above() -> None:
    assert {concept for name in SEEN for concept in concepts_of(name)} == set(CONCEPTS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "go_goroutines",
        "up_total",
        "startup",
        "probe_success_total",
        "http_server_request_duration_seconds_bucket",
        "http_server_request_duration_seconds_total",
        "envoy_cluster_membership_total",
        "queue_depth",
        "my_queue_depth_limit",
    ],
)
def test_a_name_that_only_resembles_one_is_not(name: str) -> None:
    assert concepts_of(name) == ()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("checkout_orders_total", True),
        ("shop_request_latency_seconds_count", True),
        ("http_requests_total", False),
        ("istio_request_duration_milliseconds_count", False),
        ("http_response_size_bytes_count", False),
        ("promhttp_metric_handler_requests_total", False),
        ("traces_span_metrics_duration_milliseconds_count", False),
        ("go_goroutines", False),
        ("rest_client_requests_total", False),
        ("haproxy_frontend_http_responses_total", False),
        ("haproxy_server_http_responses_total", False),
        ("kube_job_failed_total", False),
    ],
)
def test_of_unread_names_those_are_told_that_may_count_how_requests_ended(name: str, counts: bool) -> None:
    assert counts_outcomes(name) is counts


@pytest.mark.parametrize("name", [*SEEN, "--", "äö", "A..B"])
def test_a_normal_name_is_its_own(name: str) -> None:
    plain = normalise(name)
    assert normalise(plain) == plain
    assert re.fullmatch(r"[a-z0-9_]*", plain)
