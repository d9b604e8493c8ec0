"""Prometheus and Alertmanager, as they tell of themselves: busy with what they scrape, and with what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from ...world.history import History
from ..looks import INSTANCES
from .base import Family, Floats, Labels, Sampled, tidy
from .grid import Grid
from .machines import addon, totals, trailing, wobble
from .shapes import gauges

_SERIES, _PER_SERVICE = 18_000.0, 900.0
"""Series of the cluster, and of each service (assumed)."""
_SCRAPE_S = 30.0
_BLOCK_S = 7200.0
_BYTES_PER_SERIES, _IDLE_BYTES = 8e3, 4e7
_SAMPLE_BYTES = 1.7
_RULES, _GROUPS, _GROUP_S = 110.0, ("kubernetes-apps", "node-exporter", "services"), 30.0
_FAILING = 0.05
"""Share of failed requests from which an alert on a service is assumed to fire."""
_RECEIVER = "slack"
_HASH = 1.1e14
_UP_S = 5.5 * 86400.0
"""How long they had been running when the world began (assumed)."""

Of = Callable[[History], Floats]


def monitoring(grid: Grid) -> Iterator[Family]:
    """One Prometheus that writes to a remote store, and three Alertmanagers."""
    started = np.full(len(grid.times), grid.history.start - _UP_S)
    told = "When a process started, in Unix seconds."
    yield gauges("process_start_time_seconds", told, ((one, started) for one in (_own(), *members())))
    yield from _prometheus(grid)
    yield from _alertmanager(grid)


def _own() -> dict[str, str]:
    return addon("prometheus", "monitoring", 0, 9090)


def members() -> list[dict[str, str]]:
    """Labels of the scrapes of the Alertmanagers."""
    return [addon("alertmanager", "monitoring", i, 9093) for i in range(3)]


def programs(history: History) -> Iterator[tuple[dict[str, str], Floats, Floats]]:
    """Their processes: labels, and [T] bytes in use and things a second that they work on, samples or alerts."""
    yield _own(), _BYTES_PER_SERIES * _series(history), _series(history) / _SCRAPE_S
    for member in members():
        yield member, _IDLE_BYTES * wobble(history, member["pod"], 0.02), _firing(history) / 60.0


def _series(history: History) -> Floats:
    """[T] series in memory; telemetry that is lost takes those of its service with it."""
    there = (1.0 - history.lost).sum(axis=1)
    return np.round((_SERIES + _PER_SERVICE * there) * wobble(history, "prometheus series", 0.002))


def _pods(history: History) -> Floats:
    """[T] pods of services that run, which is what discovery finds of them."""
    instrumented = np.array([service.instrumented for service in history.services])
    return np.ceil(history.up[:, instrumented] * INSTANCES - 1e-9).sum(axis=1)


def _firing(history: History) -> Floats:
    """[T] alerts of the estate's own that are assumed to fire: one for each service that fails."""
    share = np.divide(history.failed, history.arrivals, out=np.zeros_like(history.failed), where=history.arrivals > 0)
    return (share > _FAILING).sum(axis=1).astype(float)


def _sent(history: History) -> Floats:
    """[T] alerts sent a tick: each that fires once a minute."""
    return _firing(history) * history.tick_s / 60.0


def _nothing(history: History) -> Floats:
    return np.zeros(history.ticks)


def _always(value: float) -> Of:
    return lambda history: np.full(history.ticks, value)


def _since_block(history: History) -> Floats:
    """[T] seconds since the last block of two hours was cut."""
    return np.mod(history.times, _BLOCK_S)


_MANAGER = {"alertmanager": "http://alertmanager-main.monitoring:9093/api/v2/alerts"}
_REMOTE = {"remote_name": "long-term", "url": "https://metrics.example.com/api/v1/push"}
_JOB, _SD = {"scrape_job": "services"}, {"mechanism": "kubernetes", "config": "services"}
_Table = tuple[tuple[str, str, Labels, Of], ...]

