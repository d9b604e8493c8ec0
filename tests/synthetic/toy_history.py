"""A small world with known flows: a shop over a checkout over a database whose name stops resolving for a while."""

from __future__ import annotations

import numpy as np

from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic.truth import Truth
from epicenter.synthetic.world.history import (
    CacheUse,
    Change,
    Edge,
    Floats,
    History,
    Lookups,
    Odds,
    Probe,
    Series,
    Service,
    Targets,
)

START = 1_760_940_000.0
TICK_S = 10.0
TICKS = 240
OUTAGE = slice(100, 160)  # ticks
HIT = 0.6  # share of calls that need a new connection, hence the name, in an outage; or of attempts that come too late
OWN = 0.01  # share of checkout's requests that fail by an ordinary bug
DATABASE = "dynamodb.us-east-1.amazonaws.com"
CITIES = ("ashburn", "frankfurt")
SERVERS = (1, 2, 2)  # of the edges, on the S axis

SERVICES = (
    Service("shop", ("shop.example",), "node", "GET /buy", user_facing=True, latency_s=0.004),
    Service("checkout", ("checkout.example",), "python", "POST /checkout", latency_s=0.006),
    Service("dynamodb", (DATABASE,), "go", "DynamoDB.GetItem", latency_s=0.003),
    Service("ticker", (), "go", "check leases", latency_s=0.002, own_error="queue full"),
)


def edges(dialect: str) -> tuple[Edge, ...]:
    return (
        Edge("shop", "checkout", "checkout.example", "POST /checkout", 1.0, "node-http", retries=1),
        Edge("checkout", "dynamodb", DATABASE, "DynamoDB.GetItem", 1.0, dialect, retries=2),
        Edge("ticker", "dynamodb", DATABASE, "DynamoDB.GetItem", 0.8, "go-http", required=False, retries=2),
    )


def toy_history(dialect: str = "python-requests", *, failure: str = "dns_nodata", ticks: int = TICKS) -> History:
    """Flows follow from the odds alone; edges 1 and 2 fail as `failure`: dns_*, connect, refused or deadline."""
    calls = edges(dialect)
    hit = np.zeros(ticks)
    hit[OUTAGE] = HIT
    entries = np.zeros((ticks, 4))
    entries[:, 0], entries[:, 3] = 40.0 * TICK_S, 10.0 * TICK_S
    zeros_s, zeros_e = np.zeros((ticks, 4)), np.zeros((ticks, 3))
    to_database = np.stack([0 * hit, hit, hit], axis=1)
    stuck, late = (zeros_e, to_database) if failure == "deadline" else (to_database, zeros_e)
    failing, own = zeros_s.copy(), zeros_s.copy()
    own[:, 1] = OWN
    gives_up = _gives_up(stuck[:, 1], late[:, 1], calls[1].retries)
    failing[:, 1] = OWN + (1.0 - OWN) * gives_up
    failing[:, 0] = _gives_up(0 * hit, failing[:, 1], calls[0].retries)

    arrivals = entries.copy()
    originals, failures = zeros_e.copy(), np.zeros((ticks, 3, len(ERROR_CLASSES)))
    ok, given_up = zeros_e.copy(), zeros_e.copy()
    for e, (client, server) in enumerate(zip((0, 1, 3), SERVERS, strict=True)):  # callers first
        retries, refused = calls[e].retries, failing[:, server]
        fails = late[:, e] + (1.0 - late[:, e]) * refused
        originals[:, e] = arrivals[:, client] * calls[e].calls_per_request
        reach = originals[:, e] * (1.0 - stuck[:, e]) * sum(fails**k for k in range(retries + 1))
        failures[:, e, ERROR_CLASSES.index("deadline")] = reach * late[:, e]
        failures[:, e, ERROR_CLASSES.index("server")] = reach * (1.0 - late[:, e]) * refused
        if failure == "refused":
            failures[:, e, ERROR_CLASSES.index("connect")] = originals[:, e] * stuck[:, e] * (retries + 1.0)
        elif failure != "deadline":
            failures[:, e, ERROR_CLASSES.index(failure)] = originals[:, e] * stuck[:, e] * (retries + 1.0)
        given_up[:, e] = originals[:, e] * _gives_up(stuck[:, e], fails, retries)
        ok[:, e] = originals[:, e] - given_up[:, e]
        arrivals[:, server] += reach
    waits = zeros_s.copy()
    waits[:, 3] = 200.0 * hit
    up = zeros_s + 1.0
    up[OUTAGE.stop, 1] = 2.0 / 3.0  # the restart
    times = START + TICK_S * np.arange(ticks)
    out = (hit > 0).astype(float)
    return History(
        scenario="toy",
        seed=1,
        start=START,
        tick_s=TICK_S,
        services=SERVICES,
        edges=calls,
        entries=entries,
        arrivals=arrivals,
        served=arrivals,
        failed=arrivals * failing,
        own_failed=arrivals * own,
        latency_s=zeros_s + np.array([0.03, 0.02, 0.003, 0.01]),
        queue_depth=waits,
        queue_age_s=0.1 * waits,
        up=up,
        lost=zeros_s,
        originals=originals,
        attempts=ok + failures.sum(axis=2),
        ok=ok,
        failures=failures,
        in_flight=zeros_e,
        waiting=zeros_e,
        given_up=given_up,
        latency_ok_s=zeros_e + np.array([0.022, 0.005, 0.005]),
        latency_server_s=zeros_e + 0.02,
        odds=Odds(
            calls=zeros_e + np.array([edge.calls_per_request for edge in calls]),
            unresolved={failure: stuck} if failure.startswith("dns_") else {},
            refused=stuck if failure == "refused" else zeros_e,
            unconnected=stuck if failure == "connect" else zeros_e,
            late=late,
            granted=zeros_e + 1.0,
            failing=failing,
            own=own,
        ),
        lookups=_lookups(arrivals[:, 1] * 0.1 + failures[:, 1:, :].sum(axis=(1, 2)), hit > 0),
        probes=_probes(hit > 0, failing[:, 0]),
        targets=(Targets("nlb", "us-east-1a", 12.0 - 4.0 * out, 4.0 * out, out),),
        caches=(CacheUse("checkout", 0.9 * arrivals[:, 1], 0.1 * arrivals[:, 1]),),
        series=(
            Series(
                "dns_enactor_plan_generation",
                {"enactor": "cleaner-a", "job": "cleaner-a", "record": DATABASE},
                "gauge",
                np.where(hit > 0, 110.0, 145.0),
            ),
        ),
        changes=(
            Change(float(times[OUTAGE.start]), "record.delete", DATABASE, "cleaner-a", generation=110, answers=0),
            Change(float(times[OUTAGE.stop]), "restart", "checkout", "operator"),
        ),
        truth=_truth(float(times[OUTAGE.start]), float(times[OUTAGE.stop])),
    )


