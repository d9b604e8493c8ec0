"""The Prometheus series of a world that do not follow from its edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from ...collector.model import ERROR_CLASSES
from .engine import Flows
from .estate import Estate
from .history import Floats, Series
from .simulation import Books, generator

DNS_CLASSES = sum(name.startswith("dns_") for name in ERROR_CLASSES)
"""They come first in `ERROR_CLASSES`."""


def series_of(estate: Estate, books: Books, flows: Flows, seed: int) -> tuple[Series, ...]:
    """All of them, one value a tick."""
    return (
        *_control_plane(estate, books),
        *_resolvers(estate, books, flows),
        *_probes(estate, books, flows, seed),
        *_leases(estate, books),
        *_launches(estate, books),
        *_balancer(estate, books),
    )


def _gauge(name: str, values: Floats, **labels: str) -> Series:
    return _series(name, "gauge", values, labels)


def _counter(name: str, increments: Floats, **labels: str) -> Series:
    return _series(name, "counter", np.floor(np.cumsum(increments)), labels)


def _series(name: str, kind: Literal["gauge", "counter"], values: Floats, labels: dict[str, str]) -> Series:
    return Series(name, dict(sorted(labels.items())), kind, values.astype(float))


def _control_plane(estate: Estate, books: Books) -> Iterator[Series]:
    record = estate.naming.record
    for enactor in estate.naming.dns.enactors:
        labels = {"job": enactor, "enactor": enactor, "record": record}
        yield _gauge("dns_enactor_plan_generation", books.dns.generation(enactor, books.times_s), **labels)
        lost = books.dns.lock_failures(enactor, record, books.times_s)
        yield _counter("dns_enactor_lock_failures_total", np.diff(lost, prepend=0.0), **labels)


def _resolvers(estate: Estate, books: Books, flows: Flows) -> Iterator[Series]:
    """CoreDNS counts an empty answer as NOERROR: its counters cannot show that the record is empty."""
    looked_up = np.zeros(len(books.times_s))
    for e, edge in enumerate(estate.edges):
        if edge.peer == estate.naming.record:
            renewed = flows.ok[:, e] * estate.tick_s / edge.pool_tau_s
            looked_up += renewed + flows.failures[:, e, :DNS_CLASSES].sum(axis=1)
    everything_else = flows.arrivals.sum(axis=1) * 0.02
    server = "dns://:53"
    yield _counter("coredns_dns_requests_total", looked_up + everything_else, server=server, zone=".", type="A")
    # Search domains make for a steady share of NXDOMAIN anywhere, and upstreams for a little SERVFAIL.
    for rcode, share in (("NOERROR", 0.0), ("NXDOMAIN", 0.08), ("SERVFAIL", 0.002)):
        answers = everything_else * share if share else looked_up + everything_else * (1.0 - 0.082)
        yield _counter("coredns_dns_responses_total", answers, server=server, zone=".", rcode=rcode)


def _probes(estate: Estate, books: Books, flows: Flows, seed: int) -> Iterator[Series]:
    probing, record, ones = estate.probing, estate.naming.record, np.ones(len(books.times_s))
    index = {service.name: i for i, service in enumerate(estate.services)}
    luck = generator(seed, "probes")
    for c, city in enumerate(probing.cities):
        for t, qtype in enumerate(("A", "AAAA")):
            answers = books.watched[:, 2 * c + t]
            yield _gauge("probe_dns_answer_rrs", answers, instance=record, city=city, query_type=qtype)
            yield _gauge("probe_dns_query_succeeded", ones, instance=record, city=city, query_type=qtype)
            none = 2.0 * ones if qtype == "A" else 0.0 * ones
            yield _gauge("probe_dns_answer_rrs", none, instance=probing.without_aaaa, city=city, query_type=qtype)
        for service, front in probing.fronts.items():
            asked = np.maximum(flows.arrivals[:, index[service]], 1e-12)
            failing = flows.failed[:, index[service]] / asked
            succeeded = (luck.random(len(ones)) >= failing).astype(float)
            yield _gauge("probe_success", succeeded, instance=front, city=city, module="http_2xx")


def _leases(estate: Estate, books: Books) -> Iterator[Series]:
    work, name = books.leases.work, estate.lease_manager.service
    prefix = name.replace("-", "_")
    yield _gauge(f"{prefix}_leases_active", books.leases.active, job=name)
    yield _gauge(f"{prefix}_queue_depth", work.depth, job=name, queue="leases")
    yield _gauge(f"{prefix}_queue_oldest_age_seconds", work.age_s, job=name, queue="leases")
    for outcome, counts in (("ok", work.done), ("timeout", work.timed_out), ("late", work.late)):
        yield _counter(f"{prefix}_attempts_total", counts, job=name, outcome=outcome)


def _launches(estate: Estate, books: Books) -> Iterator[Series]:
    launches, api, manager = books.launches, estate.launches.service, estate.launches.manager
    prefix = manager.replace("-", "_")
    yield _counter(f"{api.replace('-', '_')}_throttled_requests_total", launches.throttled, job=api)
    yield _gauge(f"{prefix}_propagation_delay_seconds", launches.delay_s, job=manager)
    yield _gauge(f"{prefix}_queue_depth", launches.queue, job=manager, queue="network-state")


def _balancer(estate: Estate, books: Books) -> Iterator[Series]:
    balancer, did = estate.balancing.balancer, books.balancer
    for z, zone in enumerate(balancer.zones):
        labels = {"load_balancer": balancer.name, "availability_zone": zone}
        in_service = did.healthy[:, z] * (1.0 - did.out[:, z])
        yield _gauge("aws_networkelb_healthy_host_count_average", in_service, **labels)
        yield _gauge("aws_networkelb_un_healthy_host_count_average", did.unhealthy[:, z], **labels)
        yield _counter(f"{balancer.name}_health_check_flips_total", did.flips[:, z], **labels)