_FLOWS: _Table = (
    (
        "tsdb_head_samples_appended_total",
        "Samples stored.",
        {"type": "float"},
        lambda h: _series(h) / _SCRAPE_S * h.tick_s,
    ),
    ("tsdb_compactions_total", "Compactions.", {}, lambda h: h.tick_s / _BLOCK_S + _nothing(h)),
    ("notifications_sent_total", "Alerts sent.", _MANAGER, _sent),
    ("rule_evaluations_total", "Evaluations of rules.", {}, lambda h: _RULES / _GROUP_S * h.tick_s + _nothing(h)),
    *(
        (name, told, _REMOTE, lambda h: _series(h) / _SCRAPE_S * h.tick_s)
        for name, told in (
            ("remote_storage_samples_total", "Samples sent to the remote store."),
            ("remote_storage_succeeded_samples_total", "Samples that the remote store took."),
        )
    ),
    *(
        (f"{name}_total", told, labels, _nothing)
        for name, told, labels in (
            ("notifications_dropped", "Alerts that could not be sent.", {}),
            ("notifications_errors", "Errors in sending alerts.", _MANAGER),
            ("remote_storage_samples_failed", "Samples that the remote store refused.", _REMOTE),
            ("remote_storage_failed_samples", "Samples that the remote store refused.", _REMOTE),
            ("rule_evaluation_failures", "Evaluations of rules that failed.", {}),
            ("rule_group_iterations_missed", "Evaluations of groups that were left out.", {"rule_group": _GROUPS[0]}),
            ("sd_kubernetes_failures", "Lists and watches of Kubernetes that failed.", {}),
            ("sd_refresh_failures", "Refreshes of service discovery that failed.", _SD),
            ("target_metadata_cache_misses", "Metadata that was not there.", {}),
            ("target_scrape_pool_exceeded_label_limits", "Times that a pool had too many labels.", {}),
            ("target_scrape_pool_exceeded_target_limit", "Times that a pool had too many targets.", {}),
            ("target_scrapes_exceeded_body_size_limit", "Scrapes that were too large.", {}),
            ("target_scrapes_exceeded_sample_limit", "Scrapes with too many samples.", {}),
            ("target_scrapes_sample_duplicate_timestamp", "Samples with a time that was there.", {}),
            ("target_scrapes_sample_out_of_order", "Samples that came too late.", {}),
            ("target_sync_failed", "Targets that could not be made.", _JOB),
            ("template_text_expansion_failures", "Templates that failed.", {}),
            ("tsdb_checkpoint_creations_failed", "Checkpoints that failed.", {}),
            ("tsdb_checkpoint_deletions_failed", "Checkpoints that could not be deleted.", {}),
            ("tsdb_compactions_failed", "Compactions that failed.", {}),
            ("tsdb_head_truncations_failed", "Truncations of the head that failed.", {}),
            ("tsdb_reloads_failures", "Reloads of blocks that failed.", {}),
            ("tsdb_wal_corruptions", "Corruptions of the log.", {}),
            ("tsdb_wal_truncations_failed", "Truncations of the log that failed.", {}),
        )
    ),
)
_STATES: _Table = (
    ("config_last_reload_successful", "Whether the last reload succeeded.", {}, _always(1.0)),
    ("engine_queries", "Queries under way.", {}, lambda h: np.round(wobble(h, "queries", 0.4))),
    ("engine_queries_concurrent_max", "Queries that may be under way.", {}, _always(20.0)),
    ("notifications_alertmanagers_discovered", "Alertmanagers known.", {}, _always(3.0)),
    ("notifications_queue_capacity", "Alerts that may wait.", {}, _always(10_000.0)),
    (
        "notifications_queue_length",
        "Alerts that wait.",
        {},
        lambda h: np.floor(trailing(_firing(h), 60.0, h.tick_s) * (wobble(h, "alerts", 0.5) > 1.5)),
    ),
    (
        "remote_storage_highest_timestamp_in_seconds",
        "Newest sample that was stored.",
        {},
        lambda h: np.floor(h.times),
    ),
    (
        "remote_storage_queue_highest_sent_timestamp_seconds",
        "Newest sample that was sent.",
        _REMOTE,
        lambda h: np.floor(h.times - 4.0 * wobble(h, "remote", 0.2)),
    ),
    ("remote_storage_shards_desired", "Shards wanted.", _REMOTE, lambda h: 0.6 * wobble(h, "shards", 0.1)),
    ("remote_storage_shards_max", "Shards that there may be.", _REMOTE, _always(50.0)),
    ("sd_discovered_targets", "Targets found.", {"name": "scrape", "config": "services"}, _pods),
    ("target_metadata_cache_entries", "Metadata kept.", _JOB, lambda h: np.round(_series(h) / 60.0)),
    ("tsdb_head_series", "Series in memory.", {}, _series),
    ("tsdb_head_chunks", "Chunks in memory.", {}, lambda h: np.round(_series(h) * (1.0 + _since_block(h) / 3600.0))),
    (
        "tsdb_storage_blocks_bytes",
        "Bytes of all blocks.",
        {},
        lambda h: 1.8e10 + _SAMPLE_BYTES * np.cumsum(_series(h) / _SCRAPE_S * h.tick_s),
    ),
)


