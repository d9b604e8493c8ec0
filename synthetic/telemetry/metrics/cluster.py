"""The whole cluster: `kube`, with the scrapes of all that runs and watches it, and the pods of its timer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from ..looks import INSTANCES
from .base import Family, Floats, Labels
from .grid import Grid
from .kube import kube
from .machines import addon
from .resolvers import looked_up
from .shapes import gauges
from .workloads import timer_waits

_EVERYWHERE = (
    ("kubelet", "kube-system", 10250),
    ("node-exporter", "monitoring", 9100),
    ("kube-proxy", "kube-system", 10249),
)
"""Job, namespace and port of what runs on every node."""
_ONCE = (
    ("kube-apiserver", "default", 6443),
    ("kube-scheduler", "kube-system", 10259),
    ("kube-controller-manager", "kube-system", 10257),
    ("etcd", "kube-system", 2381),
    ("kube-state-metrics", "monitoring", 8443),
    ("prometheus", "monitoring", 9090),
    ("alertmanager", "monitoring", 9093),
    ("otel-collector", "monitoring", 8888),
    ("blackbox", "monitoring", 9115),
    ("haproxy", "ingress", 8405),
)


def cluster(grid: Grid) -> Iterator[Family]:
    """Scrapes, pods, deployments, nodes and containers."""
    own = {"up": _scrapes, "kube_pod_container_status_waiting_reason": timer_waits}
    for family in kube(grid):
        rows = own[family.name](grid) if family.name in own else ()
        yield replace(family, series=chain(family.series, gauges(family.name, "", rows).series))


def _scrapes(grid: Grid) -> Iterator[tuple[Labels, Floats]]:
    ones = np.ones(len(grid.times))
    for job, namespace, port in _EVERYWHERE:
        for number in range(INSTANCES):
            yield addon(job, namespace, number, port), ones
    for job, namespace, port in _ONCE:
        yield addon(job, namespace, 0, port), ones
    for pod in dict.fromkeys(one.resolver for one in looked_up(grid.history)):
        yield {"job": "kube-dns", "namespace": "kube-system", "pod": pod, "instance": f"{pod}:9153"}, ones
