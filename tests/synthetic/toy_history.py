"""A small world with known flows: a shop over a checkout over a database whose name stops resolving for a while."""

from __future__ import annotations

import numpy as np

from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic.truth import Truth
from epicenter.synthetic.world.history import Change, Edge, History, Series, Service

START = 1_760_940_000.0
TICK_S = 10.0
TICKS = 240
OUTAGE = slice(100, 160)  # ticks
HIT = 0.6  # share of calls that need a new connection, hence the name, in an outage

SERVICES = (
    Service("shop", ("shop.example",), "node", "GET /buy", user_facing=True, latency_s=0.004),
    Service("checkout", ("checkout.example",), "python", "POST /checkout", latency_s=0.006),
    Service("dynamodb", ("dynamodb.us-east-1.amazonaws.com",), "go", "DynamoDB.GetItem", latency_s=0.003),
    Service("ticker", (), "go", "check leases", latency_s=0.002, own_error="queue full"),
)


def edges(dialect: str) -> tuple[Edge, ...]:
    peer = "dynamodb.us-east-1.amazonaws.com"
    return (
        Edge("shop", "checkout", "checkout.example", "POST /checkout", 1.0, "node-http", retries=1),
        Edge("checkout", "dynamodb", peer, "DynamoDB.GetItem", 1.5, dialect, retries=2),
        Edge("ticker", "dynamodb", peer, "DynamoDB.GetItem", 0.8, "go-http", required=False, retries=2),
    )


def toy_history(dialect: str = "python-requests", *, failure: str = "dns_nodata", ticks: int = TICKS) -> History:
    """Calls of a request share their fate, as the model says; so the flows follow from `HIT` alone."""
    hit, own = np.zeros(ticks), np.full(ticks, 0.01)
    hit[OUTAGE] = HIT
    calls = edges(dialect)
    entries = np.zeros((ticks, 4))
    entries[:, 0], entries[:, 3] = 40.0 * TICK_S, 10.0 * TICK_S
    # checkout fails with its database, or on its own; shop repeats once what failed, in vain
    broken = 1.0 - (1.0 - hit) * (1.0 - own)
    to_checkout = entries[:, 0] * (1.0 + broken)
    failed_there = 2.0 * entries[:, 0] * broken
    own_there = failed_there * own * (1.0 - hit) / broken
    # a repeat shares its call's fate, so among the requests that arrive more are doomed than among the calls
    doomed = (failed_there - own_there) / (to_checkout - own_there)
    originals = np.stack([entries[:, 0], 1.5 * to_checkout, 0.8 * entries[:, 3]], axis=1)
    given_up = np.stack([originals[:, 0] * broken, originals[:, 1] * doomed, originals[:, 2] * hit], axis=1)
    retries = np.array([edge.retries for edge in calls])
    failures = np.zeros((ticks, 3, len(ERROR_CLASSES)))
    failures[:, 0, ERROR_CLASSES.index("server")] = given_up[:, 0] * (retries[0] + 1)
    for e in (1, 2):
        failures[:, e, ERROR_CLASSES.index(failure)] = given_up[:, e] * (retries[e] + 1)
    ok = originals - given_up
    attempts = ok + failures.sum(axis=2)
    arrivals = entries + np.stack([0 * own, attempts[:, 0], ok[:, 1] + ok[:, 2], 0 * own], axis=1)
    failed = np.stack([given_up[:, 0], failed_there, 0 * own, 0 * own], axis=1)
    own_failed = np.stack([0 * own, own_there, 0 * own, 0 * own], axis=1)
    zeros_s, zeros_e = np.zeros((ticks, 4)), np.zeros((ticks, 3))
    times = START + TICK_S * np.arange(ticks)
    answers = np.where(hit > 0, 0.0, 8.0)
    return History(
        scenario="toy",
        seed=1,
        start=START,
        tick_s=TICK_S,
        services=SERVICES,
        edges=calls,
        entries=entries,
        arrivals=arrivals,
        failed=failed,
        own_failed=own_failed,
        latency_s=zeros_s + np.array([0.03, 0.02, 0.003, 0.01]),
        queue_depth=zeros_s,
        queue_age_s=zeros_s,
        originals=originals,
        attempts=attempts,
        ok=ok,
        failures=failures,
        in_flight=zeros_e,
        waiting=zeros_e,
        given_up=given_up,
        latency_ok_s=zeros_e + np.array([0.022, 0.005, 0.005]),
        latency_server_s=zeros_e + 0.02,
        series=(Series("probe_dns_answer_rrs", {"instance": calls[1].peer}, "gauge", answers),),
        changes=(
            Change(float(times[OUTAGE.start]), "record.delete", calls[1].peer, "cleaner-a", generation=110, answers=0),
            Change(float(times[OUTAGE.stop]), "restart", "checkout", "operator"),
        ),
        truth=Truth(
            root_component=calls[1].peer,
            root_aliases=("dynamodb",),
            root_kind="dns.empty_record",
            dns_role="root",
            dns_failure="nodata",
            storm=False,
            metastable=False,
            storm_edges=(),
            storm_start=None,
            storm_end=None,
            trigger_start=float(times[OUTAGE.start]),
            trigger_end=float(times[OUTAGE.stop]),
            incident=(float(times[OUTAGE.start]), float(times[OUTAGE.stop])),
            affected={},
            phases=(),
        ),
    )
