"""The retry storm board: what is wanted against what is tried, what comes of it, and what queues make of it."""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models import units

from .charts import FAILED, PEER, SERVICE, Board, Chart, Row, by, calls, ending, rate, requests_behind, share
from .shared import CALLS_PER_REQUEST, GOODPUT, LEASES, THROTTLED, USEFUL_WORK, WAITING

LOAD = Row(
    "Load: what is wanted, what is tried",
    (
        Chart(
            "Originals against attempts, by peer",
            "Calls tried, beside the requests that its callers serve, from which the calls that are wanted come. "
            "Both rise together: more users. Attempts alone rise: retries. Requests fall and attempts stay: the "
            "storm feeds itself.",
            units.RequestsPerSecond,
            calls(),
            f"{by(PEER)}: attempts",
            width=12,
            beside=((requests_behind(), f"{by(PEER)}: requests behind them"),),
        ),
        replace(CALLS_PER_REQUEST, width=12),
    ),
)

YIELD = Row(
    "Goodput: what comes of it",
    (
        GOODPUT,
        Chart(
            "Wasted share of attempts, by peer",
            "Share of attempts that end in failure, so that their cost bought nothing. Above one half after the "
            "repair, with attempts well above their old level, is a storm; at a level as always it is the noise of "
            "this edge.",
            units.PercentUnit,
            share(calls(FAILED), calls()),
            by(PEER),
            worst="high",
            limit=0.5,
            ceiling=1,
        ),
        THROTTLED,
    ),
)

QUEUES = Row(
    "Queues: work that ends too late",
    (
        Chart(
            "Queue age against the time-out",
            "Age of the oldest work, in time-outs of whoever asked for it (the choice above, in seconds). Above 1 "
            "all that is finished is finished too late and is asked for again: the whole capacity goes into waste.",
            units.Short,
            f"max by ({SERVICE}) ({ending('queue_oldest_age_seconds')}) / $timeout",
            f"{by(SERVICE)}, in time-outs",
            worst="high",
            limit=1,
        ),
        WAITING,
        Chart(
            "Attempts at queued work, by outcome",
            "How attempts at queued work end. Time-outs that take the place of successes while workers stay busy "
            "are congestive collapse; errors of another kind are a fault of what the work needs.",
            units.EventsPerSecond,
            rate(ending("attempts_total", ', outcome!=""'), SERVICE, "outcome"),
            f"{by(SERVICE)} {by('outcome')}",
        ),
        replace(USEFUL_WORK, width=12),
        replace(LEASES, width=12),
    ),
)

BOARD = Board(
    "retry-storm",
    "Epicenter / Retry storm",
    "Originals against attempts, goodput, the wasted share, and the age of queues against the time-out.",
    ("retries",),
    ("cluster", "namespace", "job", "peer", "timeout"),
    (LOAD, YIELD, QUEUES),
)