def _gives_up(stuck: Floats, fails: Floats, retries: int) -> Floats:
    """Share of calls without success after all retries: stuck ones share their fate, other attempts fail alone."""
    return stuck + (1.0 - stuck) * fails ** (retries + 1)


def _lookups(database: Floats, empty: np.ndarray) -> tuple[Lookups, ...]:
    none, some = np.where(empty, database, 0.0), np.where(empty, 0.0, database)
    rest = np.full(len(database), 50.0)
    return tuple(
        Lookups(resolver, zone, name, qtype, rcode, nothing, 0.5 * count)
        for resolver in ("coredns-0", "coredns-1")
        for zone, name, qtype, rcode, nothing, count in (
            ("us-east-1.amazonaws.com.", DATABASE, "A", "NOERROR", False, some),
            ("us-east-1.amazonaws.com.", DATABASE, "A", "NOERROR", True, none),
            (".", "", "A", "NOERROR", False, rest),
            (".", "", "AAAA", "NOERROR", True, 0.5 * rest),
            (".", "", "A", "NXDOMAIN", False, 0.1 * rest),
            (".", "", "A", "SERVFAIL", False, 0.01 * rest),
        )
    )


def _probes(empty: np.ndarray, failing: Floats) -> tuple[Probe, ...]:
    ones = np.ones(len(empty))
    asked = [
        Probe("dns", DATABASE, city, qtype, ones, answers)
        for city in CITIES
        for qtype, answers in (("A", np.where(empty, 0.0, 8.0)), ("AAAA", 0.0 * ones))
    ]
    fetched = [
        Probe("http", "https://shop.example", city, "", (failing < 0.1).astype(float), np.empty(0)) for city in CITIES
    ]
    return (*asked, *fetched)


def _truth(start: float, end: float) -> Truth:
    return Truth(
        root_component=DATABASE,
        root_aliases=("dynamodb",),
        root_kind="dns.empty_record",
        dns_role="root",
        dns_failure="nodata",
        storm=False,
        metastable=False,
        storm_edges=(),
        storm_start=None,
        storm_end=None,
        trigger_start=start,
        trigger_end=end,
        incident=(start, end),
        affected={},
        phases=(),
    )
