"""The panels that stand on more than one dashboard: one question has one panel, wherever it is asked."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from .charts import (
    FAILED,
    NAME,
    OF_JOB,
    OF_NAME,
    PEER,
    QUESTION,
    SERVICE,
    SUCCEEDED,
    Chart,
    by,
    calls,
    calls_per_request,
    ending,
    rate,
    share,
)

ADDRESSES = Chart(
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
)

DNS_REPLIES = Chart(
    "Probes that got a DNS reply, by name",
    "Share of the DNS probes that got any reply. Below 1 the resolver, or the way to it, is failing; at 1 "
    "with no address in the answer it is the record that is wrong.",
    units.PercentUnit,
    f"avg by ({NAME}) (probe_dns_query_succeeded{{{OF_NAME}}})",
    by(NAME),
    worst="low",
    limit=1,
    ceiling=1,
)

RESPONSES = Chart(
    "DNS responses, by code",
    "What resolvers answer. NXDOMAIN, SERVFAIL or REFUSED rising says that DNS is failing loudly. A rise "
    "of NOERROR alone does not clear it: empty answers are counted there, and clients ask again and "
    "again.",
    units.RequestsPerSecond,
    rate("coredns_dns_responses_total", "rcode"),
    by("rcode"),
)

FAILED_LOOKUPS = Chart(
    "Failed look-ups, by name and error",
    "Look-ups that clients saw fail. This is where an empty answer shows as a failure: EAI_NODATA or "
    '"no such host" while the resolver counts a success.',
    units.RequestsPerSecond,
    rate(f"dns_lookup_duration_seconds_count{{{OF_JOB}{FAILED}}}", "dns_question_name", "error_type"),
    f"{by('dns_question_name')} {by('error_type')}",
)

GENERATIONS = Chart(
    "Record generation, by writer",
    "Generation of the plan that each writer applied last. Lines that rise together are healthy. One "
    "writer far below the others is about to overwrite a newer plan with an older one; all lines flat: "
    "writers are stuck.",
    units.Short,
    f"max by (record, {SERVICE}) (dns_enactor_plan_generation)",
    f"{by(SERVICE)} on {by('record')}",
)

LOST_LOCKS = Chart(
    "Lost locks, by writer",
    "Contention is normally spread over the writers. One writer that loses again and again works from an "
    "ever older plan: the leading indicator of a stale overwrite, before any customer notices.",
    units.EventsPerSecond,
    rate("dns_enactor_lock_failures_total", "record", SERVICE),
    f"{by(SERVICE)} on {by('record')}",
)

WAITING = Chart(
    "Work waiting in queues",
    "Depth of each service's work queue. One that grows while its workers are busy is fed faster than it "
    "drains, often by its own retries.",
    units.Short,
    f"max by ({SERVICE}) ({ending('queue_depth')})",
    by(SERVICE),
)

LEASES = Chart(
    "Leases held",
    "Leases that are valid now. A slow fall says that renewals fail while old leases run out one by one: "
    "what needs a lease fails later than the cause, and comes back later too.",
    units.Short,
    f"sum by ({SERVICE}) ({ending('leases_active')})",
    by(SERVICE),
)

PROBES_BY_CITY = Chart(
    "Probes from outside that succeed, by city",
    "Share of external probes that succeed. All cities at once: the service or its name. One city alone: "
    "the way there, or one resolver's cache.",
    units.PercentUnit,
    'avg by (city) (probe_success{city!=""})',
    by("city"),
    worst="low",
    limit=1,
    ceiling=1,
)

CALLS_PER_REQUEST = Chart(
    "Calls per request, by peer",
    "Attempts at a peer for each request that its callers serve. Flat in health and under a surge of "
    "users; retries multiply it. High while the cause lasts is expected, high after the repair is a retry "
    "storm.",
    units.Short,
    calls_per_request(),
    by(PEER),
)

GOODPUT = Chart(
    "Goodput, by peer",
    "Calls per second that succeed. Calls up and goodput down is waste. Goodput back at its old level is "
    "recovery, whatever share of the retries still fails.",
    units.RequestsPerSecond,
    calls(SUCCEEDED),
    by(PEER),
)

USEFUL_WORK = Chart(
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
)

THROTTLED = Chart(
    "Throttled requests, by service",
    "Requests turned away on purpose. During recovery this is a cure and no symptom: lift it in steps, as "
    "long as goodput holds.",
    units.RequestsPerSecond,
    rate(ending("throttled_requests_total"), SERVICE),
    by(SERVICE),
)
