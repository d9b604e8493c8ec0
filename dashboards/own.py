"""The board on Epicenter itself: what it says, what it takes in, whether it keeps up, and on whom it depends.

Its metrics are those of docs/live-metrics.md.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from .charts import OF_SELF, Board, Chart, Row, by, quantile, rate


def _own(metric: str, *, extra: str = "") -> str:
    return f"epicenter_{metric}{{{OF_SELF}{extra}}}"


def _since(metric: str) -> str:
    return f"time() - max by (instance) ({_own(metric)})"


INCIDENT = Row(
    "Incident: what it says",
    (
        Chart(
            "Confidence in each candidate",
            "Score of the first candidates for the root cause. One line far above the others is an answer; lines "
            "close together say that evidence does not tell them apart, and that all of them are worth a look.",
            units.PercentUnit,
            f"max by (component, kind) ({_own('root_cause_confidence_ratio')})",
            f"{by('component')} ({by('kind')})",
            ceiling=1,
        ),
        Chart(
            "Open incidents and their phase",
            "1 while an incident is in a phase; a warning is what may come before harm. No line at all is calm, or a "
            "server that sees nothing: look at what it takes in, below, before you believe in calm.",
            units.Short,
            f"max by (incident_id, phase) ({_own('incident_phase')})",
            f"{by('incident_id')}: {by('phase')}",
            beside=(
                (f"max by (instance) ({_own('incident_open')})", f"open at {by('instance')}"),
                (f"max by (instance) ({_own('warning_open')})", f"warnings at {by('instance')}"),
                (
                    f"max by (incident_id, verdict, kind, trigger) ({_own('incident_info')})",
                    f"{by('incident_id')}: {by('verdict')}, {by('kind')} in {by('trigger')}",
                ),
            ),
        ),
        Chart(
            "Loops that keep it down",
            "1 while a loop sustains an incident. One that goes on after the trigger has ended will not stop by "
            "waiting: take load away at the edges with high amplification.",
            units.Short,
            f"max by (loop) ({_own('sustaining_loop_active')})",
            by("loop"),
            worst="high",
            limit=1,
        ),
        Chart(
            "Amplification, by edge",
            "Attempts per original of each busy edge, as counted from spans. 1 is health; 1.5 and more with "
            "goodput below one half after the repair is a retry storm.",
            units.Short,
            f"topk(10, max by (client, server) ({_own('edge_amplification_ratio')}))",
            f"{by('client')} → {by('server')}",
            worst="high",
            limit=1.5,
        ),
        Chart(
            "Goodput, by edge",
            "Good ends per original of the ten worst of the busy edges. An edge at 0 whose callers recover anyway "
            "has a fallback; one at 0 whose callers fail is the way the outage went.",
            units.PercentUnit,
            f"bottomk(10, min by (client, server) ({_own('edge_goodput_ratio')}))",
            f"{by('client')} → {by('server')}",
            worst="low",
            limit=0.5,
            ceiling=1,
        ),
        Chart(
            "DNS failures, by name and class",
            "Failed look-ups that spans and metrics tell of. Class nodata is an empty record, which no resolver "
            "counts as an error; servfail and timeout point at the resolver.",
            units.EventsPerSecond,
            rate(_own("dns_failures_total"), "name", "class"),
            f"{by('name')} {by('class')}",
        ),
    ),
)

INTAKE = Row(
    "Intake: what it sees",
    (
        Chart(
            "Spans taken in, by transport",
            "Spans per second. A fall to 0 while the estate works is blindness, and the way from the Collector is "
            "where to look; a slow fall is sampling.",
            units.EventsPerSecond,
            rate(_own("ingest_spans_total"), "transport"),
            f"spans by {by('transport')}",
        ),
        Chart(
            "Samples and log records taken in, by transport",
            "Metric samples and log records per second. Samples polled from Prometheus come in steps of a poll; "
            "none for five minutes says that Prometheus does not answer.",
            units.EventsPerSecond,
            rate(_own("ingest_samples_total"), "transport"),
            f"samples by {by('transport')}",
            beside=((rate(_own("ingest_log_records_total"), "transport"), f"log records by {by('transport')}"),),
        ),
        Chart(
            "Lost on the way in",
            "Items per second that were refused, came after their window or found a table full. Above a hundredth "
            "of the intake findings begin to suffer. The words say whose fault it is: senders', clocks' or names'.",
            units.EventsPerSecond,
            rate(_own("ingest_rejected_total"), "signal", "reason"),
            f"{by('signal')} rejected: {by('reason')}",
            beside=(
                (rate(_own("ingest_overflow_total"), "kind"), f"over the bound: {by('kind')}"),
                (rate(_own("late_items_total"), "signal"), f"{by('signal')} too late"),
            ),
        ),
    ),
)

ANALYSIS = Row(
    "Analysis: whether it keeps up",
    (
        Chart(
            "Waiting to be counted",
            "Items that are safe in the log and not counted yet. A saw that falls to near 0 at each look is health. "
            "One that stays at some hundred thousand says that senders are being held back.",
            units.Short,
            f"max by (instance) ({_own('ingest_waiting_rows')})",
            by("instance"),
            width=6,
        ),
        Chart(
            "Duration of an analysis",
            "Median and 99th percentile of the time that one analysis takes. It depends on services, edges and "
            "windows and not on traffic; near the length of a window it can no longer keep up.",
            units.Seconds,
            quantile(0.99, _own("analysis_duration_seconds_bucket"), "instance"),
            f"{by('instance')} p99",
            beside=((quantile(0.5, _own("analysis_duration_seconds_bucket"), "instance"), f"{by('instance')} p50"),),
            width=6,
        ),
        Chart(
            "Age of what it knows",
            "Seconds since the last analysis that ended well, and how far behind the clock its newest window ends. "
            "Both small: its page shows the present. The second alone high: it waits for late telemetry.",
            units.Seconds,
            _since("analysis_last_success_timestamp_seconds"),
            f"{by('instance')} last analysis",
            worst="high",
            limit=300,
            beside=((f"max by (instance) ({_own('watermark_lag_seconds')})", f"{by('instance')} newest window"),),
            width=6,
        ),
        Chart(
            "Failed analyses",
            "Analyses per second that end in an error. Any is a fault of Epicenter's own: its log has the "
            "traceback, which is worth a report.",
            units.EventsPerSecond,
            rate(_own("analysis_failures_total"), "instance"),
            by("instance"),
            width=6,
        ),
    ),
)

MACHINE = Row(
    "Machine: disk, memory, processor",
    (
        Chart(
            "Log on disk",
            "Size of the write-ahead log. It grows with the intake and shrinks as windows are analysed; one that "
            "only grows says that analysis has stopped.",
            units.BytesIEC,
            f"max by (instance) ({_own('wal_bytes')})",
            by("instance"),
            width=6,
        ),
        Chart(
            "Commit to disk",
            "99th percentile of the time until a batch is safe, and 1 while the disk is full. Senders wait for it: "
            "above a second their queues begin to fill.",
            units.Seconds,
            quantile(0.99, _own("wal_commit_duration_seconds_bucket"), "instance"),
            f"{by('instance')} p99",
            width=6,
            beside=((f"max by (instance) ({_own('disk_full')})", f"{by('instance')} disk full"),),
        ),
        Chart(
            "Memory against its limit",
            "Memory held as a share of what the server keeps itself within. Near 1 it refuses what comes in rather "
            "than be killed: give it more, or let Prometheus do the counting.",
            units.PercentUnit,
            f"max by (instance) (process_resident_memory_bytes{{{OF_SELF}}})"
            f" / max by (instance) ({_own('memory_limit_bytes')})",
            by("instance"),
            width=6,
            worst="high",
            limit=0.9,
        ),
        Chart(
            "Processor",
            "Cores in use. Near the number it has for minutes on end, analysis comes late; a jump at the start is "
            "the log being replayed.",
            units.Short,
            rate(f"process_cpu_seconds_total{{{OF_SELF}}}", "instance"),
            by("instance"),
            width=6,
        ),
    ),
)

NEIGHBOURS = Row(
    "Neighbours: Prometheus and Alertmanager",
    (
        Chart(
            "Failed polls and pushes",
            "Polls of Prometheus and pushes to Alertmanager that fail, per second. Without the first it is blind "
            "to what only metrics tell; without the second nobody hears what it finds.",
            units.EventsPerSecond,
            rate(_own("prometheus_poll_failures_total"), "instance"),
            f"{by('instance')} polls",
            width=12,
            beside=((rate(_own("alertmanager_push_failures_total"), "instance"), f"{by('instance')} pushes"),),
        ),
        Chart(
            "Age of the last answer of Prometheus",
            "Seconds since Prometheus last answered a poll. A saw-tooth as high as the polling interval is health; "
            "a line that climbs is a Prometheus that is down, slow or elsewhere.",
            units.Seconds,
            _since("prometheus_last_success_timestamp_seconds"),
            by("instance"),
            width=12,
            worst="high",
            limit=300,
        ),
    ),
)

BOARD = Board(
    "own-health",
    "Epicenter / Own health",
    "What Epicenter says, what it takes in, whether it keeps up, and on whom it depends.",
    ("self",),
    ("cluster", "namespace", "instance"),
    (INCIDENT, INTAKE, ANALYSIS, MACHINE, NEIGHBOURS),
)
