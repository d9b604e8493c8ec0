"""ssl_exporter: the certificates of the sites that users see, if a name leads to them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...world.history import History
from ..naming import hexadecimal
from .base import Family, Floats, Labels
from .grid import Grid
from .shapes import gauges

_LASTS_S = 90 * 86400.0
"""As short-lived certificates last; renewed when a third is left."""


def certificates(grid: Grid) -> Iterator[Family]:
    """A server that answers with errors still shows its certificate; one that is not found or down does not."""
    rows = {host: (_labels(host), _found(grid, host)) for host in _hosts(grid.history)}
    yield gauges("ssl_probe_success", "Whether a certificate was got.", rows.values())
    yield gauges(
        "ssl_verified_cert_not_after",
        "When a certificate of a chain expires, in Unix seconds.",
        (
            (
                {**labels, "chain_no": "0", "cn": host, "dnsnames": f",{host},", "serial_no": hexadecimal(host, 18)},
                np.where(found > 0, _expires(grid, host), np.nan),
            )
            for host, (labels, found) in rows.items()
        ),
    )
    stapled = ((labels, np.where(found > 0, 0.0, np.nan)) for labels, found in rows.values())
    yield gauges("ssl_ocsp_response_status", "What the stapled response says: 0 good, 1 revoked, 2 unknown.", stapled)


def checked(history: History) -> Iterator[Labels]:
    """Labels of the scrape of each site's certificate."""
    return map(_labels, _hosts(history))


def _hosts(history: History) -> tuple[str, ...]:
    sites = (probe.target for probe in history.probes if probe.module == "http")
    return tuple(dict.fromkeys(site.partition("//")[2].partition("/")[0] for site in sites))


def _labels(host: str) -> dict[str, str]:
    return {"job": "ssl", "instance": f"{host}:443", "prober": "https"}


def _found(grid: Grid, host: str) -> Floats:
    """Whether its name has addresses, as other probes see it, and anything stands behind them."""
    history = grid.history
    named = [probe for probe in history.probes if probe.module == "dns" and probe.target == host]
    answers = [np.nan_to_num(probe.answers) for probe in named if probe.qtype == "A"]
    servers = [s for s, service in enumerate(history.services) if host in service.hosts]
    reached = np.ones(history.ticks)
    if answers:
        reached = reached * (np.max(answers, axis=0) > 0)
    if servers:
        reached = reached * (history.up[:, servers].max(axis=1) > 0)
    return grid.state(reached)


def _expires(grid: Grid, host: str) -> float:
    """Each was renewed at some time of the last sixty days."""
    age = int(hexadecimal(host, 4), 16) / 16**4
    return float(np.floor(grid.times[0] + _LASTS_S * (1.0 - 2.0 / 3.0 * age)))