def _prometheus(grid: Grid) -> Iterator[Family]:
    history, own = grid.history, _own()
    for name, told, labels, of in _FLOWS:
        yield totals(grid, f"prometheus_{name}", told, [({**own, **labels}, of(history))])
    for name, told, labels, of in _STATES:
        yield gauges(f"prometheus_{name}", told, [({**own, **labels}, grid.state(of(history)))])
    groups = [{**own, "rule_group": f"/etc/prometheus/rules/{name}.yml;{name}"} for name in _GROUPS]
    work = grid.state(_series(history)) / _SERIES * 0.09
    for name, told, value in (
        ("interval_seconds", "Interval of a group.", np.full(len(grid.times), _GROUP_S)),
        ("last_duration_seconds", "Time that a group took.", work * grid.state(wobble(history, "rules", 0.1))),
        ("rules", "Rules of a group.", np.full(len(grid.times), _RULES / len(_GROUPS))),
    ):
        yield gauges(f"prometheus_rule_group_{name}", told, ((group, value) for group in groups))
    late = {"0.01": -0.004, "0.05": -0.002, "0.5": 0.0, "0.9": 0.002, "0.99": 0.006}
    quantiles = (
        ({**own, "interval": "30s", "quantile": q}, _SCRAPE_S + by * grid.state(wobble(history, f"late {q}", 0.2)))
        for q, by in late.items()
    )
    name, of = "prometheus_target_interval_length_seconds", {**own, "interval": "30s"}
    count = np.floor(grid.counter(_pods(history) / _SCRAPE_S * history.tick_s, grid.parts("")[0]) + 1e-6)
    whole = (
        Sampled(f"_{suffix}", tidy(of), values) for suffix, values in (("sum", _SCRAPE_S * count), ("count", count))
    )
    summary = gauges(name, "Time between scrapes.", quantiles)
    yield replace(summary, kind="summary", series=chain(summary.series, whole))


def _alertmanager(grid: Grid) -> Iterator[Family]:
    history, ones = grid.history, np.ones(len(grid.times))
    peers = members()
    for name, told, value in (
        ("config_last_reload_successful", "Whether the last reload succeeded.", ones),
        ("config_hash", "Hash of the settings.", _HASH * ones),
        ("cluster_members", "Members that a member sees.", 3.0 * ones),
        ("cluster_health_score", "Health of the cluster, 0 the best.", 0.0 * ones),
    ):
        yield gauges(f"alertmanager_{name}", told, ((member, value) for member in peers))
    states = (
        ({**member, "state": state}, share * grid.state(_firing(history)))
        for member in peers
        for state, share in (("active", 1.0), ("suppressed", 0.0))
    )
    yield gauges("alertmanager_alerts", "Alerts by state.", states)
    told = "Alerts received."
    yield totals(
        grid, "alertmanager_alerts_received_total", told, (({**m, "status": "firing"}, _sent(history)) for m in peers)
    )
    # a group is told when it grows, and every four hours
    news = np.maximum(0.0, np.diff(_firing(history), prepend=0.0)) + _firing(history) * history.tick_s / 14_400.0
    for name, told, flow in (
        ("notifications_total", "Notifications sent.", news),
        ("notifications_failed_total", "Notifications that failed.", 0.0 * news),
    ):
        # the first member sends, the others wait for it
        rows = (
            ({**member, "integration": _RECEIVER, "reason": "other" if "failed" in name else ""}, (i == 0) * flow)
            for i, member in enumerate(peers)
        )
        yield totals(grid, f"alertmanager_{name}", told, rows)
