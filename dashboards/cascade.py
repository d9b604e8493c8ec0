"""The cascade overview: four rows in causal order, from what broke first to what keeps it down.

A panel says what it shows and what to conclude from it, since an on-call engineer reads it for the first
time during an outage.
"""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models import units

from .charts import (
    FAILED,
    OF_CALL,
    OF_JOB,
    PEER,
    SERVICE,
    Board,
    Chart,
    Row,
    by,
    calls,
    ending,
    rate,
    served,
    share,
)
from .shared import (
    ADDRESSES,
    CALLS_PER_REQUEST,
    DNS_REPLIES,
    FAILED_LOOKUPS,
    GENERATIONS,
    GOODPUT,
    LEASES,
    LOST_LOCKS,
    PROBES_BY_CITY,
    RESPONSES,
    THROTTLED,
    USEFUL_WORK,
    WAITING,
)

CAUSE = Row(
    "Cause: what broke first",
    (
        ADDRESSES,
        DNS_REPLIES,
        RESPONSES,
        FAILED_LOOKUPS,
        GENERATIONS,
        LOST_LOCKS,
    ),
)

DEPENDENCY = Row(
    "Dependency: who needs it and fails",
    (
        Chart(
            "Failed share of calls, by peer",
            "Share of attempts that failed, by the host called, as its callers see it. The peer whose line rises "
            "first is nearest to the cause; those that follow are mostly its callers.",
            units.PercentUnit,
            share(calls(FAILED), calls()),
            by(PEER),
            width=12,
            worst="high",
            limit=0.05,
            ceiling=1,
        ),
        Chart(
            "Failed calls, by error",
            "What the callers' libraries say went wrong. Words about names and addresses point at DNS, refusals "
            "and resets at a process that is gone, time-outs at one that is too slow.",
            units.RequestsPerSecond,
            rate(f"http_client_request_duration_seconds_count{{{OF_CALL}{FAILED}}}", "error_type"),
            by("error_type"),
            width=12,
        ),
        WAITING,
        Chart(
            "Age of the oldest work",
            "How long the oldest item has waited. Beyond the time-out of whoever asked for it, everything that is "
            "finished is finished too late: capacity turns into waste.",
            units.Seconds,
            f"max by ({SERVICE}) ({ending('queue_oldest_age_seconds')})",
            by(SERVICE),
        ),
        LEASES,
    ),
)

SYMPTOM = Row(
    "Symptom: what users feel",
    (
        Chart(
            "Failed share of requests, by service",
            "Share of served requests that ended in an error. A service that fails here while a peer that it "
            "calls fails above is a symptom, however loud it is.",
            units.PercentUnit,
            share(served(FAILED), served()),
            by(SERVICE),
            worst="high",
            limit=0.05,
            ceiling=1,
        ),
        Chart(
            "Mean duration of requests, by service",
            "Mean time to serve a request. Up together with errors: callers wait for time-outs. Down together "
            "with errors: they fail fast, as when a name cannot be resolved.",
            units.Seconds,
            f"{rate(f'http_server_request_duration_seconds_sum{{{OF_JOB}}}', SERVICE)} / ({served()} > 0)",
            by(SERVICE),
        ),
        PROBES_BY_CITY,
    ),
)

RECOVERY = Row(
    "Recovery: what keeps it down",
    (
        CALLS_PER_REQUEST,
        GOODPUT,
        USEFUL_WORK,
        Chart(
            "Propagation delay",
            "How long a change takes to reach the data plane. While it is high, new instances run but cannot be "
            "reached.",
            units.Seconds,
            f"max by ({SERVICE}) ({ending('propagation_delay_seconds')})",
            by(SERVICE),
            width=6,
        ),
        Chart(
            "Health-check flips",
            "Targets that go in and out of service. Flips while the targets are well: the checker is what is ill, "
            "and failover that follows it takes healthy capacity away.",
            units.EventsPerSecond,
            rate('{__name__=~".+_health_check_flips_total"}', "load_balancer", "availability_zone"),
            f"{by('load_balancer')} {by('availability_zone')}",
            width=6,
        ),
        Chart(
            "Healthy hosts, by zone",
            "Targets in service behind the load balancers. A saw-tooth is flapping; one zone at 0 is failover.",
            units.Short,
            "sum by (dimension_LoadBalancer, dimension_AvailabilityZone) (aws_networkelb_healthy_host_count_average)",
            f"{by('dimension_LoadBalancer')} {by('dimension_AvailabilityZone')}",
            width=6,
        ),
        replace(THROTTLED, width=6),
    ),
)

BOARD = Board(
    "cascade-overview",
    "Epicenter / Cascade overview",
    "One outage from left to right and top to bottom: cause, dependency, symptom, recovery.",
    ("dns", "retries"),
    ("cluster", "namespace", "job", "peer", "name"),
    (CAUSE, DEPENDENCY, SYMPTOM, RECOVERY),
)
