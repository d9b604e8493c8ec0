"""Small worlds for tests of one mechanism: some services, who calls whom, and a steady load."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epicenter.synthetic.world.conditions import Conditions, still
from epicenter.synthetic.world.estate import Estate, Load
from epicenter.synthetic.world.history import Edge, Service

CLIENT = "client"


def service(name: str, capacity_rps: float = float("inf"), **fields: object) -> Service:
    return Service(name, (f"{name}.test",), "go", f"GET /{name}", capacity_rps=capacity_rps, **fields)  # type: ignore[arg-type]


def edge(client: str, server: str, calls: float = 1.0, **fields: object) -> Edge:
    """Without retries, unless `fields` say so."""
    fields = {"retries": 0, "timeout_s": 1.0} | fields
    return Edge(client, server, f"{server}.test", f"GET /{server}", calls, "go-http", **fields)  # type: ignore[arg-type]


def steady(
    services: Sequence[Service], edges: Sequence[Edge], *, rps: float, ticks: int, tick_s: float = 1.0
) -> Conditions:
    """`rps` requests a second come to the first service, nothing else happens."""
    entries = np.zeros((ticks, len(services)))
    entries[:, 0] = rps * tick_s
    return still(tuple(services), tuple(edges), tick_s, entries)


def estate(services: Sequence[Service], edges: Sequence[Edge], *, rps: float, **fields: object) -> Estate:
    """The same, declared: an hour of it, in ticks of 2 s."""
    declared = {"name": "small", "start": 0.0, "duration_s": 3600.0, "tick_s": 2.0, "noise": 0.0} | fields
    loads = (Load(services[0].name, rps, amplitude=0.0),)
    return Estate(services=tuple(services), edges=tuple(edges), loads=loads, **declared)  # type: ignore[arg-type]
