"""What the dashboard shows: four rows in causal order, from what broke first to what keeps it down.

A panel says what it shows and what to conclude from it, since an on-call engineer reads it for the first
time during an outage.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from .charts import (
    FAILED,
    NAME,
    OF_CALL,
    OF_JOB,
    OF_NAME,
    PEER,
    QUESTION,
    SERVICE,
    SUCCEEDED,
    Chart,
    Row,
    by,
    calls,
    calls_per_request,
    ending,
    rate,
    served,
    share,
)

CAUSE = Row(
    "Cause: what broke first",
    (
        Chart(
            "Addresses in the answer, by name",
            "Records that a probe of each name gets back; the worst prober of each. A name that had addresses and "
            "drops to 0 is the cause: to the resolver an empty answer is a success (NOERROR), so no counter of "
            "DNS errors shows it. A question that never had an answer (AAAA of an IPv4-only name) is no news at "
            "0.",
            units.Short,
            f"min by ({QUESTION}) (probe_dns_answer_rrs{{{OF_NAME}}})",
            f"{by(NAME)} {by('module')} {by('query_type')}",
            worst="low",
            limit=1,
        ),
        Chart(
            "Probes that got a DNS reply, by name",
            "Share of the DNS probes that got any reply. Below 1 the resolver, or the way to it, is failing; at 1 "
            "with no address in the answer it is the record that is wrong.",
            units.PercentUnit,
            f"avg by ({NAME}) (probe_dns_query_succeeded{{{OF_NAME}}})",
            by(NAME),
            worst="low",
            limit=1,
            ceiling=1,
        ),
        Chart(
            "DNS responses, by code",
            "What resolvers answer. NXDOMAIN, SERVFAIL or REFUSED rising says that DNS is failing loudly. A rise "
            "of NOERROR alone does not clear it: empty answers are counted there, and clients ask again and "
            "again.",
            units.RequestsPerSecond,
            rate("coredns_dns_responses_total", "rcode"),
            by("rcode"),
        ),
        Chart(
            "Failed look-ups, by name and error",
            "Look-ups that clients saw fail. This is where an empty answer shows as a failure: EAI_NODATA or "
            '"no such host" while the resolver counts a success.',
            units.RequestsPerSecond,
            rate(f"dns_lookup_duration_seconds_count{{{OF_JOB}{FAILED}}}", "dns_question_name", "error_type"),
            f"{by('dns_question_name')} {by('error_type')}",
        ),
        Chart(
            "Record generation, by writer",
            "Generation of the plan that each writer applied last. Lines that rise together are healthy. One "
            "writer far below the others is about to overwrite a newer plan with an older one; all lines flat: "
            "writers are stuck.",
            units.Short,
            f"max by (record, {SERVICE}) (dns_enactor_plan_generation)",
            f"{by(SERVICE)} on {by('record')}",
        ),
        Chart(
            "Lost locks, by writer",
            "Contention is normally spread over the writers. One writer that loses again and again works from an "
            "ever older plan: the leading indicator of a stale overwrite, before any customer notices.",
            units.EventsPerSecond,
            rate("dns_enactor_lock_failures_total", "record", SERVICE),
            f"{by(SERVICE)} on {by('record')}",
        ),
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
        Chart(
            "Work waiting in queues",
            "Depth of each service's work queue. One that grows while its workers are busy is fed faster than it "
            "drains, often by its own retries.",
            units.Short,
            f"max by ({SERVICE}) ({ending('queue_depth')})",
            by(SERVICE),
        ),
        Chart(
            "Age of the oldest work",
            "How long the oldest item has waited. Beyond the time-out of whoever asked for it, everything that is "
            "finished is finished too late: capacity turns into waste.",
            units.Seconds,
            f"max by ({SERVICE}) ({ending('queue_oldest_age_seconds')})",
            by(SERVICE),
        ),
        Chart(
            "Leases held",
            "Leases that are valid now. A slow fall says that renewals fail while old leases run out one by one: "
            "what needs a lease fails later than the cause, and comes back later too.",
            units.Short,
            f"sum by ({SERVICE}) ({ending('leases_active')})",
            by(SERVICE),
        ),
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
        Chart(
            "Probes from outside that succeed, by city",
            "Share of external probes that succeed. All cities at once: the service or its name. One city alone: "
            "the way there, or one resolver's cache.",
            units.PercentUnit,
            'avg by (city) (probe_success{city!=""})',
            by("city"),
            worst="low",
            limit=1,
            ceiling=1,
        ),
    ),
)

RECOVERY = Row(
    "Recovery: what keeps it down",
    (
        Chart(
            "Calls per request, by peer",
            "Attempts at a peer for each request that its callers serve. Flat in health and under a surge of "
            "users; retries multiply it. High while the cause lasts is expected, high after the repair is a retry "
            "storm.",
            units.Short,
            calls_per_request(),
            by(PEER),
        ),
        Chart(
            "Goodput, by peer",
            "Calls per second that succeed. Calls up and goodput down is waste. Goodput back at its old level is "
            "recovery, whatever share of the retries still fails.",
            units.RequestsPerSecond,
            calls(SUCCEEDED),
            by(PEER),
        ),
        Chart(
            "Attempts at queued work that were of use",
            "Share of attempts at queued work that ended well. Busy workers with a share near 0 after the repair "
            "are in congestive collapse, which does not end by waiting: throttle what comes in and clear what is "
            "stale.",
            units.PercentUnit,
            share(
                rate(ending("attempts_total", ', outcome="ok"'), SERVICE),
                rate(ending("attempts_total", ', outcome!=""'), SERVICE),
            ),
            by(SERVICE),
            worst="low",
            limit=0.5,
            ceiling=1,
        ),
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
        Chart(
            "Throttled requests, by service",
            "Requests turned away on purpose. During recovery this is a cure and no symptom: lift it in steps, as "
            "long as goodput holds.",
            units.RequestsPerSecond,
            rate(ending("throttled_requests_total"), SERVICE),
            by(SERVICE),
            width=6,
        ),
    ),
)

ROWS = (CAUSE, DEPENDENCY, SYMPTOM, RECOVERY)
