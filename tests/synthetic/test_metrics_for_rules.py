"""What machines, the cluster and Prometheus tell moves with the world's own books, and stands where nothing happens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.rules.worlds import METRICS
from epicenter.synthetic.telemetry.looks import INSTANCES
from epicenter.synthetic.telemetry.metrics import FOR_RULES, families
from epicenter.synthetic.world.history import Probe

from .dialects import DARK, DOWN, EVERY_S, Told, rich_history
from .toy_history import OUTAGE, TICK_S, toy_history

CALM = slice(0, 50)


@pytest.fixture(scope="module")
def told() -> Told:
    return Told(rich_history(), *FOR_RULES)


def at(ticks: slice) -> slice:
    """Scrapes that see only these ticks."""
    step = EVERY_S / TICK_S
    return slice(int(ticks.start / step) + 1, int(ticks.stop / step))


def test_a_pod_that_is_down_is_missed_by_its_budget_and_its_deployment(told: Told) -> None:
    healthy = told.total("kube_poddisruptionbudget_status_current_healthy", poddisruptionbudget="checkout")
    assert set(healthy[at(DOWN)]) == {INSTANCES - 1.0}
    assert set(healthy[at(CALM)]) == {float(INSTANCES)}
    allowed = told.total("kube_poddisruptionbudget_status_pod_disruptions_allowed", poddisruptionbudget="checkout")
    assert set(allowed[at(DOWN)]) == {0.0}
    assert told.total("kubelet_running_pods")[at(DOWN)].max() < told.total("kubelet_running_pods")[at(CALM)].min()


def test_all_that_is_scraped_at_an_instance_has_an_up() -> None:
    told = Told(rich_history(), *METRICS)
    scraped = {
        # a container's pod is what it is told of, not what tells of it
        (one.labels["job"], one.labels["instance"], "" if "container" in one.labels else one.labels.get("pod", ""))
        for family in told.families.values()
        for one in family.series
        if "instance" in one.labels
    }
    ups = [one.labels for one in told.families["up"].series]
    known = {(one["job"], one["instance"], one.get("pod", "")) for one in ups}
    # a sidecar's scrape names no pod
    assert scraped <= known | {(job, instance, "") for job, instance, _ in known}


def test_containers_are_of_the_job_that_the_mixin_asks_for_and_each_has_its_scrape(told: Told) -> None:
    assert {one.labels["job"] for one in told.families["container_cpu_cfs_periods_total"].series} == {"cadvisor"}
    assert len(told.each("up", job="cadvisor")) == INSTANCES


def test_discovery_finds_the_pods_that_run(told: Told) -> None:
    found = told.total("prometheus_sd_discovered_targets")
    assert set(found[at(CALM)] - found[at(DOWN)][0]) == {1.0}


def test_pods_that_start_and_stop_keep_the_control_plane_busy(told: Told) -> None:
    history = rich_history()
    without = Told(replace(history, up=np.ones_like(history.up)), "control-plane", "etcd")
    around = slice(DOWN.start - 1, DOWN.start + 9)
    for name, labels in (
        ("apiserver_request_total", {"resource": "events"}),
        ("workqueue_adds_total", {"job": "kube-controller-manager"}),
        ("etcd_server_proposals_committed_total", {}),
    ):
        assert told.grew(name, around, **labels) > without.grew(name, around, **labels), name


def test_processors_have_as_many_seconds_as_they_have(told: Told) -> None:
    cores = len({s.labels["cpu"] for s in told.families["node_cpu_seconds_total"].series})
    seconds = 50 * TICK_S
    assert told.grew("node_cpu_seconds_total", CALM) == pytest.approx(INSTANCES * cores * seconds, rel=1e-6)


def test_more_requests_cost_more_processor_memory_and_network() -> None:
    history = rich_history()
    names = ("arrivals", "served")
    twice = Told(replace(history, **{name: 2.0 * getattr(history, name) for name in names}), "nodes")
    once = Told(history, "nodes")
    for name, labels in (
        ("node_cpu_seconds_total", {"mode": "user"}),
        ("node_network_receive_bytes_total", {}),
        ("node_disk_written_bytes_total", {}),
        ("node_context_switches_total", {}),
    ):
        assert twice.grew(name, CALM, **labels) > once.grew(name, CALM, **labels), name
    free = "node_memory_MemAvailable_bytes"
    assert (twice.total(free)[at(CALM)] < once.total(free)[at(CALM)]).all()


def test_failures_fill_disks_and_open_connections(told: Told) -> None:
    calm, bad = slice(20, 40), slice(OUTAGE.start + 5, OUTAGE.start + 25)
    assert told.grew("node_disk_written_bytes_total", bad) > told.grew("node_disk_written_bytes_total", calm)
    tracked = told.total("node_nf_conntrack_entries")
    assert tracked[at(bad)].mean() > tracked[at(calm)].mean()
    assert told.total("alertmanager_alerts", state="active")[at(bad)].max() > 0
    assert told.grew("alertmanager_notifications_total", slice(OUTAGE.start - 1, OUTAGE.stop)) > 0


def test_telemetry_that_is_lost_could_not_be_sent_on(told: Told) -> None:
    assert told.grew("otelcol_exporter_send_failed_spans", DARK) > 0
    assert told.grew("otelcol_exporter_send_failed_spans", CALM) == 0
    assert told.total("otelcol_exporter_queue_size")[at(DARK)].max() > told.total("otelcol_exporter_queue_size")[1]


@pytest.mark.parametrize(("times", "refused"), [(1.0, False), (20.0, True)])
def test_a_collector_that_cannot_send_fills_its_queue_or_before_that_its_memory(times: float, refused: bool) -> None:
    history = rich_history()
    lost = np.zeros_like(history.lost)
    lost[OUTAGE] = 1.0
    flows = {name: times * getattr(history, name) for name in ("arrivals", "attempts")}
    told = Told(replace(history, lost=lost, **flows), "otelcol")
    gone = {
        name: told.grew(f"otelcol_{name}_spans", OUTAGE)
        for name in ("receiver_refused", "exporter_send_failed", "exporter_enqueue_failed")
    }
    made = told.grew("otelcol_receiver_accepted_spans", OUTAGE) + gone["receiver_refused"]
    assert sum(gone.values()) == pytest.approx(made)
    assert (gone["receiver_refused"] > 0, gone["exporter_enqueue_failed"] > 0) == (refused, not refused)
    assert gone["exporter_send_failed"] > 0  # while there was room
    assert told.grew("otelcol_processor_refused_spans", OUTAGE) == gone["receiver_refused"]
    assert told.grew("otelcol_receiver_refused_spans", CALM) == 0


def test_requests_wait_at_the_edge_where_its_servers_hold_all_they_may() -> None:
    history = rich_history()
    s, slow = history.service("shop"), history.latency_s.copy()
    slow[OUTAGE, s] = 20.0
    told = Told(replace(history, latency_s=slow), "haproxy")
    waiting, held = (told.total(f"haproxy_backend_current_{name}", proxy="shop") for name in ("queue", "sessions"))
    assert set(waiting[at(CALM)]) == {0.0}
    np.testing.assert_allclose(waiting[at(OUTAGE)], held[at(OUTAGE)] - 100.0 * INSTANCES, atol=1.0)
    assert waiting[at(OUTAGE)].min() > 0


def test_an_exporter_of_the_cloud_is_locked_out_once_its_credentials_run_out_while_sts_fails() -> None:
    history = rich_history()
    s, failed = history.service("lambda"), history.failed.copy()
    failed[OUTAGE, s] = history.arrivals[OUTAGE, s]
    services = list(history.services)
    services[s] = replace(services[s], hosts=("sts.us-east-1.amazonaws.com",))
    hour = OUTAGE.start + 30  # ticks until the clock strikes
    start = 3600.0 * np.ceil(history.start / 3600.0) - hour * TICK_S
    told = Told(replace(history, services=tuple(services), failed=failed, start=start), "cloudwatch")
    error = told.total("cloudwatch_exporter_scrape_error")
    assert set(error[at(slice(hour, OUTAGE.stop))]) == {1.0}
    assert error.sum() == pytest.approx(OUTAGE.stop - hour, abs=1)


def test_an_endpoint_that_fails_in_a_row_is_taken_out_until_it_answers() -> None:
    told = Told(toy_history(failure="deadline"), "envoy-pods")
    labels = {"job": "checkout", "envoy_cluster_name": "dynamodb"}
    for out, left in zip(
        told.each("envoy_cluster_outlier_detection_ejections_active", **labels),
        told.each("envoy_cluster_membership_healthy", **labels),
        strict=True,
    ):
        assert (set(out[at(CALM)]), set(left[at(CALM)])) == ({0.0}, {float(INSTANCES)})
        assert (set(out[at(OUTAGE)][1:]), set(left[at(OUTAGE)][1:])) == ({1.0}, {INSTANCES - 1.0})


def test_probes_and_the_api_server_are_never_quite_the_same() -> None:
    told = Told(rich_history(), "blackbox", "control-plane")
    for name, labels in (
        ("probe_duration_seconds", {"module": "dns"}),
        ("probe_dns_lookup_time_seconds", {"module": "http_2xx"}),
        ("apiserver_current_inflight_requests", {}),
    ):
        assert all(len(np.unique(values[at(CALM)])) > 1 for values in told.each(name, **labels)), name


def test_the_edge_counts_what_the_world_counts(told: Told) -> None:
    history = rich_history()
    s = history.service("shop")
    grew = told.grew("haproxy_server_http_responses_total", OUTAGE, proxy="shop", code="5xx")
    assert grew == pytest.approx(history.failed[OUTAGE, s].sum(), rel=0.01)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("traefik_service_requests_total", {"service": "shop@kubernetescrd"}),
        ("nginx_http_requests_total", {"host": "shop.example"}),
        ("istio_requests_total", {"reporter": "destination", "destination_workload": "shop"}),
    ],
)
def test_every_proxy_counts_what_the_service_answered_to_users(told: Told, name: str, labels: dict[str, str]) -> None:
    history = rich_history()
    s, before_the_dark = history.service("shop"), slice(0, DARK.start - 1)
    code = "status" if name.startswith("nginx") else "response_code" if name.startswith("istio") else "code"
    failed = told.grew(name, before_the_dark, **labels, **{code: "500"})
    assert failed == pytest.approx(history.failed[before_the_dark, s].sum(), abs=2.0)
    served = failed + told.grew(name, before_the_dark, **labels, **{code: "200"})
    assert served == pytest.approx(history.arrivals[before_the_dark, s].sum(), rel=0.01)


def test_the_slowest_request_of_the_edge_stays_the_slowest(told: Told) -> None:
    (slowest,) = told.each("haproxy_backend_max_total_time_seconds", proxy="shop")
    assert (np.diff(slowest) >= 0).all()
    history = rich_history()
    mean = history.latency_s[:, history.service("shop")].max()
    assert 2.0 * mean < slowest[-1] < 20.0 * mean


def test_requests_are_cut_off_where_the_network_loses_packets() -> None:
    history = rich_history()
    name, labels = "envoy_http_downstream_rq_timeout", {"job": "checkout"}
    assert Told(history, "envoy").grew(name, slice(0, OUTAGE.stop), **labels) == 0.0
    lost = history.odds.unconnected.copy()
    lost[OUTAGE, [edge.server for edge in history.edges].index("checkout")] = 0.2
    told = Told(replace(history, odds=replace(history.odds, unconnected=lost)), "envoy")
    assert told.grew(name, OUTAGE, **labels) > 0.0
    assert told.grew(name, slice(0, OUTAGE.start), **labels) == 0.0


def test_requests_that_are_held_cost_goroutines_descriptors_and_memory(told: Told) -> None:
    history = rich_history()
    waiting = history.queue_depth.copy()
    waiting[OUTAGE] += 300.0
    more = Told(replace(history, queue_depth=waiting), "runtimes")
    for name, labels, least in (
        ("go_goroutines", {"job": "ticker"}, 600.0),
        ("process_open_fds", {"job": "checkout"}, 300.0),
        ("process_resident_memory_bytes", {"job": "checkout"}, 300.0 * 2**16),
    ):
        gained = more.total(name, **labels)[at(OUTAGE)] - told.total(name, **labels)[at(OUTAGE)]
        assert gained.mean() >= 0.9 * least, name
        np.testing.assert_array_equal(more.total(name, **labels)[at(CALM)], told.total(name, **labels)[at(CALM)])


def test_heaps_are_collected_before_they_are_full(told: Told) -> None:
    for used, most in zip(told.each("jvm_memory_used_bytes"), told.each("jvm_memory_max_bytes"), strict=True):
        assert (np.diff(used) < 0).any()
        assert (used < most).all()


def test_a_certificate_is_not_found_where_its_name_has_no_addresses() -> None:
    history = rich_history()
    (site,) = {probe.target.partition("//")[2].partition("/")[0] for probe in history.probes if probe.module == "http"}
    answers = np.ones(history.ticks)
    answers[OUTAGE] = 0.0
    lost = Probe("dns", site, "paris", "A", np.ones(history.ticks), answers)
    told = Told(replace(history, probes=(*history.probes, lost)), "certificates")
    assert (told.total("ssl_probe_success")[at(OUTAGE)] == 0.0).all()
    assert np.isnan(told.each("ssl_verified_cert_not_after")[0][at(OUTAGE)]).all()
    assert (told.total("ssl_probe_success")[at(CALM)] == 1.0).all()


def test_a_job_runs_for_two_minutes_of_each_hour() -> None:
    history = rich_history()
    whole = replace(history, start=3600.0 * np.ceil(history.start / 3600.0) - 60.0)
    told = Told(whole, "workloads", "cluster")
    times = whole.start + EVERY_S * np.arange(len(told.total("kube_job_status_active")))
    np.testing.assert_array_equal(told.total("kube_job_status_active"), np.mod(times, 3600.0) < 120.0)
    waits = told.total("kube_pod_container_status_waiting_reason", reason="ContainerCreating")
    np.testing.assert_array_equal(waits, np.mod(times, 3600.0) < 30.0)


def test_the_same_seed_tells_the_same_and_another_seed_something_else() -> None:
    def values(seed: int) -> list[np.ndarray]:
        history = replace(rich_history(), seed=seed)
        return [s.values for family in families(history, 60.0, ("nodes", "otelcol")) for s in family.series]

    first, again, other = values(1), values(1), values(2)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    "name",
    [
        "node_load1",
        "node_memory_MemAvailable_bytes",
        "node_filesystem_avail_bytes",
        "node_timex_offset_seconds",
        "kubelet_volume_stats_used_bytes",
        "etcd_mvcc_db_total_size_in_use_in_bytes",
        "prometheus_tsdb_head_series",
        "prometheus_rule_group_last_duration_seconds",
        "otelcol_process_runtime_heap_alloc_bytes",
        "probe_icmp_duration_seconds",
        "cloudwatch_exporter_scrape_duration_seconds",
        "prometheus_remote_storage_succeeded_samples_total",
        "go_memstats_heap_alloc_bytes",
        "jvm_memory_used_bytes",
        "container_last_seen",
    ],
)
def test_what_moves_in_a_real_estate_moves_here(told: Told, name: str) -> None:
    assert all(len(np.unique(values)) > 10 for values in told.each(name))
