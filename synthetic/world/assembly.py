"""From a declared world to its history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .books import CLASS, Flows
from .engine import run_services
from .estate import Estate
from .facts import lookups_of, probes_of, targets_of
from .history import Floats, History
from .labels import truth_of
from .logbook import changes_of
from .series import series_of
from .simulation import Mechanisms, feedbacks_of, set_up


def simulate_estate(estate: Estate, seed: int) -> History:
    """Run a world from start to end. The seed varies loads, jitter and noise, never what people did."""
    conditions, mechanisms = set_up(estate, seed)
    feedbacks, running = feedbacks_of(estate, conditions)
    flows = _book_lease_work(estate, mechanisms, run_services(conditions, feedbacks))
    caches = tuple(cache.use() for cache in running)
    return History(
        scenario=estate.name,
        seed=seed,
        start=estate.start,
        tick_s=estate.tick_s,
        services=estate.services,
        edges=estate.edges,
        entries=flows.entries,
        arrivals=flows.arrivals,
        served=flows.served,
        failed=flows.failed,
        own_failed=flows.own_failed,
        latency_s=flows.latency_s,
        queue_depth=flows.queue_depth,
        queue_age_s=flows.queue_age_s,
        up=flows.up,
        lost=_lost(estate, flows),
        originals=flows.originals,
        attempts=flows.attempts,
        ok=flows.ok,
        failures=flows.failures,
        in_flight=flows.in_flight,
        waiting=flows.waiting,
        given_up=flows.given_up,
        latency_ok_s=flows.latency_ok_s,
        latency_server_s=flows.latency_server_s,
        odds=flows.odds,
        lookups=lookups_of(estate, mechanisms, flows),
        probes=tuple(probes_of(estate, mechanisms, flows, seed)),
        targets=tuple(targets_of(estate, mechanisms)),
        caches=caches,
        series=series_of(estate, mechanisms),
        changes=changes_of(estate, mechanisms),
        truth=truth_of(estate, mechanisms, flows, caches),
    )


def _lost(estate: Estate, flows: Flows) -> Floats:
    """[T, S] What the pipeline cannot hand on of anybody's telemetry never arrives."""
    lost = np.zeros_like(flows.arrivals)
    if estate.pipeline:
        s = [service.name for service in estate.services].index(estate.pipeline)
        arrived = np.maximum(flows.arrivals[:, s], 1e-12)
        lost += np.clip(flows.failed[:, s] / arrived, 0.0, 1.0)[:, None]
    return lost


def _book_lease_work(estate: Estate, mechanisms: Mechanisms, flows: Flows) -> Flows:
    """The flows with the lease work on its edge.

    It is no request that the engine could step: an attempt may last for minutes in the manager's own queue.
    """
    manager, leases = estate.lease_manager, mechanisms.leases
    if manager is None or leases is None:
        return flows
    work, tick_s = leases.work, estate.tick_s
    edge = [(e.client, e.server) for e in estate.edges].index((manager.service, manager.droplets))
    server = [service.name for service in estate.services].index(manager.droplets)
    flows.originals[:, edge] = work.started
    flows.attempts[:, edge] = work.started + work.retried
    flows.ok[:, edge] = work.done
    flows.failures[:, edge, CLASS["deadline"]] = work.timed_out
    flows.failures[:, edge, CLASS["other"]] = work.dropped
    flows.in_flight[:, edge] = work.live
    flows.arrivals[:, server] = flows.served[:, server] = work.done + work.late
    flows.latency_ok_s[:, edge] = work.wait_s + estate.services[server].latency_s
    # By the tick in which they began: a time-out tells when that was, and what a restart drops is as good as late.
    ticks = max(1, round(manager.leases.timeout_s / tick_s))
    late = np.append(work.timed_out[ticks:], np.zeros(min(ticks, len(work.timed_out))))
    share = np.divide(late, flows.attempts[:, edge], out=np.zeros(len(late)), where=flows.attempts[:, edge] > 1e-9)
    flows.odds.late[:, edge] = np.clip(share, 0.0, 1.0)
    return replace(flows)
