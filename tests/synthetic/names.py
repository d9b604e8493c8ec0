"""Whether all that a history names is part of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from epicenter.synthetic import History
from epicenter.synthetic.telemetry.metrics.troubled import troubled_resolvers


def orphans(history: History, records: Collection[str] = ()) -> list[str]:
    """What is named somewhere and belongs to nothing: "where: name". records: names that writers race on."""
    services = {service.name for service in history.services}
    hosts = {host for service in history.services for host in service.hosts}
    resolvers = {one.resolver for one in history.lookups} | set(troubled_resolvers(history))
    known = services | hosts | resolvers | {edge.peer for edge in history.edges} | set(records)
    return sorted(
        {f"{where}: {name}" for where, name in _services_named(history) if name not in services}
        | {f"{where}: {name}" for where, name in _names(history) if name.removeprefix("https://") not in known}
        | {f"storm: {a} -> {b}" for a, b in history.truth.storm_edges if (a, b) not in _pairs(history)}
    )


def _services_named(history: History) -> Iterator[tuple[str, str]]:
    for edge in history.edges:
        for where in ("client", "server", "link", "via"):
            if name := getattr(edge, where):
                yield f"edge {where}", name
    for targets in history.targets:
        yield "targets", targets.balancer
    for cache in history.caches:
        yield "cache", cache.service
    for name in history.truth.affected:
        yield "affected", name


def _names(history: History) -> Iterator[tuple[str, str]]:
    for edge in history.edges:
        yield "peer", edge.peer
    for lookups in history.lookups:
        if lookups.name:
            yield "look-up", lookups.name
    for probe in history.probes:
        yield "probe", probe.target
    for change in history.changes:
        yield "change", change.target
    if history.truth.root_component:
        yield "root", history.truth.root_component
    for alias in history.truth.root_aliases:
        yield "alias", alias


def _pairs(history: History) -> set[tuple[str, str]]:
    return {(edge.client, edge.server) for edge in history.edges}
