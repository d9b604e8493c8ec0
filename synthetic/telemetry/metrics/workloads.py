"""What kube-state-metrics tells beyond the services: stateful and daemon sets, jobs, claims, budgets and quotas."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..looks import INSTANCES
from ..naming import hexadecimal
from .base import Family, Floats, Labels
from .grid import Grid
from .kube import JOB, NAMESPACE, identified, pods, replica_set, restarts, services
from .kubelet import VOLUMES
from .machines import CPU_REQUEST, nodes_of, totals
from .shapes import gauges

_MONITORING = {**JOB, "namespace": "monitoring"}
_STATEFUL = (("prometheus-k8s", 2.0), ("alertmanager-main", 3.0))
_DAEMONS = (("monitoring", "node-exporter"), ("kube-system", "kube-proxy"), ("kube-system", "aws-node"))
_TIMER = "usage-report"
"""A timer's job: once an hour, for two minutes, of which the image takes half a minute to come."""
_HOUR_S, _RUNS_S, _PULLS_S = 3600.0, 120.0, 30.0
_REASONS = ("Evicted", "NodeAffinity", "NodeLost", "SchedulingGated", "Shutdown", "UnexpectedAdmissionError")
_CONDITIONS = ("Available", "Progressing")
_QUOTA = 1.5
"""So much of what the pods ask for their namespace may have."""


def workloads(grid: Grid) -> Iterator[Family]:
    """States of the objects of the cluster."""
    ones = np.ones(len(grid.times))
    yield from _sets(ones)
    yield from _jobs(grid)
    yield from _scaling(grid, ones)
    yield from _claims(ones)
    yield from _quotas(grid, ones)
    yield from _conditions(grid, ones)
    yield from _exporter(grid)


def _sets(ones: Floats) -> Iterator[Family]:
    for name, told in (
        ("replicas", "Replicas wanted."),
        ("status_replicas", "Replicas that there are."),
        ("status_replicas_ready", "Replicas that are ready."),
        ("status_replicas_updated", "Replicas of the newest template."),
    ):
        rows = (({**_MONITORING, "statefulset": owner}, count * ones) for owner, count in _STATEFUL)
        yield gauges(f"kube_statefulset_{name}", told, rows)
    for name in ("metadata_generation", "status_observed_generation"):
        rows = (({**_MONITORING, "statefulset": owner}, 3.0 * ones) for owner, _ in _STATEFUL)
        yield gauges(f"kube_statefulset_{name}", "Generation of the state: wanted, or seen by the controller.", rows)
    for name in ("status_current_revision", "status_update_revision"):
        rows = (
            ({**_MONITORING, "statefulset": owner, "revision": f"{owner}-{hexadecimal(owner, 9)}"}, ones)
            for owner, _ in _STATEFUL
        )
        yield gauges(f"kube_statefulset_{name}", "Revision of the template that pods have, or shall have.", rows)
    for name, value in (
        *((ending, float(INSTANCES)) for ending in ("desired_number_scheduled", "current_number_scheduled")),
        *((ending, float(INSTANCES)) for ending in ("updated_number_scheduled", "number_available", "number_ready")),
        *((ending, 0.0) for ending in ("number_misscheduled", "number_unavailable")),
    ):
        rows = (({**JOB, "namespace": space, "daemonset": owner}, value * ones) for space, owner in _DAEMONS)
        yield gauges(f"kube_daemonset_status_{name}", f"Nodes by the state of a daemon set: {name}.", rows)


def _jobs(grid: Grid) -> Iterator[Family]:
    """The timer's last three jobs."""
    hour, passed = _clock(grid)
    jobs = [
        ({**JOB, **NAMESPACE, "job_name": f"{_TIMER}-{at * 60}"}, at, (hour >= at) & (hour < at + 3))
        for at in range(int(hour[0]) - 1, int(hour[-1]) + 1)
    ]

    def rows(value: Callable[[int], Floats], **extra: str) -> Iterator[tuple[Labels, Floats]]:
        return (({**labels, **extra}, np.where(there, value(at), np.nan)) for labels, at, there in jobs)

    def active(at: int) -> Floats:
        return ((hour == at) & (passed < _RUNS_S)).astype(float)

    def start(at: int) -> Floats:
        return np.full(len(hour), at * _HOUR_S)

    yield gauges("kube_job_status_start_time", "When a job started.", rows(start))
    yield gauges("kube_job_status_active", "Pods of a job that run.", rows(active))
    yield gauges(
        "kube_job_spec_completions", "Pods of a job that must succeed.", rows(lambda at: 1.0 + 0.0 * active(at))
    )
    yield gauges("kube_job_status_succeeded", "Pods of a job that succeeded.", rows(lambda at: 1.0 - active(at)))
    yield gauges("kube_job_status_failed", "Pods of a job that failed.", rows(lambda at: 0.0 * active(at)))
    done = rows(lambda at: 1.0 - active(at), condition="true")
    yield gauges("kube_job_complete", "Whether a job is complete.", done)
    yield gauges("kube_job_failed", "Whether a job has failed.", rows(lambda at: 0.0 * active(at), condition="true"))
    timer = {**JOB, **NAMESPACE, "cronjob": _TIMER}
    told = "When a timer's next job starts, in Unix seconds."
    yield gauges("kube_cronjob_next_schedule_time", told, [(timer, (hour + 1.0) * _HOUR_S)])
    yield gauges("kube_cronjob_spec_suspend", "Whether a timer is stopped.", [(timer, 0.0 * hour)])


