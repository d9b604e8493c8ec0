"""Facts for metrics to name: what resolvers answered, what probes saw, which targets were healthy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...collector.model import ERROR_CLASSES
from .books import Flows
from .estate import Estate
from .history import Floats, Lookups, Probe, Targets
from .resolvers import ELSEWHERE, NXDOMAIN, SERVFAIL, STALE, TIMEOUT
from .simulation import Mechanisms, generator

DNS_CLASSES = sum(name.startswith("dns_") for name in ERROR_CLASSES)
"""They come first in `ERROR_CLASSES`."""
OTHER_LOOKUPS = 0.02
"""Look-ups of names outside the calls that the world knows, per request (assumed)."""

_RCODES = {0.0: ("NOERROR", True), -1.0: ("NXDOMAIN", False), -2.0: ("SERVFAIL", False), -3.0: ("", False)}


def lookups_of(estate: Estate, mechanisms: Mechanisms, flows: Flows) -> tuple[Lookups, ...]:
    """What each resolver answered: for the names whose answers changed, and for all others together.

    Clients ask for A and AAAA alike. An empty answer is NOERROR: no response code tells that a record is empty.
    """
    return (*_changed(estate, mechanisms, flows), *_others(estate, mechanisms, flows))


def _changed(estate: Estate, mechanisms: Mechanisms, flows: Flows) -> Iterator[Lookups]:
    resolvers = estate.naming.resolvers
    for name, seen in sorted(mechanisms.names.seen.items()):
        every = _asked(estate, flows, name)
        zone = name.partition(".")[2] or name
        for r, resolver in enumerate(resolvers):
            asked = every[:, r]
            for qtype in ("A", "AAAA"):
                yield Lookups(
                    resolver, zone, name, qtype, "NOERROR", False, asked * ((seen[:, r] > 0) | (seen[:, r] < -3))
                )
                for code, (rcode, empty) in _RCODES.items():
                    at = seen[:, r] == code
                    if at.any():
                        yield Lookups(resolver, zone, name, qtype, rcode, empty, asked * at)


def _asked(estate: Estate, flows: Flows, name: str) -> Floats:
    """[T, R] Look-ups of a name: each new connection makes one, and so does each attempt that fails at it."""
    asked = np.zeros((len(flows.attempts), len(estate.naming.resolvers)))
    for e, edge in enumerate(estate.edges):
        if edge.peer == name:
            theirs = estate.naming.of(edge.client)
            made = flows.ok[:, e] * estate.tick_s / edge.pool_tau_s + flows.failures[:, e, :DNS_CLASSES].sum(axis=1)
            asked[:, theirs] += made[:, None] / len(theirs)
    return asked


def _others(estate: Estate, mechanisms: Mechanisms, flows: Flows) -> Iterator[Lookups]:
    naming = estate.naming
    failing = mechanisms.names.elsewhere
    everything = flows.arrivals.sum(axis=1) * OTHER_LOOKUPS / len(naming.resolvers)
    well = 1.0 - naming.search_share - naming.servfail_share
    # Where some names have IPv4 addresses only, asking for AAAA finds nothing, every day.
    hollow = min(0.5, 0.1 * len(naming.without_aaaa))
    for r, resolver in enumerate(naming.resolvers):
        codes = np.zeros(len(everything)) if failing is None else failing[:, r]
        for qtype, empty in (("A", 0.0), ("AAAA", hollow)):
            parts = [("NOERROR", False, well * (1.0 - empty)), ("NOERROR", True, well * empty)]
            parts += [("NXDOMAIN", False, naming.search_share), ("SERVFAIL", False, naming.servfail_share)]
            for rcode, nothing, share in parts:
                if share:
                    yield Lookups(resolver, ELSEWHERE, "", qtype, rcode, nothing, everything * share * (codes == 0))
            for code in sorted(set(codes[codes < 0].tolist())):
                rcode, nothing = _RCODES[code]
                yield Lookups(resolver, ELSEWHERE, "", qtype, rcode, nothing, everything * (codes == code))


def probes_of(estate: Estate, mechanisms: Mechanisms, flows: Flows, seed: int) -> Iterator[Probe]:
    """DNS probes of names, with those that never had AAAA records; HTTP probes of the fronts that users see."""
    probing, ticks = estate.probing, len(flows.arrivals)
    nothing, ones = np.empty(0), np.ones(ticks)
    index = {service.name: i for i, service in enumerate(estate.services)}
    luck = generator(seed, "probes")
    for c, city in enumerate(probing.cities):
        for name in (name for name in probing.names if name not in estate.naming.without_aaaa):
            for t, qtype in enumerate(("A", "AAAA")):
                seen = mechanisms.names.watched[name][:, 2 * c + t]
                found = np.where(seen == STALE, 1.0, np.maximum(seen, 0.0))
                answers = np.where(seen == TIMEOUT, np.nan, found)
                failed = np.isin(seen, (NXDOMAIN, SERVFAIL, TIMEOUT))
                yield Probe("dns", name, city, qtype, np.where(failed, 0.0, 1.0), answers)
        for name in estate.naming.without_aaaa:
            yield Probe("dns", name, city, "A", ones, 2.0 * ones)
            yield Probe("dns", name, city, "AAAA", ones, 0.0 * ones)
        for service, front in probing.fronts.items():
            asked = np.maximum(flows.arrivals[:, index[service]], 1e-12)
            succeeded = (luck.random(ticks) >= flows.failed[:, index[service]] / asked).astype(float)
            yield Probe("http", front, city, "", succeeded, nothing)


def targets_of(estate: Estate, mechanisms: Mechanisms) -> Iterator[Targets]:
    """The load balancer's targets, zone by zone; a zone that is out has none in service."""
    if estate.balancing is None or mechanisms.balancer is None:
        return
    balancer, did = estate.balancing.balancer, mechanisms.balancer
    for z, zone in enumerate(balancer.zones):
        in_service = did.healthy[:, z] * (1.0 - did.out[:, z])
        yield Targets(balancer.name, zone, in_service, did.unhealthy[:, z], did.flips[:, z])
