"""blackbox_exporter: probes from outside, one gauge each per probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...world.history import Probe
from .base import Family, Floats, Labels
from .grid import Grid
from .machines import wobble
from .shapes import gauges

_TIMEOUT_S = 9.5
"""The exporter gives up half a second before a scrape's default time-out of 10 s."""
_LOOKUP_S, _CONNECT_S, _TLS_S = 0.004, 0.02, 0.045
"""Of a probe from another city (assumed)."""
_CERTIFICATE_S = 90 * 86400.0
"""As short-lived certificates last; renewed when a third is left."""

Value = Callable[[Grid, Probe], Floats]


def blackbox(grid: Grid) -> Iterator[Family]:
    """What DNS and HTTP modules tell of each target from each city."""
    dns = [probe for probe in grid.history.probes if probe.module == "dns"]
    http = [probe for probe in grid.history.probes if probe.module == "http"]
    for probes, table in ((dns + http, _BOTH), (dns, _DNS), (http, _HTTP)):
        for name, told, value in table:
            yield gauges(name, told, ((probed(probe), value(grid, probe)) for probe in probes))
    for name, probes, phases in (
        ("probe_dns_duration_seconds", dns, _dns_phases),
        ("probe_http_duration_seconds", http, _http_phases),
    ):
        told = "Duration of a probe by phase."
        rows = (
            ({**probed(probe), "phase": phase}, seconds)
            for probe in probes
            for phase, seconds in phases(grid, probe).items()
        )
        yield gauges(name, told, rows)


def probed(probe: Probe) -> Labels:
    """Labels of the scrape of a probe."""
    labels = {"job": "blackbox", "instance": probe.target, "city": probe.city}
    if probe.module == "dns":
        return labels | {"module": "dns", "query_type": probe.qtype}
    return labels | {"module": "http_2xx"}


def _success(grid: Grid, probe: Probe) -> Floats:
    return grid.state(probe.success)


def _replied(grid: Grid, probe: Probe) -> Floats:
    """1 where any reply came, whatever its code: that is checked later."""
    return grid.state(np.where(np.isnan(probe.answers), 0.0, 1.0))


def _answers(grid: Grid, probe: Probe) -> Floats:
    """0 where no reply came, as the exporter leaves it."""
    return np.nan_to_num(grid.state(probe.answers))


def _authority(grid: Grid, probe: Probe) -> Floats:
    """An empty answer carries the zone's SOA record (RFC 2308)."""
    return np.where((_answers(grid, probe) == 0) & (_success(grid, probe) > 0), 1.0, 0.0)


def _server(grid: Grid, probe: Probe) -> int | None:
    host = probe.target.partition("//")[2].partition("/")[0]
    for s, service in enumerate(grid.history.services):
        if host in service.hosts:
            return s
    return None


def _status(grid: Grid, probe: Probe) -> Floats:
    """What a front answers while it fails: 503 where it fails by itself, else 500."""
    s = _server(grid, probe)
    own = np.zeros(len(grid.times))
    if s is not None:
        own = grid.state((grid.history.own_failed[:, s] > 0.5 * grid.history.failed[:, s]).astype(float))
    return np.where(_success(grid, probe) > 0, 200.0, np.where(own > 0, 503.0, 500.0))


def _certificate(grid: Grid, _: Probe) -> Floats:
    return grid.times[0] + _CERTIFICATE_S - np.zeros(len(grid.times))


def _dns_phases(grid: Grid, probe: Probe) -> dict[str, Floats]:
    replied = _replied(grid, probe) > 0
    return {
        "resolve": np.zeros(len(grid.times)),
        "connect": 0.0002 * _noise(grid, probe, "connect"),
        "request": np.where(replied, _LOOKUP_S * _noise(grid, probe, "request"), _TIMEOUT_S),
    }


def _http_phases(grid: Grid, probe: Probe) -> dict[str, Floats]:
    s = _server(grid, probe)
    there = np.ones(len(grid.times))
    resolve, connect, tls = (
        lasts * _noise(grid, probe, phase)
        for phase, lasts in (("resolve", _LOOKUP_S), ("connect", _CONNECT_S), ("tls", _TLS_S))
    )
    processing = 0.01 * there if s is None else grid.state(grid.history.latency_s[:, s])
    return {
        "resolve": resolve,
        "connect": connect,
        "tls": tls,
        "processing": np.minimum(processing, _TIMEOUT_S - resolve - connect - tls),
        "transfer": 0.0005 * there,
    }


def _noise(grid: Grid, probe: Probe, phase: str) -> Floats:
    """[K] around 1: the way to a target is never quite as long as a moment before."""
    return grid.state(wobble(grid.history, f"{probe.target} {probe.city} {phase}", 0.08))


def _duration(grid: Grid, probe: Probe) -> Floats:
    phases = _dns_phases(grid, probe) if probe.module == "dns" else _http_phases(grid, probe)
    return np.sum(list(phases.values()), axis=0)


def _lookup_time(grid: Grid, probe: Probe) -> Floats:
    """Of a DNS probe: the look-up of the resolver's own address, which is given as a number."""
    return np.zeros(len(grid.times)) if probe.module == "dns" else _http_phases(grid, probe)["resolve"]


_BOTH: tuple[tuple[str, str, Value], ...] = (
    ("probe_success", "Whether a probe succeeded.", _success),
    ("probe_duration_seconds", "How long a probe took.", _duration),
    ("probe_dns_lookup_time_seconds", "Time to look up the address to probe.", _lookup_time),
)
_DNS: tuple[tuple[str, str, Value], ...] = (
    ("probe_dns_answer_rrs", "Records in the answer section; 0 of a valid reply is NODATA.", _answers),
    ("probe_dns_authority_rrs", "Records in the authority section.", _authority),
    ("probe_dns_query_succeeded", "Whether a DNS probe got a reply.", _replied),
)
_HTTP: tuple[tuple[str, str, Value], ...] = (
    ("probe_http_status_code", "Status that the target answered.", _status),
    ("probe_ssl_earliest_cert_expiry", "When the first certificate expires, in Unix seconds.", _certificate),
)
