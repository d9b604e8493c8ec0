"""What the cloud, the cluster and the services themselves tell follows from the books."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.synthetic.telemetry.naming import pod_name
from epicenter.synthetic.world.history import Change, Series

from .dialects import DARK, DOWN, Told, rich_history, tick
from .toy_history import OUTAGE, toy_history

HISTORY = rich_history()
CHECKOUT, LAMBDA = HISTORY.service("checkout"), HISTORY.service("lambda")
SIX = slice(102, 108)  # a whole minute within the outage


def test_cloudwatch_s_sums_are_of_the_last_whole_minute() -> None:
    told = Told(HISTORY, "yace")
    function = {"dimension_FunctionName": "shop-invoke"}
    (invoked,) = told.each("aws_lambda_invocations_sum", **function)
    (errors,), (throttles,) = (told.each(f"aws_lambda_{name}_sum", **function) for name in ("errors", "throttles"))
    assert np.isnan(invoked[:6]).all()
    assert (invoked[6:12] == invoked[6]).all()
    assert errors[SIX.stop] == pytest.approx(HISTORY.failures[SIX, 3].sum() * 2 / 3 / 2, abs=1)
    assert throttles[SIX.stop] == pytest.approx(HISTORY.own_failed[SIX, LAMBDA].sum(), abs=1)
    reached = HISTORY.arrivals[SIX, LAMBDA].sum()
    assert invoked[SIX.stop] + throttles[SIX.stop] == pytest.approx(reached, abs=2)


def test_an_unresolvable_database_sees_fewer_requests_and_no_errors() -> None:
    told = Told(HISTORY, "yace")
    table = {"dimension_TableName": "checkout", "dimension_Operation": "GetItem"}
    (errors,) = told.each("aws_dynamodb_system_errors_sum", **table)
    (items,) = told.each("aws_dynamodb_returned_item_count_sum", **table)
    (latency,) = told.each("aws_dynamodb_successful_request_latency_average", **table)
    assert np.nanmax(errors) == 0
    assert items[SIX.stop] == pytest.approx(HISTORY.ok[SIX, 1].sum(), abs=1)
    assert latency[50] == pytest.approx(3.0)  # milliseconds


def test_load_balancers_tell_their_targets_and_what_users_got() -> None:
    told = Told(HISTORY, "yace")
    (healthy,) = told.each("aws_networkelb_healthy_host_count_minimum")
    (unhealthy,) = told.each("aws_networkelb_un_healthy_host_count_maximum")
    assert (healthy[50], unhealthy[50]) == (12, 0)
    assert healthy[120] == 12 - unhealthy[120] < 12
    (labels,) = [s.labels for s in told.families["aws_networkelb_healthy_host_count_minimum"].series]
    assert labels["dimension_LoadBalancer"].startswith("net/nlb/")
    (resets,) = told.each("aws_networkelb_tcp_elb_reset_count_sum")
    assert resets[SIX.stop] == pytest.approx(HISTORY.failures[SIX, 3].sum() / 3)
    (asked,), (failed,) = (
        told.each(f"aws_applicationelb_{name}_sum") for name in ("request_count", "httpcode_target_5_xx_count")
    )
    assert asked[SIX.stop] == pytest.approx(HISTORY.arrivals[SIX, 0].sum(), abs=1)
    assert failed[SIX.stop] == pytest.approx(HISTORY.failed[SIX, 0].sum(), abs=1)


def test_an_instance_that_is_down_fails_its_status_check_and_computes_nothing() -> None:
    told = Told(HISTORY, "yace")
    failed = told.each("aws_ec2_status_check_failed_maximum", tag_Name="checkout-2")[0]
    assert failed[DOWN.start - 1] == 0
    assert failed[DOWN.stop] == 1
    down, up = (told.each("aws_ec2_cpuutilization_average", tag_Name=f"checkout-{i}")[0] for i in (2, 0))
    assert down[66] < up[50] < up[66]  # what is left does the work of all
    assert not told.each("aws_ec2_status_check_failed_maximum", tag_Name="dynamodb-0")  # AWS's own


def test_a_pod_that_is_down_is_not_up_not_ready_and_comes_back_restarted() -> None:
    told = Told(HISTORY, "kube")
    pod = {"pod": pod_name("checkout", 2)}
    (up,), (ready,) = told.each("up", **pod), told.each("kube_pod_status_ready", **pod, condition="true")
    assert (up[DOWN.start], up[DOWN.start + 1], up[DOWN.stop], up[DOWN.stop + 1]) == (1, 0, 0, 1)
    np.testing.assert_array_equal(up, ready)
    (available,) = told.each("kube_deployment_status_replicas_available", deployment="checkout")
    assert (available[DOWN.start], available[DOWN.start + 1]) == (3, 2)
    (restarts,) = told.each("kube_pod_container_status_restarts_total", **pod)
    assert restarts[DOWN.stop] == 0
    assert restarts[DOWN.stop + 1] == 1
    (waiting,) = told.each("kube_pod_container_status_waiting_reason", **pod)
    assert waiting[DOWN.start + 1] == 1
    assert np.isnan(waiting[DOWN.start])


def test_lost_telemetry_fails_the_scrapes_but_not_the_pods() -> None:
    told = Told(HISTORY, "kube")
    pod = {"pod": pod_name("shop", 0)}
    (up,), (ready,) = told.each("up", **pod), told.each("kube_pod_status_ready", **pod, condition="true")
    assert (up[DARK.start + 1 : DARK.stop + 1] == 0).all()
    assert up[DARK.stop + 1] == 1
    assert ready.all()


def test_a_deploy_is_a_new_generation() -> None:
    deploy = Change(tick(30), "deploy", "shop", "pipeline")
    told = Told(replace(HISTORY, changes=(deploy, *HISTORY.changes)), "kube")
    for name in ("status_observed_generation", "metadata_generation"):
        (generation,) = told.each(f"kube_deployment_{name}", deployment="shop")
        assert (generation[29], generation[30]) == (1, 2)


def test_containers_use_what_their_requests_cost() -> None:
    busy = replace(HISTORY, served=3.0 * HISTORY.served, queue_depth=HISTORY.queue_depth + 3e4)
    idle, loaded = Told(HISTORY, "kube"), Told(busy, "kube")
    cpu, memory = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
    ours, theirs = (one.grew(cpu, slice(0, 50), container="checkout") for one in (idle, loaded))
    assert theirs - ours == pytest.approx(2 * HISTORY.served[:50, CHECKOUT].sum() * 0.006 * 0.3, rel=0.01)
    assert loaded.total(memory, container="checkout")[50] > 4 * idle.total(memory, container="checkout")[50]
    assert idle.total("container_cpu_cfs_throttled_periods_total")[-1] == 0
    full = tuple(replace(one, capacity_rps=45.0) if one.name == "checkout" else one for one in HISTORY.services)
    held = Told(replace(HISTORY, services=full), "kube").total("container_cpu_cfs_throttled_periods_total")
    assert held[90] > 0


def test_a_service_tells_of_its_queue_only_if_work_can_wait_in_it() -> None:
    told = Told(HISTORY, "queues")
    assert set(told.families) == {"ticker_queue_depth", "ticker_queue_oldest_age_seconds"}
    assert told.total("ticker_queue_depth", job="ticker", queue="requests")[120] == 120
    assert told.total("ticker_queue_oldest_age_seconds")[120] == pytest.approx(12)


def test_a_cache_tells_hits_and_misses() -> None:
    told = Told(HISTORY, "redis")
    (cache,) = HISTORY.caches
    hits = told.grew("redis_keyspace_hits_total", OUTAGE, job="checkout")
    misses = told.grew("redis_keyspace_misses_total", OUTAGE, job="checkout")
    assert hits == pytest.approx(cache.hits[OUTAGE].sum(), abs=2)
    assert hits / (hits + misses) == pytest.approx(0.9, abs=0.01)
    gone = replace(HISTORY, up=np.zeros_like(HISTORY.up))
    assert Told(gone, "redis").total("redis_up")[50] == 0


def test_the_world_s_own_queue_goes_first() -> None:
    own = Series("ticker_queue_depth", {"job": "ticker", "queue": "leases"}, "gauge", np.full(240, 7.0))
    told = Told(replace(HISTORY, series=(own,)), "queues", "world")
    assert told.total("ticker_queue_depth")[120] == 7
    assert told.total("ticker_queue_oldest_age_seconds")[120] == pytest.approx(12)


def test_the_world_s_counters_restart_and_are_lost_with_their_job() -> None:
    counts = np.arange(240.0)
    series = tuple(Series("jobs_total", {"job": job}, "counter", counts) for job in ("checkout", "shop", "elsewhere"))
    told = Told(replace(HISTORY, series=series), "world")
    (checkout,), (shop,), (elsewhere,) = (told.each("jobs_total", job=s.labels["job"]) for s in series)
    assert checkout[OUTAGE.stop + 5] == 5
    assert np.isnan(shop[DARK.start + 1])
    assert elsewhere[-1] == 239


def test_a_world_without_any_of_it_tells_nothing_of_it() -> None:
    bare = replace(toy_history(), lookups=(), probes=(), targets=(), caches=(), series=())
    for dialect in ("coredns", "hubble", "unbound", "blackbox", "grpc", "world"):
        assert not any(tuple(family.series) for family in Told(bare, dialect).families.values()), dialect
