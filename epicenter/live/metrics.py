"""What the server says of itself and of incidents at /metrics: the names of docs/live-metrics.md and no others."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..detectors.analysis import SustainingKind
from .config import Config
from .edges import Edge, Shown
from .feed import Snapshot, Tracked

SIGNALS = ("spans", "samples", "log_records")
REASONS = ("malformed", "too_large", "unavailable", "unauthorized")
OVERFLOWS = ("service", "edge", "name", "metric")
_MOST_INCIDENTS, _MOST_CANDIDATES = 5, 5
_COMMIT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_ANALYSIS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Every series of the server, registered with `registry`.

    started: Unix seconds, for the time stamps of what has not happened yet.
    """

    def __init__(self, registry: CollectorRegistry, config: Config, started: float) -> None:
        around = {"file": config.files.folder, "prometheus": config.prometheus.url}
        transports = ("grpc", "http", *(name for name, configured in around.items() if configured))
        self.ingested = {
            signal: _zeroed(
                Counter(f"epicenter_ingest_{signal}", text, ("transport",), registry=registry),
                transports,
            )
            for signal, text in zip(
                SIGNALS, ("Spans taken in.", "Metric samples taken in.", "Log records taken in."), strict=True
            )
        }
        self.rejected = Counter(
            "epicenter_ingest_rejected",
            "Items refused; a request that cannot be counted is one.",
            ("signal", "reason"),
            registry=registry,
        )
        for signal in SIGNALS:
            for reason in REASONS:
                self.rejected.labels(signal, reason)
        self.overflow = _zeroed(
            Counter(
                "epicenter_ingest_overflow",
                "Items left out because a bounded table was full.",
                ("kind",),
                registry=registry,
            ),
            OVERFLOWS,
        )
        self.late = _zeroed(
            Counter(
                "epicenter_late_items",
                "Items that came after their window had been closed.",
                ("signal",),
                registry=registry,
            ),
            SIGNALS,
        )
        self.waiting_rows = Gauge(
            "epicenter_ingest_waiting_rows", "Items that are safe and not counted yet.", registry=registry
        )
        self.watermark_lag = Gauge(
            "epicenter_watermark_lag_seconds",
            "How far behind the clock the newest closed window ends.",
            registry=registry,
        )
        self.analysis_duration = Histogram(
            "epicenter_analysis_duration_seconds", "Time of one analysis.", buckets=_ANALYSIS_S, registry=registry
        )
        self.analysis_failures = Counter(
            "epicenter_analysis_failures",
            "What failed in the server: analyses, counts, keeps, requests that could not be decoded for a count.",
            registry=registry,
        )
        self.analysis_success = Gauge(
            "epicenter_analysis_last_success_timestamp_seconds",
            "End of the last analysis that ended well, in Unix seconds.",
            registry=registry,
        )
        self.analysis_success.set(started)
        self.wal_bytes = Gauge("epicenter_wal_bytes", "Size of the log on disk.", registry=registry)
        self.wal_segments = Gauge("epicenter_wal_segments", "Files of the log.", registry=registry)
        self.wal_commit = Histogram(
            "epicenter_wal_commit_duration_seconds",
            "Time until a batch is safe on disk.",
            buckets=_COMMIT_S,
            registry=registry,
        )
        self.disk_full = Gauge(
            "epicenter_disk_full", "1 while the log cannot be written for want of space.", registry=registry
        )
        Gauge(
            "epicenter_memory_limit_bytes", "Memory at 95 % of which nothing more is taken in.", registry=registry
        ).set(config.limits.memory_bytes)
        Gauge("epicenter_build_info", "The version that runs.", ("version",), registry=registry).labels(
            version("epicenter")
        ).set(1)
        if config.prometheus.url:
            self.polls = Counter(
                "epicenter_prometheus_polls", "Polls of Prometheus, failed ones too.", registry=registry
            )
            self.poll_failures = Counter(
                "epicenter_prometheus_poll_failures", "Polls of Prometheus that failed.", registry=registry
            )
            self.poll_success = Gauge(
                "epicenter_prometheus_last_success_timestamp_seconds",
                "End of the last poll that ended well, in Unix seconds.",
                registry=registry,
            )
            self.poll_success.set(started)
        if config.alertmanager.url:
            self.pushes = Counter(
                "epicenter_alertmanager_pushes", "Pushes to Alertmanager, failed ones too.", registry=registry
            )
            self.push_failures = Counter(
                "epicenter_alertmanager_push_failures", "Pushes to Alertmanager that failed.", registry=registry
            )
        ProcessCollector(registry=registry)
        self.state = StateOfIncidents()
        registry.register(self.state)


