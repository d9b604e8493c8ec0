"""etcd under the API server: proposals follow the cluster's writes, the disk's times those of a network volume."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flows import Flow
from ..looks import INSTANCES
from ..naming import hexadecimal
from .base import Family
from .grid import Grid
from .machines import GIB, addon, pod_events, totals, wobble
from .shapes import counters, gauges, histogram

_BOUNDS_S = tuple(0.001 * 2.0**k for k in range(14))
_FSYNC_S, _COMMIT_S, _ROUND_TRIP_S = 0.0016, 0.006, 0.0009
"""Of a network volume, and between zones (assumed)."""
_COMPACTED_S = 300.0
"""The API server has old revisions thrown away every five minutes."""
_OBJECT_BYTES = 2500.0


def etcd(grid: Grid) -> Iterator[Family]:
    """Three members, the first of which leads."""
    history = grid.history
    everyone = members()
    zeros, ones = np.zeros(history.ticks), np.ones(len(grid.times))
    writes = (7.0 * history.tick_s + 10.0 * pod_events(grid)) * wobble(history, "etcd")
    yield gauges("etcd_server_has_leader", "Whether a member knows a leader.", ((m, ones) for m in everyone))
    identities = (({**m, "server_id": hexadecimal(m["pod"], 16)}, ones) for m in everyone)
    yield gauges("etcd_server_id", "The member's own number.", identities)
    leads = ((m, (i == 0) * ones) for i, m in enumerate(everyone))
    yield gauges("etcd_server_is_leader", "Whether a member leads.", leads)
    for name, told, flow in (
        ("server_leader_changes_seen_total", "Changes of the leader.", zeros),
        ("server_proposals_failed_total", "Proposals that failed.", zeros),
        ("server_proposals_committed_total", "Proposals that the members agreed on.", writes),
        ("server_slow_apply_total", "Proposals that took too long to apply.", 1e-5 * writes),
    ):
        yield totals(grid, f"etcd_{name}", told, ((m, flow) for m in everyone))
    for name, told, mean_s in (
        ("wal_fsync", "Time until the log was on the disk.", _FSYNC_S),
        ("backend_commit", "Time to commit to the backend.", _COMMIT_S),
    ):
        flows = [Flow(m, writes, mean_s * wobble(history, f"{name} {i}", 0.1)) for i, m in enumerate(everyone)]
        yield histogram(grid, f"etcd_disk_{name}_duration_seconds", told, flows, _BOUNDS_S)
    trips = [
        Flow({**m, "To": f"member-{j}"}, zeros + history.tick_s, _ROUND_TRIP_S * wobble(history, f"{i}-{j}", 0.1))
        for i, m in enumerate(everyone)
        for j in range(INSTANCES)
        if i != j
    ]
    lost = ((flow.labels, zeros) for flow in trips)
    told = "Messages to another member that could not be sent."
    yield totals(grid, "etcd_network_peer_sent_failures_total", told, lost)
    told = "Round trip between members."
    yield histogram(grid, "etcd_network_peer_round_trip_time_seconds", told, trips, _BOUNDS_S)
    calls = [
        Flow(
            {**m, "grpc_service": "etcdserverpb.KV", "grpc_method": method, "grpc_type": "unary"},
            share * writes,
            _COMMIT_S + zeros,
        )
        for m in everyone
        for method, share in (("Range", 2.0), ("Txn", 1.0))
    ]
    answered = (Flow({**f.labels, "grpc_code": "OK"}, f.count, f.mean_s) for f in calls)
    yield counters(grid, "grpc_server_handled_total", "Calls that a server ended, by code.", answered)
    told = "Time of calls at the server."
    yield histogram(grid, "grpc_server_handling_seconds", told, calls, _BOUNDS_S)
    yield from _size(grid, everyone, writes)


def members() -> list[dict[str, str]]:
    """Labels of the scrapes of its members."""
    return [addon("etcd", "kube-system", i, 2381) for i in range(INSTANCES)]


def _size(grid: Grid, everyone: list[dict[str, str]], writes: np.ndarray) -> Iterator[Family]:
    """Revisions add up until they are compacted; the file keeps its size."""
    history = grid.history
    written = np.cumsum(writes) * _OBJECT_BYTES
    each = max(1.0, float(writes.mean()) * _OBJECT_BYTES * _COMPACTED_S / history.tick_s)
    in_use = grid.state(0.06 * GIB + np.mod(written, each))
    whole = np.maximum.accumulate(in_use) * 1.3
    yield gauges("etcd_mvcc_db_total_size_in_use_in_bytes", "Bytes in use.", ((m, in_use) for m in everyone))
    yield gauges("etcd_mvcc_db_total_size_in_bytes", "Size of the database.", ((m, whole) for m in everyone))
    quota = np.full(len(grid.times), 8.0 * GIB)
    yield gauges("etcd_server_quota_backend_bytes", "Size that the database may have.", ((m, quota) for m in everyone))
