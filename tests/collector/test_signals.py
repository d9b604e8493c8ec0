"""What metrics say of each component, window by window, told by a few samples."""

from __future__ import annotations

from typing import Any

import pytest

from epicenter.collector.model import SIGNALS
from epicenter.collector.signals import signals, unknown_names
from tests.collector.told import T0, sample, telemetry

NAN = float("nan")


def seen(*samples: dict[str, Any], window_s: int = 60) -> list[dict[str, Any]]:
    with telemetry(samples=samples) as connection:
        return signals(connection, window_s).to_pylist()


def values(*samples: dict[str, Any], concept: str, window_s: int = 60) -> dict[tuple[int, str, str], float]:
    """(window number, component, item) -> value, of one concept."""
    rows = [row for row in seen(*samples, window_s=window_s) if row["concept"] == concept]
    return {((row["window"] - T0) // window_s, row["component"], row["item"]): row["value"] for row in rows}


def every(step: float, counts: list[float], name: str = "http_requests_total", **labels: str) -> list[dict[str, Any]]:
    """Samples of one series, one each `step` seconds."""
    return [sample(name, number * step, count, **labels) for number, count in enumerate(counts)]


def test_a_counter_gives_its_increase_within_the_window_and_its_first_sample_none() -> None:
    counted = every(30, [1000, 1010, 1025, 1025, 1065], job="shop")
    assert values(*counted, concept="requests") == {(0, "shop", ""): 10, (1, "shop", ""): 15, (2, "shop", ""): 40}


def test_calls_of_a_client_are_split_by_caller_and_outcome() -> None:
    name, to = "http_client_request_duration_seconds_count", {"service_name": "shop", "server_address": "Stock.lan"}
    series = [
        *every(10, [1, 4], name, http_response_status_code="200", **to),
        *every(10, [1, 3], name, http_response_status_code="503", error_type="503", **to),
        *every(10, [5, 6], name, error_type="ENOTFOUND", **to),
        *every(10, [0, 9], name, **to),
    ]
    found = values(*series, concept="client_outcomes")
    told = {"200": 3, "503": 2, "ENOTFOUND": 1, "": 9}
    assert found == {(0, "stock.lan", f"shop\t{word}"): count for word, count in told.items()}


@pytest.mark.parametrize("label", ["app", "application", "service", "service_name"])
def test_a_service_has_one_name_where_it_serves_and_where_it_calls(label: str) -> None:
    client = {"server_address": "stock.lan", "http_response_status_code": "200"}
    name = "http_client_request_duration_seconds_count"
    shop = {"job": "pods", label: "shop"}
    told = [*every(10, [0, 5], **shop), *every(10, [0, 4], name, **shop, **client)]
    assert values(*told, concept="requests") == {(0, "shop", ""): 5}
    assert values(*told, concept="client_outcomes") == {(0, "stock.lan", "shop\t200"): 4}


@pytest.mark.parametrize(
    ("concept", "name", "other", "units"),
    [
        ("memory", "process_resident_memory_bytes", "MemoryUsage(Mi)", 2**20),
        ("queue_age_s", "orders_queue_oldest_age_seconds", "orders_queue_oldest_age_milliseconds", 0.001),
        ("server_s", "http_server_request_duration_seconds_sum", "http_server_duration_milliseconds_sum", 0.001),
        ("client_s", "http_client_request_duration_seconds_sum", "http_client_duration_milliseconds_sum", 0.001),
    ],
)
def test_a_metric_means_the_same_in_whatever_unit_its_name_tells(
    concept: str, name: str, other: str, units: float
) -> None:
    labels = {"service_name": "shop", "server_address": "stock.lan"}
    told = values(*every(60, [300 * units, 500 * units], name, **labels), concept=concept)
    assert told == values(*every(60, [300, 500], other, **labels), concept=concept) != {}


def test_a_counter_that_falls_was_restarted_from_zero() -> None:
    assert values(*every(10, [500, 510, 4, 9], job="shop"), concept="requests") == {(0, "shop", ""): 19}


def test_a_marker_that_a_series_ended_is_neither_a_value_nor_a_restart() -> None:
    assert values(*every(10, [500, 510, NAN, 530], job="shop"), concept="requests") == {(0, "shop", ""): 30}
    up = every(10, [1, NAN, 0], "up", job="shop")
    assert values(*up, concept="up") == {(0, "shop", ""): 0.5}
    assert seen(*every(10, [NAN, NAN], "up", job="shop")) == []


def test_samples_in_any_order_are_counted_by_their_times() -> None:
    counted = every(10, [500, 510, 4, 9], job="shop")
    assert seen(*reversed(counted)) == seen(*counted)


def test_a_gauge_gives_its_mean_and_its_extremes() -> None:
    pods = [*every(60, [10, 90], "orders_queue_depth", job="orders", pod="a")]
    pods += every(60, [30, 30], "orders_queue_depth", job="orders", pod="b")
    row = {"window": T0, "component": "orders", "concept": "queue_depth", "item": ""}
    assert seen(*pods) == [
        row | {"value": 20, "low": 10, "high": 30},
        row | {"window": T0 + 60, "value": 60, "low": 30, "high": 90},
    ]


def test_pods_of_one_service_add_up_and_each_by_its_own_counter() -> None:
    pods = [*every(10, [5, 6, 8], job="shop", pod="a"), *every(10, [900, 910, 930], job="shop", pod="b")]
    assert values(*pods, concept="requests") == {(0, "shop", ""): 33}
    (row,) = [row for row in seen(*pods) if row["concept"] == "requests"]
    assert (row["low"], row["high"]) == (3, 30)


def test_pods_known_only_by_their_own_names_are_one_component() -> None:
    names = ["shop-7d9f8c6b5d-x2x4z", "shop-7d9f8c6b5d-k8k1q", "shop-cache-0"]
    series = [one for pod in names for one in every(10, [1, 2], pod=pod)]
    assert values(*series, concept="requests") == {(0, "shop", ""): 2, (0, "shop-cache-0", ""): 1}


def test_a_gauge_that_is_a_periods_sum_adds_up_over_series_and_not_over_scrapes() -> None:
    name = "aws_dynamodb_throttled_requests_sum"
    series = [
        *every(15, [8, 8, 8], name, dimension_TableName="orders", dimension_Operation="GetItem"),
        *every(15, [2, 2, 2], name, dimension_TableName="orders", dimension_Operation="Query"),
    ]
    assert values(*series, concept="throttled") == {(0, "orders", ""): 10}


@pytest.mark.parametrize(
    ("labels", "component"),
    [
        ({"service_name": "shop", "job": "otel", "instance": "10.0.0.1:80"}, "shop"),
        ({"destination_service": "shop", "app": "x"}, "shop"),
        ({"service_name": "", "job": "shop"}, "shop"),
        ({"application": "shop", "job": "kubernetes-pods"}, "shop"),
        ({"job": "eu/shop"}, "shop"),
        ({"job": "shop", "service": "shop-metrics", "container": "main", "endpoint": "http"}, "shop"),
        ({"instance": "10.0.0.1:80"}, "10.0.0.1:80"),
        ({"colour": "red"}, None),
    ],
    ids=str,
)
def test_the_component_is_the_first_label_that_says_one(labels: dict[str, str], component: str | None) -> None:
    found = values(*every(10, [1, 2], **labels), concept="requests")
    assert [name for _, name, _ in found] == ([component] if component else [])


@pytest.mark.parametrize("name", ["prices.example", "Prices.Example", "prices.example.", "prices.example:53"])
def test_a_probed_name_is_one_however_it_is_written(name: str) -> None:
    probes = [sample("probe_dns_answer_rrs", 0, 3, target=name, qtype="A"), sample("probe_success", 0, 1, target=name)]
    assert [(row["component"], row["concept"], row["item"]) for row in seen(*probes)] == [
        ("prices.example", "dns_answers", "A"),
        ("prices.example", "probe_ok", ""),
    ]


@pytest.mark.parametrize(
    ("labels", "failed"),
    [
        ({"http_response_status_code": "500"}, True),
        ({"http_status_code": "503"}, True),
        ({"code": "5xx"}, True),
        ({"status": "error"}, True),
        ({"http_response_status_code": "404"}, False),
        ({"http_response_status_code": "404", "error_type": "404"}, False),
        ({"http_response_status_code": "200"}, False),
        ({"error_type": "timeout"}, True),
        ({"http_response_status_code": "501", "error_type": "501"}, False),
        ({"status": "UNKNOWN"}, False),
        ({"grpc_status": "UNKNOWN"}, True),
        ({}, False),
    ],
    ids=str,
)
def test_which_requests_count_as_failed(labels: dict[str, str], failed: bool) -> None:
    counted = every(10, [0, 7], job="shop", **labels)
    assert list(values(*counted, concept="errors").values()) == ([7] if failed else [])
    assert list(values(*counted, concept="requests").values()) == [7]


@pytest.mark.parametrize(
    ("label", "route", "watched"),
    [
        ("handler", "/healthz", True),
        ("uri", "/actuator/health/readiness", True),
        ("handler", "/-/ready", True),
        ("grpc_service", "grpc.health.v1.Health", True),
        ("http_route", "/api/health-records", False),
        ("http_route", "/live", False),
    ],
)
def test_who_watches_over_a_server_is_no_user_of_it(label: str, route: str, watched: bool) -> None:
    told = every(10, [0, 7], job="shop", code="503", **{label: route})
    for concept in ("requests", "errors"):
        assert list(values(*told, concept=concept).values()) == ([] if watched else [7])


def test_a_connection_that_became_another_protocol_is_no_request_that_took_as_long() -> None:
    told = every(10, [0, 7], "http_server_request_duration_seconds_sum", job="shop", http_response_status_code="101")
    assert values(*told, concept="server_s") == {}


def test_look_ups_are_counted_by_name_and_only_where_they_failed() -> None:
    name = "dns_lookup_duration_seconds_count"
    counted = [
        *every(10, [0, 9], name, dns_question_name="prices.example", job="cart"),
        *every(10, [0, 4], name, dns_question_name="prices.example", job="cart", error_type="ENODATA"),
        *every(10, [0, 2], name, dns_question_name="prices.example", job="mail", error_type="ENODATA"),
    ]
    assert values(*counted, concept="dns_lookup_failures") == {(0, "prices.example", "ENODATA"): 6}


def test_answers_of_resolvers_are_split_by_their_codes() -> None:
    counted = [
        sample("coredns_dns_responses_total", at, at * share, server="dns://:53", rcode=code)
        for at in (0, 10)
        for code, share in (("NOERROR", 9), ("SERVFAIL", 1))
    ]
    assert values(*counted, concept="dns_responses") == {
        (0, "dns://:53", "NOERROR"): 90,
        (0, "dns://:53", "SERVFAIL"): 10,
    }


def test_names_that_nobody_reads_are_told_and_give_no_rows() -> None:
    told = [sample("go_goroutines", 0, 8, job="shop"), sample("it's odd", 0, 1), sample("up", 0, 1, job="shop")]
    with telemetry(samples=told) as connection:
        assert unknown_names(connection) == ["go_goroutines", "it's odd"]
        assert signals(connection, 10)["concept"].to_pylist() == ["up"]


def test_a_gauge_of_huge_steps_ends_nothing_and_samples_of_one_time_come_in_order() -> None:
    """Steps of 10^29 are none that a counter's sum of billionths could hold."""
    huge = [sample("process_resident_memory_bytes", at, (at % 2) * 1e29, job="shop") for at in range(8)]
    same = [sample("http_requests_total", 0, value, job="shop") for value in (7, 3, 5)]
    assert values(*huge, concept="memory") == {(0, "shop", ""): 5e28}
    assert values(*same, concept="requests") == {(0, "shop", ""): 4}


@pytest.mark.parametrize("samples", [[], [sample("go_goroutines", 0, 8, job="shop")]], ids=["none", "none known"])
def test_nothing_to_read_is_an_empty_table_of_the_schema(samples: list[dict[str, Any]]) -> None:
    with telemetry(samples=samples) as connection:
        table = signals(connection, 10)
    assert (table.schema, table.num_rows) == (SIGNALS, 0)
