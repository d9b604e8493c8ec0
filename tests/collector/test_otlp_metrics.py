"""OTLP metrics come out under the names, labels and values that Prometheus would have given them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from pathlib import Path

import pytest

from epicenter.collector.otlp.names import label_name, metric_name
from tests.collector.handed_over import T0, Json, attributes, metrics_line, read


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds"),
        ("http.server.duration", "ms", "histogram", "http_server_duration_milliseconds"),
        ("http.server.active_requests", "requests", "up-down", "http_server_active_requests"),
        ("http.server.active_requests", "{request}", "up-down", "http_server_active_requests"),
        ("dns.questions", "{question}", "counter", "dns_questions_total"),
        ("requests.total", "1", "counter", "requests_total"),
        ("system.network.io", "By", "counter", "system_network_io_bytes_total"),
        ("process.cpu.utilization", "1", "gauge", "process_cpu_utilization_ratio"),
        ("queue.share", "1", "up-down", "queue_share"),
        ("disk.speed", "By/s", "gauge", "disk_speed_bytes_per_second"),
        ("speed", "{packet}/s", "gauge", "speed_per_second"),
        ("memory_bytes", "By", "gauge", "memory_bytes"),
        ("5xx.share", "%", "gauge", "_5xx_share_percent"),
        ("a--b..c", "", "gauge", "a_b_c"),
        ("fan.speed", "{rpm}", "gauge", "fan_speed"),
        ("job:x", "", "gauge", "job:x"),
    ],
)
def test_metric_names_are_those_of_prometheus(name: str, unit: str, kind: str, expected: str) -> None:
    assert metric_name(name, unit, counter=kind == "counter", gauge=kind == "gauge") == expected


def test_label_names_are_those_of_prometheus() -> None:
    assert [label_name(key) for key in ("http.route", "k8s.pod-name", "2xx", "a..b")] == [
        "http_route",
        "k8s_pod_name",
        "key_2xx",
        "a_b",
    ]


def number(value: float, *, at: int = 0, labels: Mapping[str, str] | None = None, **more: object) -> Json:
    time = str(T0 + at * 10**9)
    return {"timeUnixNano": time, "asDouble": value, "attributes": attributes(labels or {})} | more


def gauge(*points: Mapping[str, object]) -> Json:
    return {"name": "depth", "gauge": {"dataPoints": list(points)}}


SAMPLES = "select Name, Labels, Value from samples order by Timestamp, Name, Labels['le'] nulls last"


def test_the_resource_becomes_job_instance_and_service_name(tmp_path: Path) -> None:
    resource = {"service.name": "cart", "service.namespace": "shop", "service.instance.id": "i-1", "host.name": "h"}
    found = read(tmp_path, "m.jsonl", metrics_line(gauge(number(2)), resource=resource), SAMPLES)
    labels = {"instance": "i-1", "job": "shop/cart", "service_name": "cart"}
    assert found == [("depth", labels, 2.0)]


def test_the_version_of_a_resource_is_its_info_once_a_time(tmp_path: Path) -> None:
    resource = {"service.name": "cart", "service.version": "1.5.0", "host.name": "h"}
    metrics = (gauge(number(2), number(3, at=60)), gauge(number(4, at=60, labels={"queue": "q"})))
    found = read(tmp_path, "m.jsonl", metrics_line(*metrics, resource=resource), SAMPLES)
    labels = {"job": "cart", "service_name": "cart", "service_version": "1.5.0"}
    assert [row for row in found if row[0] == "target_info"] == [("target_info", labels, 1.0)]
    assert len(found) == 4


def test_attributes_become_labels_and_those_that_fall_together_are_joined(tmp_path: Path) -> None:
    point = number(1, labels={"http.route": "/x", "a.b": "1", "a-b": "2", "empty": ""})
    found = read(tmp_path, "m.jsonl", metrics_line(gauge(point), resource={}), SAMPLES)
    assert found == [("depth", {"a_b": "1;2", "http_route": "/x"}, 1.0)]


def test_a_connectors_own_service_name_stands(tmp_path: Path) -> None:
    point = number(1, labels={"service.name": "seen"})
    ((_, labels, _),) = read(tmp_path, "m.jsonl", metrics_line(gauge(point)), SAMPLES)
    assert labels == {"job": "shop", "service_name": "seen"}


def test_histograms_become_cumulative_buckets_sum_and_count(tmp_path: Path) -> None:
    point = {
        "timeUnixNano": str(T0),
        "count": "6",
        "sum": 1.5,
        "bucketCounts": ["1", 2, "3"],
        "explicitBounds": [0.005, 10],
    }
    metric = {"name": "http.duration", "unit": "s", "histogram": {"dataPoints": [point], "aggregationTemporality": 2}}
    found = read(tmp_path, "m.jsonl", metrics_line(metric, resource={}), SAMPLES)
    name = "http_duration_seconds"
    assert found == [
        (f"{name}_bucket", {"le": "+Inf"}, 6.0),
        (f"{name}_bucket", {"le": "0.005"}, 1.0),
        (f"{name}_bucket", {"le": "10"}, 3.0),
        (f"{name}_count", {}, 6.0),
        (f"{name}_sum", {}, 1.5),
    ]  # fmt: skip


def test_exponential_histograms_keep_sum_and_count(tmp_path: Path) -> None:
    point = {"timeUnixNano": str(T0), "count": "6", "sum": 1.5, "scale": 3, "positive": {"bucketCounts": ["6"]}}
    metric = {"name": "d", "exponentialHistogram": {"dataPoints": [point], "aggregationTemporality": 2}}
    found = read(tmp_path, "m.jsonl", metrics_line(metric, resource={}), SAMPLES)
    assert found == [("d_count", {}, 6.0), ("d_sum", {}, 1.5)]


def test_summaries_get_quantiles(tmp_path: Path) -> None:
    quantiles = [{"quantile": 0.99, "value": 2.5}]
    point = {"timeUnixNano": str(T0), "count": "6", "sum": 1.5, "quantileValues": quantiles}
    found = read(
        tmp_path, "m.jsonl", metrics_line({"name": "d", "summary": {"dataPoints": [point]}}, resource={}), SAMPLES
    )
    assert found == [("d", {"quantile": "0.99"}, 2.5), ("d_count", {}, 6.0), ("d_sum", {}, 1.5)]


def test_deltas_are_added_up_series_by_series(tmp_path: Path) -> None:
    points = [number(i, at=i, labels={"code": code}) for i in (1, 2, 3) for code in ("200", "500")]
    metric = {"name": "x", "sum": {"isMonotonic": True, "aggregationTemporality": 1, "dataPoints": points}}
    query = "select Value from samples where Labels['code'] = '500' order by Timestamp"
    assert read(tmp_path, "m.jsonl", metrics_line(metric), query) == [(1.0,), (3.0,), (6.0,)]


def test_no_recorded_value_is_a_nan_as_prometheus_staleness(tmp_path: Path) -> None:
    points = [number(1), number(0, at=1, flags=1), {"timeUnixNano": str(T0 + 2 * 10**9), "asDouble": "NaN"}]
    found = read(tmp_path, "m.jsonl", metrics_line(gauge(*points)), "select Value from samples order by Timestamp")
    assert [isnan(value) for (value,) in found if isinstance(value, float)] == [False, True, True]