def timer_waits(grid: Grid) -> Iterator[tuple[Labels, Floats]]:
    """Why the container of the timer's pod waits: at each full hour for its image."""
    hour, passed = _clock(grid)
    for at in range(int(hour[0]), int(hour[-1]) + 1):
        waits = (hour == at) & (passed < _PULLS_S)
        if waits.any():
            pod = f"{_TIMER}-{at * 60}-{hexadecimal(str(at), 5)}"
            labels = {"pod": pod, "container": _TIMER, "reason": "ContainerCreating"}
            yield {**JOB, **NAMESPACE, **labels}, np.where(waits, 1.0, np.nan)


def _clock(grid: Grid) -> tuple[Floats, Floats]:
    """[K] the hour of each scrape, and the seconds that passed in it."""
    hour = np.floor(grid.times / _HOUR_S)
    return hour, grid.times - hour * _HOUR_S


def _scaling(grid: Grid, ones: Floats) -> Iterator[Family]:
    """The estate has a fixed size: its autoscalers may not go beyond it; budgets let one pod go.

    A pod that crashes is a replica still, as its deployment tells too: what moves is how many are healthy.
    """
    named = [(name, _ready(grid, name)) for name in services(grid)]
    for ending, told, value in (
        ("spec_min_replicas", "Fewest replicas.", INSTANCES),
        ("spec_max_replicas", "Most replicas.", INSTANCES),
        ("status_current_replicas", "Replicas that there are.", INSTANCES),
        ("status_desired_replicas", "Replicas that the autoscaler wants.", INSTANCES),
    ):
        rows = (({**JOB, **NAMESPACE, "horizontalpodautoscaler": name}, value * ones) for name, _ in named)
        yield gauges(f"kube_horizontalpodautoscaler_{ending}", told, rows)
    conditions = (
        ({**JOB, **NAMESPACE, "horizontalpodautoscaler": name, "condition": condition, "status": status}, holds * ones)
        for name, _ in named
        for condition in ("AbleToScale", "ScalingActive")
        for status, holds in (("true", 1.0), ("false", 0.0), ("unknown", 0.0))
    )
    yield gauges("kube_horizontalpodautoscaler_status_condition", "Conditions of an autoscaler.", conditions)
    for ending, told, of in (
        ("desired_healthy", "Pods that must stay healthy.", lambda _: (INSTANCES - 1) * ones),
        ("current_healthy", "Pods that are healthy.", lambda alive: alive),
        ("expected_pods", "Pods that the budget counts.", lambda _: INSTANCES * ones),
        ("pod_disruptions_allowed", "Pods that may go.", lambda alive: np.maximum(0.0, alive - (INSTANCES - 1))),
    ):
        rows = (({**JOB, **NAMESPACE, "poddisruptionbudget": name}, of(alive)) for name, alive in named)
        yield gauges(f"kube_poddisruptionbudget_status_{ending}", told, rows)


def _claims(ones: Floats) -> Iterator[Family]:
    claims = [{**_MONITORING, "persistentvolumeclaim": claim} for claim, *_ in VOLUMES]
    modes = (({**claim, "access_mode": "ReadWriteOnce"}, ones) for claim in claims)
    yield gauges("kube_persistentvolumeclaim_access_mode", "How a claim may be mounted.", modes)
    teams = (({**claim, "label_excluded_from_alerts": "false"}, ones) for claim in claims)
    yield gauges("kube_persistentvolumeclaim_labels", "Labels of a claim.", teams)
    for kind, phases, objects in (
        ("persistentvolumeclaim", ("Bound", "Lost", "Pending"), claims),
        (
            "persistentvolume",
            ("Available", "Bound", "Failed", "Pending", "Released"),
            [{**JOB, "persistentvolume": f"pvc-{hexadecimal(claim, 8)}"} for claim, *_ in VOLUMES],
        ),
    ):
        rows = (({**one, "phase": phase}, (phase == "Bound") * ones) for one in objects for phase in phases)
        yield gauges(f"kube_{kind}_status_phase", f"Phase of a {kind}.", rows)


