"""What is scraped beside the services, and whether that succeeds: each exporter of the other dialects has its `up`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..looks import INSTANCES
from .base import Floats, Labels
from .blackbox import probed
from .cadvisor import CADVISOR
from .certificates import checked
from .cloudwatch import EXPORTER as CLOUDWATCH
from .control import api_server
from .coredns import pod_of
from .etcd import members as etcd_members
from .grid import Grid
from .haproxy import EDGE
from .ingress import NGINX, TRAEFIK
from .kubelet import kubelet_of
from .machines import addon
from .monitoring import members as alertmanagers
from .nodes import exporter_of as node_exporter_of
from .pings import EXPORTER as BLACKBOX
from .pings import pinged
from .redis import exporter_of as redis_exporter_of
from .resolvers import looked_up
from .unbound import exporter_of as unbound_exporter_of

_ONCE = (
    ("kube-scheduler", "kube-system", 10259),
    ("kube-controller-manager", "kube-system", 10257),
    ("kube-state-metrics", "monitoring", 8443),
    ("prometheus", "monitoring", 9090),
    ("otel-collector", "monitoring", 8888),
)
"""Job, namespace and port of what the cluster has one of."""


def scrapes(grid: Grid) -> Iterator[tuple[Labels, Floats]]:
    """`up` of all that is no service; of a probe it says that the exporter answered, not what it found."""
    ones = np.ones(len(grid.times))
    yield from ((labels, ones) for labels in _targets(grid))
    for cache in grid.history.caches:
        yield redis_exporter_of(cache), grid.parts(cache.service)[0].there.astype(float)


def _targets(grid: Grid) -> Iterator[Labels]:
    for number in range(INSTANCES):
        yield kubelet_of(number)
        yield kubelet_of(number) | {"job": CADVISOR, "metrics_path": "/metrics/cadvisor"}
        yield node_exporter_of(number)
        yield addon("kube-proxy", "kube-system", number, 10249)
    yield from etcd_members()
    yield from alertmanagers()
    yield from (addon(job, namespace, 0, port) for job, namespace, port in _ONCE)
    yield from (api_server(), EDGE, TRAEFIK, NGINX, CLOUDWATCH, BLACKBOX)
    yield from checked(grid.history)
    for resolver in dict.fromkeys(one.resolver for one in looked_up(grid.history)):
        yield pod_of(resolver)
        yield unbound_exporter_of(resolver)
    for probe in grid.history.probes:
        yield probed(probe)
        if probe.module == "http":
            yield pinged(probe)
