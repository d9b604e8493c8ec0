"""The Prometheus series of a world's own control planes, which no exporter in the wild has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from .estate import Estate
from .history import Floats, Series
from .simulation import Mechanisms


def series_of(estate: Estate, mechanisms: Mechanisms) -> tuple[Series, ...]:
    """All of them, one value a tick."""
    return (
        *_control_plane(estate, mechanisms),
        *_leases(estate, mechanisms),
        *_launches(estate, mechanisms),
        *_balancer(estate, mechanisms),
    )


def _gauge(name: str, values: Floats, **labels: str) -> Series:
    return _series(name, "gauge", values, labels)


def _counter(name: str, increments: Floats, **labels: str) -> Series:
    return _series(name, "counter", np.floor(np.cumsum(increments)), labels)


def _series(name: str, kind: Literal["gauge", "counter"], values: Floats, labels: dict[str, str]) -> Series:
    return Series(name, dict(sorted(labels.items())), kind, values.astype(float))


def _control_plane(estate: Estate, mechanisms: Mechanisms) -> Iterator[Series]:
    machine, books = estate.naming.machine, mechanisms.names.machine
    if machine is None or books is None:
        return
    for enactor in machine.dns.enactors:
        labels = {"job": enactor, "enactor": enactor, "record": machine.record}
        yield _gauge("dns_enactor_plan_generation", books.generation(enactor, mechanisms.times_s), **labels)
        lost = books.lock_failures(enactor, machine.record, mechanisms.times_s)
        yield _counter("dns_enactor_lock_failures_total", np.diff(lost, prepend=0.0), **labels)


def _leases(estate: Estate, mechanisms: Mechanisms) -> Iterator[Series]:
    if estate.lease_manager is None or mechanisms.leases is None:
        return
    work, name = mechanisms.leases.work, estate.lease_manager.service
    prefix = name.replace("-", "_")
    yield _gauge(f"{prefix}_leases_active", mechanisms.leases.active, job=name)
    yield _gauge(f"{prefix}_queue_depth", work.depth, job=name, queue="leases")
    yield _gauge(f"{prefix}_queue_oldest_age_seconds", work.age_s, job=name, queue="leases")
    for outcome, counts in (("ok", work.done), ("timeout", work.timed_out), ("late", work.late)):
        yield _counter(f"{prefix}_attempts_total", counts, job=name, outcome=outcome)


def _launches(estate: Estate, mechanisms: Mechanisms) -> Iterator[Series]:
    if estate.launches is None or mechanisms.launches is None:
        return
    launches, api, manager = mechanisms.launches, estate.launches.service, estate.launches.manager
    prefix = manager.replace("-", "_")
    yield _counter(f"{api.replace('-', '_')}_throttled_requests_total", launches.throttled, job=api)
    yield _gauge(f"{prefix}_propagation_delay_seconds", launches.delay_s, job=manager)
    yield _gauge(f"{prefix}_queue_depth", launches.queue, job=manager, queue="network-state")


def _balancer(estate: Estate, mechanisms: Mechanisms) -> Iterator[Series]:
    if estate.balancing is None or mechanisms.balancer is None:
        return
    balancer = estate.balancing.balancer
    prefix = balancer.name.replace("-", "_")
    for z, zone in enumerate(balancer.zones):
        labels = {"load_balancer": balancer.name, "availability_zone": zone}
        yield _counter(f"{prefix}_health_check_flips_total", mechanisms.balancer.flips[:, z], **labels)
