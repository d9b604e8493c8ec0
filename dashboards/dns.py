"""The DNS board: what names resolve to, how look-ups end, who writes the records, and who sees what from where."""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models import units

from .charts import FAILED, NAME, OF_JOB, OF_NAME, QUESTION, SERVICE, Board, Chart, Row, by, rate, share
from .shared import ADDRESSES, DNS_REPLIES, FAILED_LOOKUPS, GENERATIONS, LOST_LOCKS, PROBES_BY_CITY, RESPONSES

_LOOKUPS = "dns_lookup_duration_seconds"
_BEST = f"max by ({QUESTION}) (probe_dns_answer_rrs{{{OF_NAME}}})"
_GENERATION = "dns_enactor_plan_generation"

ANSWERS = Row(
    "Answers: what names resolve to",
    (
        ADDRESSES,
        Chart(
            "Answers against the past day, by name",
            "Records in the answer that the best placed prober gets, as a share of the most of the past day. 0: "
            "the record is empty. Between 0 and 1: half a record, or a fleet that was made smaller. Epicenter's "
            "rules alert on 0.",
            units.PercentUnit,
            f"{_BEST} / (max by ({QUESTION}) (max_over_time(probe_dns_answer_rrs{{{OF_NAME}}}[1d])) > 0)",
            f"{by(NAME)} {by('module')} {by('query_type')}",
            worst="low",
            limit=0.5,
        ),
        DNS_REPLIES,
    ),
)

CLASSES = Row(
    "Classes: how look-ups end",
    (
        replace(RESPONSES, width=6),
        replace(FAILED_LOOKUPS, width=6),
        Chart(
            "Failed share of look-ups, by name",
            "Share of clients' look-ups that fail. One name: its record. Every name at once: the resolver, or the "
            "way to it. A share that never was 0 is mostly AAAA of an IPv4-only name, and harms nobody.",
            units.PercentUnit,
            share(
                rate(f"{_LOOKUPS}_count{{{OF_JOB}{FAILED}}}", "dns_question_name"),
                rate(f"{_LOOKUPS}_count{{{OF_JOB}}}", "dns_question_name"),
            ),
            by("dns_question_name"),
            width=6,
            worst="high",
            limit=0.05,
            ceiling=1,
        ),
        Chart(
            "Mean duration of look-ups, by name",
            "How long clients wait for an answer, good or bad. Seconds say that resolvers do not answer and "
            "clients ask the next one after a time-out; short and failing says that somebody answers, and wrongly.",
            units.Seconds,
            f"{rate(f'{_LOOKUPS}_sum{{{OF_JOB}}}', 'dns_question_name')}"
            f" / ({rate(f'{_LOOKUPS}_count{{{OF_JOB}}}', 'dns_question_name')} > 0)",
            by("dns_question_name"),
            width=6,
        ),
    ),
)

RECORDS = Row(
    "Records: who writes them",
    (
        GENERATIONS,
        Chart(
            "Generations behind, by writer",
            "How far the plan that each writer applied last is behind the newest of all. A saw-tooth near 0 is "
            "health. A line that climbs is a writer that stands still: what it writes next is old, and goes over "
            "something newer.",
            units.Short,
            f"max by (record) ({_GENERATION}) - on (record) group_right () max by (record, {SERVICE}) ({_GENERATION})",
            f"{by(SERVICE)} on {by('record')}",
        ),
        LOST_LOCKS,
    ),
)

PLACES = Row(
    "Probes: who sees what, from where",
    (
        Chart(
            "Addresses in the answer, by city",
            "The fewest records that each city's prober gets of a name. One city at 0: a resolver that remembers "
            "an empty answer, for as long as the zone's negative TTL allows. All of them: the record itself.",
            units.Short,
            f"min by (city, {NAME}, module) (probe_dns_answer_rrs{{{OF_NAME}}})",
            f"{by('city')} {by(NAME)} {by('module')}",
            worst="low",
            limit=1,
        ),
        Chart(
            "Duration of DNS probes, by city",
            "Mean time that a city's prober waits for DNS. One city alone points at the way there or at its "
            "resolver; all cities at once point at the authoritative servers.",
            units.Seconds,
            'avg by (city) (probe_dns_lookup_time_seconds{city!=""})',
            by("city"),
        ),
        PROBES_BY_CITY,
    ),
)

BOARD = Board(
    "dns",
    "Epicenter / DNS",
    "Answers, how look-ups end, changes of records, and probes by city.",
    ("dns",),
    ("cluster", "namespace", "job", "name"),
    (ANSWERS, CLASSES, RECORDS, PLACES),
)
