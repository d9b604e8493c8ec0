"""A history -> the metrics that its services and probes expose, as they stand at every scrape.

Counters count ALL requests, not only those whose traces are drawn. Names and labels are those of OpenTelemetry's
HTTP conventions after the OTLP-to-Prometheus translation (`job` is the service's name), plus the world's own series.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..world.history import History
from .flows import Flow, call_flows, lookup_flows, request_flows

Floats = NDArray[np.float64]
Kind = Literal["counter", "gauge", "histogram"]

SERVER_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bucket bounds that OpenTelemetry's conventions advise for HTTP durations."""
CLIENT_BOUNDS_S = (0.01, 0.1, 1.0, 10.0)
"""Coarser, as a view would be set up where every client times every peer."""


HELP = {
    "http_server_request_duration_seconds": "Duration of HTTP server requests.",
    "http_client_request_duration_seconds": "Duration of HTTP client requests, every attempt counted.",
    "dns_lookup_duration_seconds": "Time to look a name up before connecting.",
    "aws_networkelb_healthy_host_count": "Targets of a load balancer that are in service and pass their health checks.",
    "aws_networkelb_un_healthy_host_count": "Targets of a load balancer that fail their health checks.",
    "coredns_dns_requests": "DNS requests; CoreDNS counts an empty answer as NOERROR.",
    "coredns_dns_responses": "DNS responses by response code; an empty answer is NOERROR.",
    "lock_failures": "Attempts to take a record's lock that another writer held.",
    "plan_generation": "Generation of the plan that a writer applied last.",
    "throttled_requests": "Requests refused by a throttle.",
    "attempts": "Attempts at queued work, by outcome; late ones were of no use to anybody.",
    "leases_active": "Leases that hold.",
    "queue_depth": "Work that waits.",
    "queue_oldest_age_seconds": "Age of the oldest work that waits.",
    "propagation_delay_seconds": "Time from a change of network state to its being in effect.",
    "health_check_flips": "Changes of a target's health as its checks see it.",
    "probe_dns_answer_rrs": "Resource records in the answer section, as a blackbox probe counts them.",
    "probe_dns_query_succeeded": "Whether a DNS probe got a valid reply.",
    "probe_success": "Whether a probe succeeded.",
}
"""Metric -> its help text; a name that begins with its component's goes by its ending."""


@dataclass(frozen=True)
class Sampled:
    """One series: `values` [K] at each scrape, NaN while it does not exist; `suffix` of the name: _bucket, _sum, …"""

    suffix: str
    labels: Mapping[str, str]
    values: Floats


@dataclass(frozen=True)
class Family:
    """The series of one metric name."""

    name: str
    kind: Kind
    help: str
    series: tuple[Sampled, ...]


def scrape_times(history: History, every_s: float) -> Floats:
    """[K] Unix seconds of the scrapes, from the history's start to its end."""
    count = int((history.end - history.start) / every_s + 1e-9) + 1
    return history.start + every_s * np.arange(count, dtype=np.float64)


def families(history: History, every_s: float) -> Iterator[Family]:
    """All metrics, scraped each `every_s` seconds (a multiple of the history's tick)."""
    grid = _Grid(history, every_s)
    yield _histogram(grid, "http_server_request_duration_seconds", request_flows(history), SERVER_BOUNDS_S)
    yield _histogram(grid, "http_client_request_duration_seconds", call_flows(history), CLIENT_BOUNDS_S)
    yield _histogram(grid, "dns_lookup_duration_seconds", lookup_flows(history), CLIENT_BOUNDS_S)
    yield from _own_series(grid)


class _Grid:
    """Scrapes over ticks: sums of flows up to each scrape, values at it, and restarts in between."""

    def __init__(self, history: History, every_s: float) -> None:
        self.history = history
        times = scrape_times(history, every_s)
        # what a scrape sees is the state at the end of the last whole tick
        self.ticks = np.floor((times - history.start) / history.tick_s + 1e-9).astype(np.int64)
        self._restarts: dict[str, list[int]] = {}
        for change in history.changes:
            if change.kind in ("deploy", "restart"):
                before = int(np.searchsorted(times, change.time, side="right")) - 1
                self._restarts.setdefault(change.target, []).append(before)

    def total(self, flow: Floats, job: str) -> Floats:
        """[K] the flow added up since the start or the job's last restart."""
        return self.since_restart(np.append(0.0, np.cumsum(flow))[self.ticks], job)

    def since_restart(self, total: Floats, job: str) -> Floats:
        """A counter that begins anew at each restart of its job."""
        out = total.copy()
        for before in sorted(self._restarts.get(job, ())):
            if 0 <= before < len(total):
                out[before + 1 :] = total[before + 1 :] - total[before]
        return out

    def state(self, values: Floats) -> Floats:
        """[K] a per-tick value as the scrape finds it."""
        return values[np.maximum(self.ticks - 1, 0)]


def _histogram(grid: _Grid, name: str, flows: list[Flow], bounds: tuple[float, ...]) -> Family:
    series: list[Sampled] = []
    for flow in flows:
        job = flow.labels["job"]
        count = np.floor(grid.total(flow.count, job) + 1e-6)
        seen = np.cumsum(count) > 0  # a series is there from its first observation on
        if not seen.any():
            continue
        for bound in (*bounds, np.inf):
            below = grid.total(flow.count * _share_below(flow.mean_s, bound, flow.spread), job)
            labels = {**flow.labels, "le": "+Inf" if bound == np.inf else f"{bound:g}"}
            series.append(Sampled("_bucket", labels, np.where(seen, np.floor(below + 1e-6), np.nan)))
        series.append(Sampled("_count", flow.labels, np.where(seen, count, np.nan)))
        total = grid.total(flow.count * flow.mean_s, job)
        series.append(Sampled("_sum", flow.labels, np.where(seen, total, np.nan)))
    return Family(name, "histogram", HELP[name], tuple(series))


def _share_below(mean_s: Floats, bound: float, spread: float) -> Floats:
    """Share of durations up to the bound: log-normal with this mean, by the logistic stand-in for its integral."""
    if bound == np.inf:
        return np.ones_like(mean_s)
    middle = np.log(np.maximum(mean_s, 1e-9)) - 0.5 * spread**2
    return 1.0 / (1.0 + np.exp(np.clip(-1.702 * (np.log(bound) - middle) / spread, -50.0, 50.0)))


def _own_series(grid: _Grid) -> Iterator[Family]:
    by_name: dict[str, list[Sampled]] = {}
    kinds: dict[str, Kind] = {}
    for series in grid.history.series:
        values = grid.state(series.values)
        if series.kind == "counter":
            values = grid.since_restart(values, series.labels.get("job", ""))
        by_name.setdefault(series.name, []).append(Sampled("", dict(series.labels), values))
        kinds[series.name] = series.kind
    for name in sorted(by_name):
        yield Family(name, kinds[name], _help(name), tuple(by_name[name]))


def _help(name: str) -> str:
    plain = name.removesuffix("_total").removesuffix("_average")
    endings = [known for known in HELP if plain == known or plain.endswith(f"_{known}")]
    return HELP[max(endings, key=len)] if endings else f"The simulated world's own count of {plain}."