def _quotas(grid: Grid, ones: Floats) -> Iterator[Family]:
    """Of the services' namespace; what its pods ask for does not change when one crashes."""
    count = float(INSTANCES * len(services(grid)))
    asked = {"requests.cpu": CPU_REQUEST * count, "requests.memory": 2.0**28 * count, "pods": count}
    rows = (
        ({**JOB, **NAMESPACE, "resourcequota": "services", "resource": resource, "type": kind}, value * ones)
        for resource, used in asked.items()
        for kind, value in (("hard", np.ceil(_QUOTA * used)), ("used", used))
    )
    yield gauges("kube_resourcequota", "What a namespace may have, and has.", rows)


def _conditions(grid: Grid, ones: Floats) -> Iterator[Family]:
    reasons = (
        ({**JOB, **identified(labels), "reason": reason}, 0.0 * ones)
        for _, _, labels, _ in pods(grid)
        for reason in _REASONS
    )
    yield gauges("kube_pod_status_reason", "Why a pod is not as it should be.", reasons)
    for name, told in (("ready", "Whether a container is ready."), ("running", "Whether a container runs.")):
        rows = (
            ({**JOB, **identified(labels), "container": service}, running) for service, _, labels, running in pods(grid)
        )
        yield gauges(f"kube_pod_container_status_{name}", told, rows)
    sets = [({**JOB, **NAMESPACE, "replicaset": replica_set(name)}, _ready(grid, name)) for name in services(grid)]
    wanted = ((labels, INSTANCES * ones) for labels, _ in sets)
    yield gauges("kube_replicaset_spec_replicas", "Replicas wanted.", wanted)
    yield gauges("kube_replicaset_status_ready_replicas", "Replicas that are ready.", sets)
    ended = (
        ({**identified(series.labels), "reason": "Error"}, np.where(series.values > 0, 1.0, np.nan))
        for series in restarts(grid)
        if series.values.any()
    )
    yield gauges("kube_pod_container_status_last_terminated_reason", "Why a container ended the last time.", ended)
    rows = (
        ({**JOB, **NAMESPACE, "deployment": name, "condition": condition, "status": status}, holds)
        for name in services(grid)
        for condition in _CONDITIONS
        for status, holds in _holds(grid, name, condition)
    )
    yield gauges("kube_deployment_status_condition", "Conditions of a deployment.", rows)
    spot = {"key": "node.example/spot", "value": "true", "effect": "PreferNoSchedule"}
    taints = (({**JOB, "node": node.name, **spot}, ones) for node in nodes_of(grid)[-1:])
    yield gauges("kube_node_spec_taint", "What a node keeps pods away with.", taints)


def _ready(grid: Grid, service: str) -> Floats:
    """[K] pods of a service that run."""
    return grid.state(grid.alive[service].sum(axis=0).astype(float))


def _holds(grid: Grid, service: str, condition: str) -> Iterator[tuple[str, Floats]]:
    """A deployment is available while at most one pod of it is down."""
    alive = _ready(grid, service)
    good = (alive >= INSTANCES - 1).astype(float) if condition == "Available" else np.ones(len(alive))
    yield from (("true", good), ("false", 1.0 - good), ("unknown", 0.0 * good))


def _exporter(grid: Grid) -> Iterator[Family]:
    steady = np.ones(grid.history.ticks) * grid.history.tick_s
    for what, rate in (("list", 1e-3), ("watch", 2e-2)):
        rows = (
            ({**JOB, "resource": f"*v1.{kind}", "result": result}, share * rate * steady)
            for kind in ("Pod", "Node")
            for result, share in (("success", 1.0), ("error", 0.0))
        )
        told = f"Times that objects were read from the API server by {what}."
        yield totals(grid, f"kube_state_metrics_{what}_total", told, rows)
    ones = np.ones(len(grid.times))
    yield gauges("kube_state_metrics_total_shards", "Shards of the exporter.", [(JOB, ones)])
    yield gauges(
        "kube_state_metrics_shard_ordinal", "Number of this shard.", [({**JOB, "shard_ordinal": "0"}, 0.0 * ones)]
    )
