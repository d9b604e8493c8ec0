"""From a declared world to its history."""

from __future__ import annotations

from .conditions import conditions_of
from .durations import durations_of
from .engine import run_services
from .estate import Estate
from .history import History
from .labels import truth_of
from .logbook import changes_of
from .series import series_of
from .simulation import book_lease_work, run_mechanisms


def simulate_estate(estate: Estate, seed: int) -> History:
    """Run a world from start to end. The seed varies loads, jitter and noise, never what people did."""
    books = run_mechanisms(estate, seed)
    conditions = conditions_of(estate, books, seed)
    stepped = run_services(estate.services, estate.edges, conditions, estate.tick_s)
    durations = durations_of(estate.services, estate.edges, conditions, stepped)
    flows, in_flight = book_lease_work(estate, books, stepped)
    return History(
        scenario=estate.name,
        seed=seed,
        start=estate.start,
        tick_s=estate.tick_s,
        services=estate.services,
        edges=estate.edges,
        entries=conditions.entries,
        arrivals=flows.arrivals,
        failed=flows.failed,
        own_failed=flows.own_failed,
        latency_s=durations.latency_s,
        queue_depth=flows.queue_depth,
        queue_age_s=flows.queue_age_s,
        originals=flows.originals,
        attempts=flows.attempts,
        ok=flows.ok,
        failures=flows.failures,
        in_flight=in_flight,
        waiting=flows.waiting,
        given_up=flows.given_up,
        latency_ok_s=durations.latency_ok_s,
        latency_server_s=durations.latency_server_s,
        series=series_of(estate, books, flows, seed),
        changes=changes_of(estate, books),
        truth=truth_of(estate, books, flows),
    )
