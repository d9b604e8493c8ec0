"""The kubelet of each node: its pods, the work of keeping them, its certificates and the volumes that it mounts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flows import Flow
from ..looks import INSTANCES
from .base import Family, Floats, Labels
from .grid import Grid
from .machines import GIB, Node, addon, node_name, nodes_of, pod_events, totals, wobble
from .shapes import gauges, histogram

_BOUNDS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ADDONS = 7
"""Pods that the cluster itself runs on each node."""
_SYNC_S, _RELIST_S, _START_S = 0.04, 0.02, 2.5
"""To sync a pod that is as it should be, to list all containers, and to start a pod (assumed)."""
_CLIENT_DAYS, _SERVER_DAYS = 214.0, 301.0
"""Until the certificates expire, when the world begins."""
VOLUMES = (
    ("prometheus-k8s-db-prometheus-k8s-0", 50.0 * GIB, 0.34, 900.0),
    ("alertmanager-main-db-alertmanager-main-0", 5.0 * GIB, 0.02, 15.0),
)
"""Claims in `monitoring`: size, share in use at the start, and bytes a second for each service that is watched."""
_INODES_PER_BYTE = 1 / 16384


def kubelet(grid: Grid) -> Iterator[Family]:
    """Three kubelets, and the volumes of two claims on the first node."""
    all_nodes, history = nodes_of(grid), grid.history
    events = pod_events(grid)
    ones = np.ones(len(grid.times))
    names = (({**_job(node), "node": node.name}, ones) for node in all_nodes)
    yield gauges("kubelet_node_name", "Name of a kubelet's node.", names)
    running = [(node, _ADDONS + _alive(grid, node)) for node in all_nodes]
    yield gauges("kubelet_running_pods", "Pods that run.", ((_job(node), count) for node, count in running))
    states = (
        ({**_job(node), "container_state": state}, values)
        for node, count in running
        for state, values in (("running", count + 3.0), ("exited", 2.0 * ones))
    )
    yield gauges("kubelet_running_containers", "Containers by state.", states)
    still = np.zeros(history.ticks)
    evictions = (({**_job(node), "eviction_signal": "memory.available"}, _evicted(grid, node)) for node in all_nodes)
    yield totals(grid, "kubelet_evictions", "Pods put out for want of a resource.", evictions)
    relists = (Flow(_job(node), still + history.tick_s, _busy(node) * _RELIST_S) for node in all_nodes)
    told = "Time to list the containers of all pods."
    yield histogram(grid, "kubelet_pleg_relist_duration_seconds", told, relists, _BOUNDS_S)
    syncs = (
        Flow({**_job(node), "operation_type": kind}, still + count, _busy(node) * lasts)
        for node in all_nodes
        for kind, count, lasts in (
            ("sync", 15.0 * history.tick_s / 60.0, _SYNC_S),
            ("create", events / INSTANCES, _START_S),
        )
    )
    yield histogram(grid, "kubelet_pod_worker_duration_seconds", "Time to sync a pod.", syncs, _BOUNDS_S)
    starts = (Flow(_job(node), events / INSTANCES, _busy(node) * _START_S) for node in all_nodes)
    told = "Time from a pod's being seen to its running."
    yield histogram(grid, "kubelet_pod_start_duration_seconds", told, starts, _BOUNDS_S)
    yield from _certificates(grid, all_nodes)
    yield from _volumes(grid)


def _job(node: Node) -> dict[str, str]:
    return kubelet_of(node.number)


def kubelet_of(number: int) -> dict[str, str]:
    """Labels of the scrape of a node's kubelet."""
    labels = addon("kubelet", "kube-system", number, 10250)
    del labels["pod"]  # it is no pod
    return labels | {"metrics_path": "/metrics", "node": node_name(number)}


def _alive(grid: Grid, node: Node) -> Floats:
    return np.sum([grid.state(alive[node.number].astype(float)) for alive in grid.alive.values()], axis=0)


def _busy(node: Node) -> Floats:
    """[T] how much longer things take on a node that is busy: by waiting for a processor."""
    return 1.0 / np.maximum(0.05, 1.0 - node.busy / node.cores)


def _evicted(grid: Grid, node: Node) -> Floats:
    """[T] a pod for each time that less than a hundredth of the memory is left."""
    full = np.interp(grid.history.times, grid.times, node.used) > 0.979 * node.memory
    return np.maximum(0.0, np.diff(full.astype(float), prepend=0.0))


def _certificates(grid: Grid, all_nodes: list[Node]) -> Iterator[Family]:
    passed = grid.times - grid.times[0]
    for side, days in (("client", _CLIENT_DAYS), ("server", _SERVER_DAYS)):
        rows = ((_job(node), days * 86400.0 - passed) for node in all_nodes)
        told = f"Seconds until the {side} certificate expires."
        yield gauges(f"kubelet_certificate_manager_{side}_ttl_seconds", told, rows)
    for name in (
        "kubelet_certificate_manager_client_expiration_renew_errors",
        "kubelet_server_expiration_renew_errors",
    ):
        rows = ((_job(node), np.zeros(grid.history.ticks)) for node in all_nodes)
        yield totals(grid, name, "Certificates that could not be renewed.", rows)


def _volumes(grid: Grid) -> Iterator[Family]:
    used = [(claim, size, _filled(grid, claim, size, share, rate)) for claim, size, share, rate in VOLUMES]
    ones = np.ones(len(grid.times))
    of = {
        "capacity_bytes": ("Size of a volume.", lambda size, _: size * ones),
        "used_bytes": ("Bytes in use.", lambda _, full: full),
        "available_bytes": ("Bytes that are free.", lambda size, full: size - full),
        "inodes": ("Inodes of a volume.", lambda size, _: size * _INODES_PER_BYTE * ones),
        "inodes_used": ("Inodes in use.", lambda _, full: np.floor(full / 4e7)),
        "inodes_free": ("Inodes that are free.", lambda size, full: size * _INODES_PER_BYTE - np.floor(full / 4e7)),
    }
    for name, (told, value) in of.items():
        rows = ((_claim(claim), value(size, full)) for claim, size, full in used)
        yield gauges(f"kubelet_volume_stats_{name}", told, rows)


def _claim(claim: str) -> Labels:
    labels = addon("kubelet", "monitoring", 0, 10250)
    del labels["pod"]
    return labels | {"metrics_path": "/metrics", "persistentvolumeclaim": claim}


def _filled(grid: Grid, claim: str, size: float, share: float, rate: float) -> Floats:
    """[K] bytes in use: samples come as services are watched, and every two hours old ones go as a block is made."""
    history = grid.history
    come = rate * len(history.services) * history.tick_s * wobble(history, claim, 0.1)
    total = np.cumsum(come)
    kept = 0.35 * total + 0.65 * np.mod(total, max(1.0, float(come.mean()) * 7200.0 / history.tick_s))
    return np.minimum(size, share * size + grid.state(kept))
