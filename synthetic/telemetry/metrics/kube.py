"""What a Kubernetes cluster tells of the services: `up` of each pod, kube-state-metrics, and the containers' use.

Every instrumented service is a Deployment of `INSTANCES` pods in the namespace `default`, one to a node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..looks import INSTANCES
from ..naming import hexadecimal, pod_name
from .base import Family, Floats, Kind, Labels, Sampled, tidy
from .containers import containers
from .grid import Grid
from .machines import CPU_LIMIT, CPU_REQUEST, MEMORY_LIMIT, MEMORY_PER_CORE, node_cores, node_name
from .shapes import gauges

NAMESPACE = {"namespace": "default"}
JOB = {"job": "kube-state-metrics"}

Of = Callable[[str], Floats]


def kube(grid: Grid) -> Iterator[Family]:
    """Scrapes, pods, deployments, nodes and containers."""
    yield _up(grid)
    yield from _pods(grid)
    yield from _deployments(grid)
    yield from _nodes(grid)
    yield from containers(grid)


def identified(labels: Labels) -> Labels:
    """The labels of a pod with its uid, which newer kube-state-metrics have."""
    uid = hexadecimal(f"uid of {labels['pod']}", 32)
    return {**labels, "uid": "-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:]))}


def services(grid: Grid) -> list[str]:
    """The services that run in the cluster."""
    return [service.name for service in grid.history.services if service.instrumented]


def pods(grid: Grid) -> Iterator[tuple[str, int, Labels, Floats]]:
    """Each pod: its service, number, labels, and [K] whether it runs."""
    for name in services(grid):
        running = grid.state(grid.alive[name].astype(float))
        for i in range(INSTANCES):
            yield name, i, NAMESPACE | {"pod": pod_name(name, i)}, running[i]


def _up(grid: Grid) -> Family:
    """A scrape fails where the pod is down, or where telemetry is lost."""
    rows = (
        ({"job": name, "instance": f"{name}-{i}", **labels}, np.where(grid.lost(name), 0.0, running))
        for name, i, labels, running in pods(grid)
    )
    return gauges("up", "Whether a scrape succeeded.", rows)


def _pods(grid: Grid) -> Iterator[Family]:
    def rows(value: Callable[[str, int, Floats], dict[str, Floats]], label: str) -> Iterator[tuple[Labels, Floats]]:
        for name, i, labels, running in pods(grid):
            for key, values in value(name, i, running).items():
                yield {**JOB, **labels, label: key}, values

    def ready(_: str, i: int, running: Floats) -> dict[str, Floats]:
        del i
        return {"true": running, "false": 1.0 - running, "unknown": 0.0 * running}

    def phase(_: str, i: int, running: Floats) -> dict[str, Floats]:
        """A container that crashes is restarted in its pod, whose phase stays Running."""
        del i
        return {"Running": 1.0 + 0.0 * running, **dict.fromkeys(("Pending", "Failed", "Unknown"), 0.0 * running)}

    def waiting(name: str, _: int, running: Floats) -> dict[str, Floats]:
        del name
        down = 1.0 - running
        return {"CrashLoopBackOff": np.where(down > 0, 1.0, np.nan)}

    yield gauges("kube_pod_status_ready", "Whether a pod is ready.", rows(ready, "condition"))
    yield gauges("kube_pod_status_phase", "The phase that a pod is in.", rows(phase, "phase"))
    told = "Why a container waits."
    named = (
        ({**labels, "container": _container(labels)}, values)
        for labels, values in rows(waiting, "reason")
        if not np.isnan(values).all()
    )
    yield gauges("kube_pod_container_status_waiting_reason", told, named)
    yield Family("kube_pod_container_status_restarts_total", "counter", "Restarts of a container.", restarts(grid))
    ones = np.ones(len(grid.times))
    yield gauges(
        "kube_pod_info",
        "Where a pod runs.",
        (
            ({**JOB, **labels, "node": node_name(i), "created_by_kind": "ReplicaSet"}, ones)
            for _, i, labels, _ in pods(grid)
        ),
    )
    owners = (
        ({**JOB, **labels, "owner_kind": "ReplicaSet", "owner_name": replica_set(name)}, ones)
        for name, _, labels, _ in pods(grid)
    )
    yield gauges("kube_pod_owner", "Who owns a pod.", owners)
    for what, cpu, memory in (("requests", CPU_REQUEST, 256.0 * 2**20), ("limits", CPU_LIMIT, MEMORY_LIMIT)):
        limits = (
            (
                {**JOB, **labels, "container": name, "node": node_name(i), "resource": resource, "unit": unit},
                amount * ones,
            )
            for name, i, labels, _ in pods(grid)
            for resource, unit, amount in (("cpu", "core", cpu), ("memory", "byte", memory))
        )
        yield gauges(f"kube_pod_container_resource_{what}", f"Resource {what} of a container.", limits)


def replica_set(service: str) -> str:
    """The replica set of a service, whose template never changes."""
    return f"{service}-{hexadecimal(service, 10)}"


def _container(labels: Labels) -> str:
    return labels["pod"].rsplit("-", 2)[0]


def restarts(grid: Grid) -> Iterator[Sampled]:
    """A pod that comes back has been restarted; so have all by a restart of the service."""
    for name, i, labels, running in pods(grid):
        came_back = np.diff(running, prepend=running[:1]) > 0
        by_hand = np.zeros(len(running))
        before = grid.starts.get(name, np.zeros(0, np.int64))
        np.add.at(by_hand, np.minimum(before + 1, len(by_hand) - 1), 1.0)
        count = np.cumsum(np.maximum(came_back, by_hand))
        del i
        yield Sampled("", tidy({**JOB, **labels, "container": name}), count)


def _deployments(grid: Grid) -> Iterator[Family]:
    def running(name: str) -> Floats:
        return grid.state(grid.alive[name].sum(axis=0).astype(float))

    def generation(name: str) -> Floats:
        """One more with each deploy."""
        at = np.array(
            [change.time for change in grid.history.changes if (change.kind, change.target) == ("deploy", name)]
        )
        return 1.0 + (grid.times[:, None] >= at[None, :]).sum(axis=1)

    def wanted(_: str) -> Floats:
        return np.full(len(grid.times), float(INSTANCES))

    table: tuple[tuple[str, str, Kind, Of], ...] = (
        ("spec_replicas", "Replicas wanted.", "gauge", wanted),
        ("status_replicas", "Replicas that there are.", "gauge", wanted),
        ("status_replicas_updated", "Replicas of the newest template.", "gauge", wanted),
        ("status_replicas_available", "Replicas that are ready.", "gauge", running),
        (
            "status_replicas_unavailable",
            "Replicas that are not ready.",
            "gauge",
            lambda name: INSTANCES - running(name),
        ),
        ("status_observed_generation", "Generation that the controller has seen.", "gauge", generation),
        ("metadata_generation", "Generation of the wanted state.", "gauge", generation),
    )
    for ending, told, _, of in table:
        prefix = "kube_deployment_"
        rows = (({**JOB, **NAMESPACE, "deployment": name}, of(name)) for name in services(grid))
        yield gauges(f"{prefix}{ending}", told, rows)
    ones = np.ones(len(grid.times))
    owned = (
        ({**JOB, **NAMESPACE, "replicaset": replica_set(n), "owner_kind": "Deployment", "owner_name": n}, ones)
        for n in services(grid)
    )
    yield gauges("kube_replicaset_owner", "Who owns a replica set.", owned)


def _nodes(grid: Grid) -> Iterator[Family]:
    ones = np.ones(len(grid.times))
    cores = float(node_cores(grid.history))
    nodes = [{**JOB, "node": node_name(i)} for i in range(INSTANCES)]
    states = (
        ({**labels, "condition": condition, "status": status}, (status == good) * ones)
        for labels in nodes
        for condition, good in (("Ready", "true"), ("MemoryPressure", "false"), ("DiskPressure", "false"))
        for status in ("true", "false", "unknown")
    )
    yield gauges("kube_node_status_condition", "Conditions of a node.", states)
    yield gauges("kube_node_spec_unschedulable", "Whether a node takes no pods.", ((one, 0.0 * ones) for one in nodes))
    yield gauges("kube_node_info", "Which nodes there are.", ((one, ones) for one in nodes))
    for name in ("allocatable", "capacity"):
        rows = (
            ({**labels, "resource": resource, "unit": unit}, amount * ones)
            for labels in nodes
            for resource, unit, amount in (
                ("cpu", "core", cores),
                ("memory", "byte", MEMORY_PER_CORE * cores),
                ("pods", "integer", 250.0),
            )
        )
        yield gauges(f"kube_node_status_{name}", f"Resources of a node: {name}.", rows)
