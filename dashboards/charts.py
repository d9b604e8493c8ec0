"""What a panel is made of: its words, its unit, and PromQL put together from the few shapes that panels share.

Where a metric has the prefix of the component that exposes it (`ec2_dwfm_queue_depth`), the query matches the
suffix, so that other estates' names fit (docs/dashboards.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SERVICE = "job"  # OpenTelemetry's Prometheus translation puts service.name there
PEER = "server_address"
NAME = "instance"  # of a blackbox probe, after the usual relabelling: what was probed
QUESTION = f"{NAME}, module, query_type"  # AAAA of an IPv4-only name is empty in health, so questions stay apart

OF_ESTATE = 'cluster=~"$cluster", namespace=~"$namespace"'
WHOLE_ESTATE = (
    "Shown whatever cluster and namespace are chosen: these series have those of what measures or writes them, if any."
)
OF_JOB = f'{OF_ESTATE}, {SERVICE}=~"$job"'
OF_CALL = f'{OF_JOB}, {PEER}=~"$peer"'
OF_NAME = f'{NAME}=~"$name"'
OF_SELF = f'{OF_ESTATE}, instance=~"$instance"'
FAILED = ', error_type!=""'
SUCCEEDED = ', error_type=""'


@dataclass(frozen=True)
class Chart:
    """One time series panel.

    legend: how Grafana names each series.
    width: in Grafana's grid of 24 columns.
    worst: the side on which values are bad; "": no value is wrong as such.
    limit: the value at which bad begins (low) or good ends (high).
    ceiling: greatest possible value, where there is one.
    beside: further expressions to show for comparison, each with its legend.
    """

    title: str
    description: str
    unit: str
    expr: str
    legend: str
    width: int = 8
    worst: Literal["high", "low", ""] = ""
    limit: float = 0.0
    ceiling: float | None = None
    beside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """A row of panels with one question to answer."""

    title: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Board:
    """One dashboard.

    name: of its file and, after "epicenter-", its uid, which is part of every link to it: never changes.
    choices: names of its variables, each after those that it narrows with.
    """

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    choices: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def uid(self) -> str:
        """The stable part of its address."""
        return f"epicenter-{self.name}"


def by(label: str) -> str:
    """Legend that shows the value of one label."""
    return f"{{{{{label}}}}}"


def rate(selector: str, *labels: str) -> str:
    """Increase per second of the selected counters, summed by the labels."""
    return f"sum by ({', '.join(labels)}) (rate({selector}[$__rate_interval]))"


def calls(extra: str = "") -> str:
    """Rate of outgoing attempts per peer, of those that `extra` selects."""
    return rate(f"http_client_request_duration_seconds_count{{{OF_CALL}{extra}}}", PEER)


def served(extra: str = "") -> str:
    """Rate of served requests per service, of those that `extra` selects."""
    return rate(f"http_server_request_duration_seconds_count{{{OF_JOB}{extra}}}", SERVICE)


def ending(suffix: str, extra: str = "") -> str:
    """Selector of a service's metrics whose names end in the suffix, whatever component they begin with."""
    return f'{{__name__=~".+_{suffix}", {OF_JOB}{extra}}}'


def share(part: str, whole: str) -> str:
    """`part` of `whole`: 0 where no series of the part exists yet, nothing where nothing happens at all."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def requests_behind() -> str:
    """Rate of requests that the callers of each peer serve themselves: of those that may want something of it."""
    attempts = rate(f"http_client_request_duration_seconds_count{{{OF_CALL}}}", SERVICE, PEER)
    return f"sum by ({PEER}) (0 * {attempts} + on ({SERVICE}) group_left () {served()})"


def calls_per_request() -> str:
    """Attempts at each peer for every request that its callers serve themselves."""
    return f"{calls()} / ({requests_behind()} > 0)"


def quantile(share_below: float, histogram: str, *labels: str) -> str:
    """The value below which this share of a histogram's observations lies; the selector names its buckets."""
    return f"histogram_quantile({share_below}, {rate(histogram, 'le', *labels)})"
