"""In which dialects an estate tells its truth: the same world, in the telemetry that different people have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Peers = Literal["server.address", "peer.service", "service.peer.name"]
Conventions = Literal["today", "old", "new"]
Exceptions = Literal["events", "logs", "none"]


@dataclass(frozen=True)
class Mix:
    """One estate's way of telling.

    metrics: families of metric names, by their names in `metrics.DIALECTS`.
    peers: how client spans name whom they call, beside what the client library itself records.
    conventions: of HTTP, RPC and DB attributes: "today" leaves each language what its instrumentation writes today.
    exceptions: where a failure's words stand beside the status message: span events, log records, or nowhere.
    skew_s: standard deviation by which the clocks of instances differ, in seconds.
    """

    metrics: tuple[str, ...] = ("semconv", "coredns", "blackbox", "yace", "queues", "world")
    peers: Peers = "server.address"
    conventions: Conventions = "today"
    exceptions: Exceptions = "events"
    skew_s: float = 0.015


DEFAULT = Mix()
