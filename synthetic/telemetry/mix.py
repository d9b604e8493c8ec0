"""In which dialects an estate tells its truth: the same world, in the telemetry that different people have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

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

    metrics: tuple[str, ...] = ("semconv", "coredns", "blackbox", "yace", "redis", "queues", "world")
    peers: Peers = "server.address"
    conventions: Conventions = "today"
    exceptions: Exceptions = "events"
    skew_s: float = 0.015


DEFAULT = Mix()

MIXES: Mapping[str, Mix] = MappingProxyType(
    {
        "default": DEFAULT,
        "otel-new": Mix(
            ("semconv", "coredns", "blackbox", "redis", "queues", "world"), "service.peer.name", "new", "logs", 0.002
        ),
        "otel-old": Mix(
            ("spanmetrics-plain", "servicegraph", "coredns", "redis", "queues", "world"),
            "peer.service",
            "old",
            skew_s=0.05,
        ),
        "mesh": Mix(
            ("envoy", "grpc", "spanmetrics", "coredns", "kube", "redis", "queues", "world"),
            "peer.service",
            exceptions="none",
        ),
        "kubernetes": Mix(("semconv", "kube", "coredns", "hubble", "coroot", "redis", "queues", "world"), skew_s=0.005),
        "aws": Mix(
            ("yace", "blackbox", "unbound", "spanmetrics-tempo", "redis", "queues", "world"),
            conventions="old",
            skew_s=0.03,
        ),
    }
)
"""Kinds of estate that one meets, by name: all conventions opted in to, none of them, a service mesh, …"""

_CALLS = ("semconv", "spanmetrics", "spanmetrics-tempo", "spanmetrics-plain", "envoy", "coroot")
"""Families that count calls and their failures, of which an estate has one, seldom none."""
_BESIDE = ("servicegraph", "grpc", "yace", "kube", "blackbox")
_RESOLVERS = ("coredns", "hubble", "unbound")


def mix_of(name: str) -> Mix:
    """The estate of that name; ValueError with all names where there is none."""
    if name not in MIXES:
        raise ValueError(f"no mix {name!r}; there are {', '.join(MIXES)}")
    return MIXES[name]


def drawn_mix(seed: int) -> Mix:
    """A mix as some estate may have it; the same seed draws the same.

    How often each choice is made is assumed: most run today's instrumentation, and clocks differ by milliseconds
    (NTP over a region) up to a tenth of a second (a virtual machine that was paused).
    """
    generator = np.random.default_rng([seed, 2])
    calls = str(generator.choice(_CALLS))
    beside = [name for name in _BESIDE if generator.random() < 0.4]
    resolver = str(generator.choice(_RESOLVERS))
    conventions: Conventions = ("today", "today", "old", "new")[int(generator.integers(4))]
    peers: Peers = ("server.address", "server.address", "peer.service", "service.peer.name")[int(generator.integers(4))]
    exceptions: Exceptions = ("events", "events", "logs", "none")[int(generator.integers(4))]
    skew_s = float(np.exp(generator.uniform(np.log(0.001), np.log(0.1))))
    return Mix((calls, *beside, resolver, "redis", "queues", "world"), peers, conventions, exceptions, skew_s)
