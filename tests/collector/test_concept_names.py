"""What the dialects of real exporters say is read as of the right component, and once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.collector.test_signals import every, values

SERVER = {"service_name": "shop", "span_kind": "SPAN_KIND_SERVER"}


@pytest.mark.parametrize("name", ["traces_span_metrics_calls_total", "calls_total"])
def test_of_span_metrics_the_server_s_spans_are_requests(name: str) -> None:
    told = [*every(30, [0, 5], name, **SERVER, status_code="STATUS_CODE_UNSET")]
    told += every(30, [0, 2], name, **SERVER, status_code="STATUS_CODE_ERROR")
    told += every(30, [0, 9], name, service_name="shop", span_kind="SPAN_KIND_CLIENT", status_code="STATUS_CODE_ERROR")
    assert values(*told, concept="requests") == {(0, "shop", ""): 7}
    assert values(*told, concept="errors") == {(0, "shop", ""): 2}


def test_a_service_graph_tells_what_a_server_s_callers_see() -> None:
    pair = {"client": "shop", "server": "stock"}
    told = every(30, [0, 8], "traces_service_graph_request_total", **pair)
    told += every(30, [0, 3], "traces_service_graph_request_failed_total", **pair)
    told += every(30, [0, 2], "traces_service_graph_request_server_seconds_sum", **pair)
    assert values(*told, concept="graph_requests") == {(0, "stock", "shop\t"): 8}
    assert values(*told, concept="graph_errors") == {(0, "stock", "shop\t"): 3}
    assert values(*told, concept="graph_server_s") == {(0, "stock", "shop\t"): 2}


@pytest.mark.parametrize(("unit", "told_s"), [("seconds", 4.0), ("milliseconds", 0.004)])
def test_durations_are_seconds_whatever_the_convention(unit: str, told_s: float) -> None:
    told = every(30, [0, 4], f"http_server_request_duration_{unit}_sum", service_name="shop")
    assert values(*told, concept="server_s") == {(0, "shop", ""): told_s}


def test_grpc_s_targets_are_hosts_and_its_codes_say_what_failed() -> None:
    name, call = (
        "grpc_client_attempt_duration_seconds_count",
        {"job": "shop", "grpc_target": "dns:///Stock.example:443"},
    )
    told = every(30, [0, 8], name, **call, grpc_status="OK") + every(
        30, [0, 3], name, **call, grpc_status="UNAVAILABLE"
    )
    assert values(*told, concept="client_requests") == {(0, "stock.example", "shop"): 11}
    assert values(*told, concept="client_errors") == {(0, "stock.example", "shop"): 3}


def test_envoy_s_classes_of_status_say_what_failed() -> None:
    name, cluster = "envoy_cluster_upstream_rq_xx", {"job": "shop", "envoy_cluster_name": "stock"}
    told = every(30, [0, 8], name, **cluster, envoy_response_code_class="2")
    told += every(30, [0, 3], name, **cluster, envoy_response_code_class="5")
    assert values(*told, concept="client_requests") == {(0, "stock", "shop"): 11}
    assert values(*told, concept="client_errors") == {(0, "stock", "shop"): 3}


MESH = {
    "source_canonical_service": "shop",
    "destination_service": "stock.lan.svc.cluster.local",
    "destination_service_name": "stock",
}


def test_of_a_mesh_the_callers_sidecars_tell_edges_and_the_callees_what_was_served() -> None:
    def told(reporter: str, count: float, code: str, flags: str) -> list[dict[str, Any]]:
        said = {"reporter": reporter, "response_code": code, "response_flags": flags}
        return every(30, [0, count], "istio_requests_total", **MESH, **said)

    rows = [*told("source", 9, "200", "-"), *told("source", 3, "503", "UF"), *told("source", 2, "503", "URX")]
    rows += [*told("destination", 9, "200", "-"), *told("destination", 2, "503", "-")]
    host = "stock.lan.svc.cluster.local"
    assert values(*rows, concept="client_outcomes") == {
        (0, host, "shop\t200"): 9,
        (0, host, "shop\tUF"): 3,
        (0, host, "shop\t503"): 2,
    }
    assert values(*rows, concept="requests") == {(0, "stock", ""): 11}
    assert values(*rows, concept="errors") == {(0, "stock", "503"): 2}


def test_a_meshs_gateway_was_asked_for_as_much_as_it_asks_for() -> None:
    gateway = MESH | {"source_canonical_service": "edge", "source_workload": "istio-ingressgateway"}
    rows = every(30, [0, 7], "istio_requests_total", reporter="source", response_code="200", **gateway)
    assert values(*rows, concept="requests") == {(0, "edge", ""): 7}
    service = gateway | {"source_workload": "payment-gateway"}  # which has a side-car of its own
    rows = every(30, [0, 7], "istio_requests_total", reporter="source", response_code="200", **service)
    assert values(*rows, concept="requests") == {}


def test_calls_over_grpc_in_a_mesh_end_as_grpc_says() -> None:
    said = {"reporter": "source", "response_code": "200", "grpc_response_status": "14"}
    rows = every(30, [0, 7], "istio_requests_total", **MESH, **said)
    assert [item for _, _, item in values(*rows, concept="client_outcomes")] == ["shop\t14"]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("grpc_server_handled_total", {"grpc_code": "Unavailable"}),
        ("grpc_server_handled_total", {"grpc_code": "DeadlineExceeded"}),
        ("rpc_server_duration_milliseconds_count", {"rpc_grpc_status_code": "14"}),
        ("rpc_server_call_duration_seconds_count", {"rpc_response_status_code": "UNAVAILABLE"}),
        ("http_request_duration_seconds_count", {"code": "500"}),
        ("http_request_duration_seconds_count", {"status": "5xx"}),
    ],
)
def test_well_known_servers_tell_that_they_failed(name: str, labels: dict[str, str]) -> None:
    told = [*every(30, [0, 5], name, job="shop", **labels), *every(30, [0, 4], name, job="shop", method="other")]
    assert values(*told, concept="requests") == {(0, "shop", ""): 9}
    assert list(values(*told, concept="errors").values()) == [5]


@pytest.mark.parametrize("code", ["0", "OK", "NotFound", "5", "Canceled"])
def test_grpcs_good_codes_are_no_failures(code: str) -> None:
    told = every(30, [0, 5], "grpc_server_handled_total", job="shop", grpc_code=code)
    assert values(*told, concept="errors") == {}


def test_an_ingress_tells_of_the_service_behind_it() -> None:
    behind = {"exported_service": "shop", "ingress": "www", "job": "ingress", "status": "502"}
    told = every(30, [0, 5], "nginx_ingress_controller_requests", **behind)
    assert values(*told, concept="errors") == {(0, "shop", "502"): 5}


def test_an_unread_counter_of_outcomes_is_told_by_its_name() -> None:
    told = [*every(30, [0, 5], "orders_total", job="shop", status="500"), *every(30, [0, 5], "colours_total", job="x")]
    assert values(*told, concept="unread") == {(0, "orders_total", ""): 2}


def test_what_an_application_and_its_spans_both_count_is_counted_once() -> None:
    told = every(30, [0, 6], job="shop", code="200")
    told += every(30, [0, 5], "calls_total", **SERVER, status_code="STATUS_CODE_UNSET")
    told += every(30, [0, 6], "envoy_http_downstream_rq_xx", job="shop", envoy_response_code_class="2")
    assert values(*told, concept="requests")[0, "shop", ""] == 6


PODS = ("coredns-5d78c9869d-4x2kq", "coredns-5d78c9869d-9bw7z")
CLIENT = "default/shop-7d4b9c6f58-x2x9k"


def test_answers_of_coredns_are_counted_by_zone_and_by_the_pod_that_gave_them() -> None:
    name = "coredns_dns_responses_total"
    told = every(30, [0, 3], name, zone=".", rcode="NOERROR", pod=PODS[0], instance="10.0.0.7:9153")
    told += every(30, [0, 7], name, zone=".", rcode="NOERROR", instance="10.0.0.8:9153")
    assert values(*told, concept="dns_responses") == {(0, ".", "NOERROR"): 10}
    assert values(*told, concept="dns_server_responses") == {
        (0, PODS[0], "NOERROR"): 3,
        (0, "10.0.0.8:9153", "NOERROR"): 7,
    }


@pytest.mark.parametrize("label", ["", "_pod"])
def test_who_answers_is_where_an_answer_comes_from_on_the_wire_and_who_is_asked_is_where_a_question_goes(
    label: str,
) -> None:
    """With the client at the other end: no client is ever taken for a resolver."""
    told, asked = ("hubble_dns_responses_total", "hubble_dns_queries_total")
    rows = [
        row
        for grew, pod in zip((3, 7), PODS, strict=True)
        for row in (
            *every(
                30,
                [0, grew],
                told,
                **{f"source{label}": f"kube-system/{pod}", f"destination{label}": CLIENT},
                query="a.example.",
                rcode="Server Failure",
            ),
            *every(30, [0, 9], asked, **{f"source{label}": CLIENT, f"destination{label}": f"kube-system/{pod}"}),
        )
    ]
    assert values(*rows, concept="dns_responses") == {(0, "a.example", "SERVFAIL"): 10}
    assert values(*rows, concept="dns_wire_responses") == {
        (0, pod, "SERVFAIL"): grew for grew, pod in zip((3, 7), PODS, strict=True)
    }
    assert values(*rows, concept="dns_wire_requests") == {(0, pod, ""): 9 for pod in PODS}


@pytest.mark.parametrize(
    ("ends", "server"),
    [
        ({"source": "10.0.0.7"}, "10.0.0.7"),
        ({"source": "fd00::7"}, "fd00::7"),
        ({"source": "10.0.0.7", "source_pod": PODS[0]}, PODS[0]),
        ({"source": "kube-system"}, ""),
        ({"source": "reserved:host"}, ""),
        ({"source": "dns.example"}, ""),
        ({"source_workload": "coredns"}, ""),
        ({"destination": CLIENT, "instance": "node:9965"}, ""),
    ],
)
def test_on_the_wire_a_server_is_a_pod_or_an_address(ends: dict[str, str], server: str) -> None:
    """A namespace, an identity, a name and a workload are many at once, and who asks is none."""
    told = every(30, [0, 3], "hubble_dns_responses_total", rcode="No Error", **ends)
    assert values(*told, concept="dns_wire_responses") == ({(0, server, "NOERROR"): 3} if server else {})
    asked = {end.replace("source", "destination"): name for end, name in ends.items() if end.startswith("source")}
    told = every(30, [0, 3], "hubble_dns_queries_total", rcode="", **asked)
    assert values(*told, concept="dns_wire_requests") == ({(0, server, ""): 3} if server else {})


@pytest.mark.parametrize("end", ["destination", "destination_pod"])
def test_a_question_that_a_policy_keeps_back_is_asked_of_nobody(end: str) -> None:
    name, to = "hubble_dns_queries_total", {end: f"kube-system/{PODS[0]}"}
    told = [*every(30, [0, 9], name, rcode="", **to), *every(30, [0, 4], name, rcode="Policy denied", **to)]
    assert values(*told, concept="dns_wire_requests") == {(0, PODS[0], ""): 9}


@pytest.mark.parametrize("instance", [f"{PODS[0]}:9167", PODS[0]])
def test_questions_and_answers_of_one_unbound_are_those_of_one_server(instance: str) -> None:
    """Its empty answers are among those of NOERROR."""
    told = every(30, [0, 9], "unbound_queries_total", instance=instance, thread="0")
    told += every(30, [0, 3], "unbound_answer_rcodes_total", instance=instance, rcode="SERVFAIL")
    told += every(30, [0, 2], "unbound_answer_rcodes_total", instance=instance, rcode="nodata")
    for question, count in (("A", 5), ("AAAA", 4)):
        told += every(30, [0, count], "unbound_query_types_total", instance=instance, type=question)
    assert values(*told, concept="dns_server_empty") == {(0, instance, ""): 2}
    assert values(*told, concept="dns_server_aaaa") == {(0, instance, ""): 4}
    assert values(*told, concept="dns_server_requests") == {(0, instance, ""): 9}
    assert values(*told, concept="dns_server_responses") == {(0, instance, "SERVFAIL"): 3}


def test_codes_of_dns_in_words_are_the_codes_and_a_name_s_last_dot_is_none_of_it() -> None:
    name, query = "hubble_dns_responses_total", "stock.example."
    told = every(30, [0, 4], name, query=query, rcode="Non-Existent Domain", ips_returned="0")
    told += every(30, [0, 2], name, query=query, rcode="No Error", ips_returned="0")
    told += every(30, [0, 3], "coredns_dns_responses_total", zone="cluster.local.", rcode="SERVFAIL")
    told += every(30, [0, 1], "coredns_dns_responses_total", zone=".", rcode="SERVFAIL")
    assert values(*told, concept="dns_responses") == {
        (0, "stock.example", "NXDOMAIN"): 4,
        (0, "stock.example", "NOERROR"): 2,
        (0, "cluster.local", "SERVFAIL"): 3,
        (0, ".", "SERVFAIL"): 1,
    }


def test_a_load_balancer_goes_by_its_name_in_cloudwatch() -> None:
    path = {"dimension_LoadBalancer": "net/front/8d9001d32c6a703d", "dimension_AvailabilityZone": "us-east-1a"}
    told = every(30, [12, 12], "aws_networkelb_healthy_host_count_average", **path)
    assert values(*told, concept="healthy_hosts") == {(0, "front", "us-east-1a"): 12}


def test_a_period_s_sum_is_not_a_counter() -> None:
    told = every(30, [50, 50], "aws_lambda_errors_sum", dimension_FunctionName="resize")
    assert values(*told, concept="errors") == {(0, "resize", ""): 50}


def test_a_container_s_metrics_are_its_own_and_not_its_agent_s() -> None:
    pod = {"job": "kubelet", "container": "shop", "pod": "shop-8d9001d32c-941b8"}
    assert values(*every(30, [0, 3], "container_cpu_usage_seconds_total", **pod), concept="cpu") == {(0, "shop", ""): 3}