def _zeroed(counter: Counter, values: tuple[str, ...]) -> Counter:
    """The counter with all of its series at 0 from the start."""
    for value in values:
        counter.labels(value)
    return counter


class StateOfIncidents(Collector):
    """The series that come and go with incidents, edges and names; `show` replaces them, from any thread."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._edges: list[Edge] = []
        self._failures: Shown = []

    def show(self, snapshot: Snapshot, edges: list[Edge], failures: Shown) -> None:
        """Tell of this state from now on."""
        self._snapshot, self._edges, self._failures = snapshot, edges, failures

    def collect(self) -> Iterator[Metric]:
        """All series, for one scrape."""
        still = self._snapshot.open if self._snapshot is not None else ()
        yield GaugeMetricFamily("epicenter_incident_open", "Incidents that are open now.", value=len(still))
        early = self._snapshot.warnings if self._snapshot is not None else ()
        yield GaugeMetricFamily(
            "epicenter_warning_open",
            "What may come before an incident, and lasts.",
            value=sum(warning.ended_at is None for warning in early),
        )
        yield from _of_incidents(still[:_MOST_INCIDENTS])
        yield from _of_edges(self._edges)
        failures = CounterMetricFamily("epicenter_dns_failures", "Failed look-ups.", labels=("name", "class"))
        for (name, kind), count in self._failures:
            failures.add_metric((name, kind), count)
        yield failures
        loops = GaugeMetricFamily(
            "epicenter_sustaining_loop_active", "1 while an open incident has this loop, else 0.", labels=("loop",)
        )
        active = {loop.kind for one in still for loop in one.incident.sustaining if loop.ended_at is None}
        for kind in get_args(SustainingKind):
            loops.add_metric((kind,), float(kind in active))
        yield loops


def _of_incidents(still: tuple[Tracked, ...]) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "epicenter_incident_info",
        "1 for each open incident.",
        labels=("incident_id", "verdict", "trigger", "service", "kind"),
    )
    start = GaugeMetricFamily(
        "epicenter_incident_start_timestamp_seconds", "When it began, in Unix seconds.", labels=("incident_id",)
    )
    phase = GaugeMetricFamily(
        "epicenter_incident_phase",
        "1 for the phase that an open incident is in, 0 for those it has left.",
        labels=("incident_id", "phase"),
    )
    confidence = GaugeMetricFamily(
        "epicenter_root_cause_confidence_ratio",
        "Score of a candidate, from 0 to 1.",
        labels=("incident_id", "component", "service", "kind"),
    )
    for one in still:
        incident, trigger = one.incident, one.incident.trigger
        component = "" if incident.verdict == "unknown" else trigger.component
        info.add_metric((one.id, incident.verdict, component, trigger.service, trigger.kind), 1.0)
        start.add_metric((one.id,), incident.started_at)
        phases: dict[str, float] = {}
        for each in incident.phases:
            phases[each.name] = max(phases.get(each.name, 0.0), float(each.ended_at is None))
        for name, value in phases.items():
            phase.add_metric((one.id, name), value)
        scores: dict[tuple[str, str, str], float] = {}
        for candidate in incident.candidates:
            key = (candidate.component, candidate.service, candidate.kind)
            scores[key] = max(scores.get(key, 0.0), min(max(candidate.score, 0.0), 1.0))
        for key, score in list(scores.items())[:_MOST_CANDIDATES]:
            confidence.add_metric((one.id, *key), score)
    yield from (info, start, phase, confidence)


def _of_edges(edges: list[Edge]) -> Iterator[Metric]:
    amplification = GaugeMetricFamily(
        "epicenter_edge_amplification_ratio",
        "Attempts per original in the last whole window.",
        labels=("client", "server"),
    )
    goodput = GaugeMetricFamily(
        "epicenter_edge_goodput_ratio", "Good ends per original in the last whole window.", labels=("client", "server")
    )
    for edge in edges:
        amplification.add_metric((edge.client, edge.server), edge.amplification)
        goodput.add_metric((edge.client, edge.server), edge.goodput)
    yield from (amplification, goodput)
