"""The service graph that Tempo or the Collector's connector makes of spans: who calls whom.

A call makes a pair of spans where the server is instrumented and answered. What the client made alone is paired with
a virtual node by the host that it addressed; a call to a database is of type "database" by its `db.system`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flows import Attempts, Flow, attempts, merged
from .base import Family
from .grid import Grid
from .shapes import counters, histogram

_BOUNDS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
"""The processor's default buckets."""
_NAME = "traces_service_graph_request"


def servicegraph(grid: Grid) -> Iterator[Family]:
    """Requests, failed ones, and their durations on either side, per pair of services."""
    index = {service.name: s for s, service in enumerate(grid.history.services)}
    instrumented = {service.name for service in grid.history.services if service.instrumented}

    def flows(*, failed_only: bool = False, server_side: bool = False) -> Iterator[Flow]:
        for part in attempts(grid.history):
            paired = part.reached and part.edge.server in instrumented
            if (failed_only and part.outcome == "ok") or (server_side and not paired):
                continue
            arriving = 1.0 - grid.history.lost[:, index[part.edge.client]]
            mean_s = grid.history.latency_s[:, index[part.edge.server]] if server_side else part.mean_s
            yield Flow(_labels(part, paired=paired), part.count * arriving, np.asarray(mean_s), part.spread)

    yield counters(grid, f"{_NAME}_total", "Requests between two nodes.", merged(flows()), born=True)
    failed = merged(flows(failed_only=True))
    yield counters(grid, f"{_NAME}_failed_total", "Failed requests between two nodes.", failed, born=True)
    told = "Time of a request between two nodes as seen from the {}."
    client, server = merged(flows()), merged(flows(server_side=True))
    yield histogram(grid, f"{_NAME}_client_seconds", told.format("client"), client, _BOUNDS_S)
    yield histogram(grid, f"{_NAME}_server_seconds", told.format("server"), server, _BOUNDS_S)


def _labels(part: Attempts, *, paired: bool) -> dict[str, str]:
    edge = part.edge
    database = edge.operation.lower().startswith("dynamodb.")
    kind = "" if paired else "database" if database else "virtual_node"
    return {"client": edge.client, "server": edge.server if paired else edge.peer, "connection_type": kind}
