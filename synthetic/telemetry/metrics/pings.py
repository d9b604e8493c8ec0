"""blackbox_exporter's pings of the sites that users see, and its own state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...world.history import Probe
from .base import Family, Floats, Labels
from .grid import Grid
from .machines import wobble
from .shapes import gauges

_LOOKUP_S, _SOCKET_S = 0.004, 0.0001
_FARTHEST_S = 0.15
"""Round trip between the farthest two cities (assumed)."""
EXPORTER = {"job": "blackbox-exporter", "instance": "blackbox-exporter:19115"}


def pings(grid: Grid) -> Iterator[Family]:
    """A ping does not ask the service: it answers while a machine is there."""
    history = grid.history
    sites = [probe for probe in history.probes if probe.module == "http"]
    cities = list(dict.fromkeys(probe.city for probe in sites))

    def rows() -> Iterator[tuple[Labels, Floats]]:
        for probe in sites:
            labels = pinged(probe)
            trip = _FARTHEST_S * (0.1 + cities.index(probe.city)) / len(cities)
            for phase, lasts in (("resolve", _LOOKUP_S), ("setup", _SOCKET_S), ("rtt", trip)):
                noise = grid.state(wobble(history, f"{labels['instance']} {probe.city} {phase}", 0.05))
                yield {**labels, "phase": phase}, lasts * noise

    yield gauges("probe_icmp_duration_seconds", "Time of a ping by phase.", rows())
    told = "Whether the exporter's last reload succeeded."
    yield gauges("blackbox_exporter_config_last_reload_successful", told, [(EXPORTER, np.ones(len(grid.times)))])


def pinged(probe: Probe) -> dict[str, str]:
    """Labels of the ping of a site that is probed by HTTP."""
    host = probe.target.partition("//")[2].partition("/")[0]
    return {"job": "blackbox", "module": "icmp", "instance": host, "city": probe.city}
